"""AutoGluon MultiModal as a peer: in an environment of its own (gigabytes), which is made once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PEER = "autogluon.multimodal==1.6.3"


def autogluon_python(folder: Path) -> Path:
    """The Python that has AutoGluon; its environment is made in `folder` where it is missing."""
    python = folder / "autogluon" / "bin" / "python"
    if not (folder / "autogluon" / "installed").exists():
        print("Setting up AutoGluon's environment ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "autogluon")], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
        (folder / "autogluon" / "installed").touch()
    return python


def fit_autogluon(python: Path, data: Path, checkpoint: Path, seconds: float) -> dict[str, Any]:
    """What automl_peer.py prints.

    Raises:
        RuntimeError: AutoGluon failed.
    """
    script = Path(__file__).with_name("automl_peer.py")
    result = subprocess.run(
        [python, script, data, checkpoint, str(seconds)],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"AutoGluon failed:\n{result.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found
