"""`tintype evaluate --explain`."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Command
from pictures import encoded, noise
from report_pages import data_of


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for number in range(6):
        path = tmp_path / "data" / ("can", "jug")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise(40, 40, seed=number), "PNG"))
    return tmp_path / "data"


def test_mistakes_are_explained_on_the_page(
    command: Command, vit_checkpoint: Path, folders: Path, tmp_path: Path
) -> None:
    arguments = ("evaluate", "--model", vit_checkpoint, "--data", folders, "--output", tmp_path)
    command(*arguments, "--explain", "attention", "--explain-rows", 2)
    explained = data_of((tmp_path / "evaluation.html").read_text())["explained"]
    assert (explained["method"], len(explained["pictures"])) == ("attention", 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--explain", "xray"), "Did you mean 'xrai'"),
        (("--explain", "guided_gradcam"), "nearest that is valid is 'attention'"),
        (("--explain-rows", 3), "--explain-rows is for --explain METHOD"),
    ],
)
def test_what_cannot_be_done_is_refused(
    command: Command,
    vit_checkpoint: Path,
    folders: Path,
    tmp_path: Path,
    arguments: tuple[object, ...],
    told: str,
) -> None:
    given = ("evaluate", "--model", vit_checkpoint, "--data", folders, *arguments)
    assert told in command(*given, "--output", tmp_path / "report", code=2)
    assert not list(tmp_path.glob("*report*"))


def test_without_a_page_there_is_nothing_to_explain(
    command: Command, vit_checkpoint: Path, folders: Path
) -> None:
    given = ("evaluate", "--model", vit_checkpoint, "--data", folders, "--explain", "auto")
    assert "which --output FOLDER writes; give both" in command(*given, code=2)
