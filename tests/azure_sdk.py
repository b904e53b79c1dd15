"""An environment with Microsoft's azure-ai-ml, and scripts in it that do what notebooks do.

Its pins clash with ours (opentelemetry, marshmallow), so it has an environment of its own, kept from one
run of the tests to the next; this project's packages come after its own there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import filelock

import tintype

PACKAGES = ("azure-ai-ml==1.35.2", "azure-identity==1.27.0", "marshmallow==3.26.2")
NOTEBOOKS = Path(__file__).parent / "client" / "notebooks"


def azure_python() -> Path:
    """The Python of that environment, which is made where it is not there yet."""
    ours = sysconfig.get_path("purelib")
    key = hashlib.sha256("\n".join((*PACKAGES, ours, sys.version)).encode()).hexdigest()[:16]
    folder = Path.home() / ".cache" / "tintype-tests" / f"azure-{key}"
    python, complete = folder / "bin" / "python", folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
            # `.pth` files put what they name behind the environment's own packages.
            [packages] = (folder / "lib").glob("python*/site-packages")
            (packages / "tintype-tests.pth").write_text(f"{ours}\n")
            complete.touch()
    return python


class Notebooks:
    """A workspace, and scripts that are run in it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "TINTYPE_HOME": str(folder / "home"),
            "TINTYPE_RUNTIME": "torch",
            "TINTYPE_PRECISION": "fp32",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(Path(tintype.__file__).parents[1]),
            "PYTHONWARNINGS": "ignore",
        }
        self._python = azure_python()

    def __call__(self, name: str, **given: Any) -> Any:
        """What the last line of a script's output says, read as JSON."""
        ended = subprocess.run(
            [self._python, NOTEBOOKS / f"{name}.py", json.dumps(given)],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return json.loads(ended.stdout.splitlines()[-1])
