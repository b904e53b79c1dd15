from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import write_checkpoint
from embeddings import embeddings, write_run
from pictures import encoded, striped
from PIL import Image
from report_pages import data_of
from typer.testing import CliRunner

from tintype.cli.main import _run
from tintype.scoring import Scorer


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Six pictures; the last is a copy of the first."""
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(striped(number % 3, number % 5)))
    paths[5].write_bytes(paths[0].read_bytes())
    return [str(path) for path in paths]


@pytest.fixture
def embedded(tmp_path: Path, pictures: list[str]) -> Path:
    """A batch run over `pictures` with its model."""
    model = str(write_checkpoint(tmp_path / "vit"))
    scorer = Scorer.load(model, task="embeddings", pooling="mean")
    features = np.stack([result.features for result in scorer.predict(pictures)])
    return write_run(
        tmp_path / "run", features, parts=2, images=pictures, model=model, pooling="mean"
    )


def told(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Any:
    """What the command prints, as JSON; or its error."""
    found = _run(["similar", *map(str, arguments)])
    output = capsys.readouterr()
    assert found == code, output.err
    return output.err if code else json.loads(output.out)


def test_duplicates_without_a_question(
    embedded: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    groups = told(capsys, embedded, "--threshold", 0.9999)
    assert groups == told(capsys, embedded, "--duplicates", "--threshold", 0.9999)
    assert groups == [
        {
            "group": 1,
            "pictures": [
                {
                    "cosine": 1.0,
                    "row": row,
                    "file_name": f"{row}.png",
                    "file_row": 0,
                    "image": pictures[row],
                }
                for row in (0, 5)
            ],
        }
    ]


def test_neighbours_of_pictures_and_rows(
    embedded: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, embedded, "--image", pictures[0], "--row", 2, "--row", 0, "-k", 2)
    assert [one["query"].get("row") for one in found] == [None, 2, 0]
    assert found[0]["query"] == {"image": pictures[0]}
    assert [one["row"] for one in found[0]["neighbours"]] == [0, 5]
    assert found[0]["neighbours"][1]["cosine"] == pytest.approx(1, abs=1e-5)
    assert len(found[1]["neighbours"]) == 2
    assert 2 not in [one["row"] for one in found[1]["neighbours"]]
    assert found[2]["neighbours"][0]["row"] == 5


def test_tables_have_one_line_a_picture(embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["similar", str(embedded), "--row", "0", "-k", "3", "-o", "tsv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].split("\t")[:4] == ["0.png", "1.0", "5", "5.png"]
    assert _run(["similar", str(embedded), "--threshold", "0.9999", "-o", "table"]) == 0
    assert "5.png" in capsys.readouterr().out
    assert told(capsys, embedded, "--row", 0, "--query", "[0].neighbours[0].row") == 5


def test_the_sheet_shows_them(
    embedded: Path, tmp_path: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.html"
    told(capsys, embedded, "--threshold", 0.9999, "--sheet", sheet)
    (group,) = data_of(sheet.read_text())["sections"]
    assert group["title"] == "Group 1: 2 pictures"
    assert [(one["name"], one["cosine"]) for one in group["pictures"]] == [
        ("0.png", 1.0),
        ("5.png", 1.0),
    ]
    assert all(one["picture"].startswith("data:image/webp") for one in group["pictures"])
    told(capsys, embedded, "--image", pictures[1], "-k", 2, "--sheet", sheet)
    (answer,) = data_of(sheet.read_text())["sections"]
    assert answer["pictures"][0]["name"] == pictures[1]
    assert [one["cosine"] is None for one in answer["pictures"]] == [True, False, False]
    told(capsys, embedded, "--row", 0, "--row", 1, "--sheet", sheet, "--sheet-limit", 1)
    assert "1 more of 2 are left out" in data_of(sheet.read_text())["lead"][0]


def test_what_cannot_be_done_is_refused(
    embedded: Path, tmp_path: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: object, code: int = 2) -> str:
        return str(told(capsys, *arguments, code=code))

    assert "no such file or folder" in refused(tmp_path / "absent")
    assert "there is no row 6" in refused(embedded, "--row", 6)
    assert "leave out --image and --row" in refused(embedded, "--row", 1, "--duplicates")
    assert "--threshold is for --duplicates" in refused(embedded, "--row", 1, "--threshold", 0.9)
    assert "-k is for --image" in refused(embedded, "-k", 3)
    assert "are for --image" in refused(embedded, "--row", 1, "--model", "x")
    assert "cannot read" in refused(embedded, "--image", tmp_path / "gone.png", code=1)
    for wrong in (["-k", 0, "--row", 1], ["--threshold", 2], ["--sheet-limit", 0], ["-o", "xml"]):
        refused(embedded, *wrong)
    other = write_run(tmp_path / "other", embeddings(4, 20))
    message = refused(other, "--image", pictures[0])
    assert "--image needs --model" in message
    message = refused(other, "--image", pictures[0], "--model", tmp_path / "vit")
    assert "makes features of 32 numbers" in message
    assert "have 20" in message


def test_one_file_finds_the_summary_of_its_run(
    embedded: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = embedded / "predictions" / "part-00001.parquet"
    found = told(capsys, file, "--image", pictures[4], "-k", 1)
    assert found[0]["neighbours"][0]["file_name"] == "4.png"


def test_help_says_what_it_does() -> None:
    from tintype.cli.main import app

    text = CliRunner().invoke(app, ["similar", "--help"]).output
    for option in ("--image", "--row", "--duplicates", "--threshold", "--sheet", "--neighbours"):
        assert option in text


def test_a_picture_of_neighbours_and_of_groups(
    embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = []
    for words in (
        ["--row", 0, "-k", 2],
        ["--row", 0, "--row", 1, "-k", 4],
        ["--threshold", 0.9999],
    ):
        told(capsys, embedded, *words, "--picture", tmp_path / "p.png")
        sizes.append(Image.open(tmp_path / "p.png").size)
    # A row more, two columns more; of the group of two, its first picture with the other.
    assert sizes[1][0] > sizes[0][0] > sizes[2][0] and sizes[1][1] > sizes[0][1] == sizes[2][1]
    said = told(
        capsys, embedded, "--threshold", 1, "--row", 0, "--picture", tmp_path / "p.png", code=2
    )
    assert "--threshold is for --duplicates" in said


def test_no_picture_of_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "apart", np.eye(3, dtype=np.float32))
    said = told(capsys, run, "--duplicates", "--picture", tmp_path / "p.png", code=2)
    assert "no near-duplicates to draw; lower --threshold" in said
