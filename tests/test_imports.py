"""Imports run one way, and `import tintype` costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "tintype"

# From the top of the house down (DESIGN.md §2); a room imports rooms after it, never before.
FLOORS = [
    "cli", "client", "jobs", "endpoints", "web", "batch", "workspace", "compute", "sweep", "similarity", "automl", "training", "evaluation",
    "scoring", "models", "images", "data", "schemas", "progress", "quiet", "files", "settings", "errors",
]  # fmt: skip


def imports_of(path: Path) -> set[str]:
    """Rooms of Tintype that the module imports anywhere, outside TYPE_CHECKING blocks."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "tintype":
                names = [f"tintype.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("tintype.")}
    return found


def test_imports_run_downward() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for imported in imports_of(path):
            if FLOORS.index(imported) < FLOORS.index(room):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {imported}")
    assert wrong == []


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
