"""Executes a notebook of `samples/notebooks/` and writes the executed copy, with its pictures.

    python samples/run_notebook.py image-classification-online
    python samples/run_notebook.py finetune-multiclass --model google/vit-base-patch16-224 --output executed
    python samples/run_notebook.py finetune-multilabel --set hyperparameters.method=lora

The options become the environment variables MODEL, DATA, OUTPUT, SETTINGS, LABELS and AS_IS, which the first
cells of the notebooks read. It runs in this Python, in your workspace: TINTYPE_HOME, or ~/.tintype.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "notebooks"


def main() -> int:
    """Execute the notebook; exit code 1 where a cell fails, 2 where there is no such notebook."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="a notebook of samples/notebooks, without .ipynb")
    parser.add_argument("--model", help="catalog name, Hub id, folder, or registered model")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--output", type=Path, default=Path("sample-output"))
    parser.add_argument("--set", action="append", help="key=value of the job's document")
    parser.add_argument("--labels", help="zero-shot: labels to choose from, separated by commas")
    parser.add_argument("--as-is", action="store_true", help="evaluation: it knows the labels")
    options = parser.parse_args()
    path = FOLDER / f"{options.name}.ipynb"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.ipynb")))
        print(f"no notebook {options.name!r}; there are {known}", file=sys.stderr)
        return 2
    output = (options.output / options.name).resolve()
    output.mkdir(parents=True, exist_ok=True)
    os.environ["OUTPUT"] = str(output)
    if options.model is not None:
        # A notebook runs in its own folder.
        folder = Path(options.model)
        os.environ["MODEL"] = str(folder.resolve()) if folder.is_dir() else options.model
    if options.data is not None:
        os.environ["DATA"] = str(options.data.resolve())
    if options.labels is not None:
        os.environ["LABELS"] = options.labels
    if options.as_is:
        os.environ["AS_IS"] = "yes"
    if options.set:
        os.environ["SETTINGS"] = " ".join(options.set)
    return execute(path, output / path.name)


def execute(path: Path, executed: Path) -> int:
    """Run all cells of `path` and write `executed`, also where a cell fails; 1 then, else 0."""
    import nbclient
    import nbformat
    import traitlets.config

    notebook = nbformat.read(path, as_version=4)
    served_before = tintype("status")
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            config=traitlets.config.Config(private_sockets(Path(folder))),
            timeout=None,
            resources={"metadata": {"path": str(path.parent)}},
        )
        try:
            client.execute()
        except (
            nbclient.exceptions.CellExecutionError,
            nbclient.exceptions.DeadKernelError,
        ) as error:
            print(error, file=sys.stderr)
            code = 1
        finally:
            nbformat.write(notebook, executed)
            # The daemon that serves endpoints ends too, unless it ran before.
            if not served_before:
                tintype("down")
    print(executed)
    return code


def private_sockets(folder: Path) -> dict[str, Any]:
    """Settings with which the notebook's Python is spoken to by sockets in `folder`, which is this user's alone;
    Windows has none, and keeps its local ports."""
    if os.name != "posix":
        return {}
    # A path of its own: the default is relative, and the notebook runs in another folder.
    return {"ConnectionFileMixin": {"transport": "ipc", "ip": str(folder / "kernel")}}


def tintype(command: str) -> bool:
    """Whether a command of this Python's Tintype succeeds."""
    words = [sys.executable, "-m", "tintype.cli", command]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
