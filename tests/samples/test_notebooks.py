"""Every notebook, executed on real photos with a small checkpoint, and how it is kept."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from sample_runs import ROOT, check_nothing_serves, check_picture, run_and_say

RUN = ROOT / "samples" / "run_notebook.py"
NOTEBOOKS = sorted((ROOT / "samples" / "notebooks").glob("*.ipynb"))

TWO_EPOCHS = ("--set", "hyperparameters.number_of_epochs=2")
HEAD = ("--set", "hyperparameters.method=head")
slow = pytest.mark.slow


def sample(name: str, family: str, *options: str, marks: object = slow) -> object:
    """A notebook, the family of its checkpoint, and its options."""
    return pytest.param(
        name, family, options, id=f"{name}-{family}", marks=() if marks is None else marks
    )


@pytest.mark.parametrize(
    ("name", "checkpoint", "options"),
    [
        sample("image-classification-online", "vit"),
        sample("image-classification-batch", "beit"),
        sample("zero-shot-online", "clip"),
        sample("zero-shot-batch", "clip"),
        sample("embeddings-online", "clip"),
        sample("embeddings-batch", "dinov2", marks=None),
        sample("finetune-multiclass", "dinov2", *HEAD, *TWO_EPOCHS),
        sample("finetune-multilabel", "beit", *TWO_EPOCHS),
        sample("evaluate-multiclass", "clip", "--as-is"),
        sample("evaluate-multilabel", "vit"),
        sample("automl-multiclass", "dinov2"),
        sample("automl-multilabel", "clip"),
    ],
    indirect=["checkpoint"],
)
@pytest.mark.usefixtures("ended_daemon")
def test_a_notebook_ends_with_its_picture(
    name: str,
    checkpoint: Path,
    options: tuple[str, ...],
    clothes: Path,
    cards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What the automl notebooks read beside the options.
    monkeypatch.setenv("TRIALS", "2")
    monkeypatch.setenv("MINUTES", "1")
    data = cards if "multilabel" in name else clothes
    run_and_say(
        sys.executable, RUN, name, "--model", checkpoint, "--data", data, "--output", tmp_path / "out",
        *options,
    )  # fmt: skip
    folder = tmp_path / "out" / name
    check_picture(folder / "picture.png", photos=6)
    check_nothing_serves()
    executed = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    shown = [
        output["data"]["image/png"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    last = Image.open(io.BytesIO(base64.b64decode(shown[-1])))
    assert last.size == Image.open(folder / "picture.png").size


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_takes_its_model(path: Path) -> None:
    text = path.read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) + "\n" == text, (
        "as nbformat writes it, so that changes are small"
    )
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert 'MODEL = os.environ.get("MODEL"' in code[0].source
    assert 'DATA = Path(os.environ.get("DATA"' in code[0].source
    assert notebook.cells[0].source.startswith("# ")


def test_a_cell_that_fails_is_said_and_the_copy_is_kept(tmp_path: Path) -> None:
    # No such model: the first cell that needs it fails.
    failed = run_and_say(
        sys.executable, RUN, "image-classification-batch", "--model", "no/such-model", "--output",
        tmp_path, code=1,
    )  # fmt: skip
    assert "no/such-model" in failed.stderr
    assert (tmp_path / "image-classification-batch" / "image-classification-batch.ipynb").is_file()


def test_an_unknown_notebook_names_those_there_are(tmp_path: Path) -> None:
    missing = run_and_say(sys.executable, RUN, "nothing", "--output", tmp_path, code=2)
    assert "zero-shot-online" in missing.stderr
