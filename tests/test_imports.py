"""Imports run one way, and `import tintype` costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "tintype"

# From the top of the house down (docs/design.md); a room imports rooms after it, never before.
FLOORS = (
    "cli studio client jobs labelling monitoring endpoints web batch workspace compute sweep similarity automl training "
    "evaluation explaining scoring models images data schemas pages public_http tasks progress quiet files settings errors version"
).split()


MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports_of(path: Path) -> set[str]:
    """Modules of Tintype that a module imports anywhere: in functions and for types alone, too."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            # A name of a package is a module of it, or something that its __init__ holds.
            imported |= {name if name in MODULES else node.module for name in names}
    return imported & set(MODULES)


IMPORTS = {name: imports_of(path) - {name} for name, path in MODULES.items()}


def test_imports_run_downward() -> None:
    wrong = []
    for name, imported in IMPORTS.items():
        if name == "tintype":
            # The front door: it opens every room, and no room leads back to it.
            continue
        floor = FLOORS.index(name.split(".")[1])
        for other in imported:
            if other == "tintype" or FLOORS.index(other.split(".")[1]) < floor:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    """Neither two nor more of them in a circle, not even for types or inside functions."""
    known: set[str] = set()

    def circle_from(name: str, way: tuple[str, ...]) -> tuple[str, ...] | None:
        if name in way:
            return (*way[way.index(name) :], name)
        if name in known:
            return None
        for imported in sorted(IMPORTS[name]):
            found = circle_from(imported, (*way, name))
            if found is not None:
                return found
        known.add(name)
        return None

    circles = [found for name in sorted(IMPORTS) if (found := circle_from(name, ())) is not None]
    assert circles == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    assert rooms - set(FLOORS) - {"__init__", "__pycache__", "py.typed"} == set()


def test_import_is_quick_and_light() -> None:
    script = (
        "import time; start = time.perf_counter(); import tintype; "
        "seconds = time.perf_counter() - start; import sys; "
        "heavy = {'torch', 'transformers', 'mlflow', 'numpy', 'PIL', 'sklearn', 'pandas'}; "
        "print(seconds, heavy & set(sys.modules))"
    )
    best = 9.0
    for _ in range(3):
        output = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout
        seconds, heavy = output.split(maxsplit=1)
        assert heavy.strip() == "set()"
        best = min(best, float(seconds))
    assert best < 0.2


def test_nothing_unpickles() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "cloudpickle", "dill", "joblib"} & set(names), path
            # One module converts old weights when a user asks for it, with weights_only=True.
            if isinstance(node, ast.Attribute) and path.name != "bin_weights.py":
                assert ast.unparse(node) not in ("torch.load", "torch.save", "np.lib.format"), path


def test_modules_stay_small() -> None:
    long = {
        p.name: n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 420
    }
    assert long == {}
