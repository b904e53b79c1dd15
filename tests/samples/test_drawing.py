"""`samples/draw.py` and `samples/write_request.py`: what goes into a request, and what is drawn of an answer."""

from __future__ import annotations

import base64
import csv
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sample_runs import ROOT, check_picture, run_and_say

DRAW, REQUEST = ROOT / "samples" / "draw.py", ROOT / "samples" / "write_request.py"


def request(folder: Path, name: str, data: Path, *options: str) -> tuple[Path, list[str]]:
    """The request written, and the photos in it."""
    run_and_say(
        sys.executable, REQUEST, data, folder / name, "--photos", folder / "photos.txt", *options
    )
    return folder / name, (folder / "photos.txt").read_text("utf-8").splitlines()


def test_a_request_has_photos_of_the_test_split_and_of_all_classes(
    clothes: Path, tmp_path: Path
) -> None:
    path, photos = request(tmp_path, "request.json", clothes)
    body = json.loads(path.read_text("utf-8"))["input_data"]
    assert body["columns"] == ["image"] and body["index"] == list(range(6))
    assert [base64.b64decode(cell) for cell in body["data"]] == [
        Path(photo).read_bytes() for photo in photos
    ]
    assert len({Path(photo).parent.name for photo in photos}) == 6
    assert all(photo.startswith(str(clothes / "test")) for photo in photos)
    # More than there are: each once.
    assert len(set(request(tmp_path, "request.json", clothes, "--count", "99")[1])) == 12


def test_labels_stand_beside_the_first_photo(clothes: Path, tmp_path: Path) -> None:
    text = ("--count", "3", "--text", "a hat, a shoe")
    path, _ = request(tmp_path, "request.json", clothes, *text)
    body = json.loads(path.read_text("utf-8"))["input_data"]
    assert body["columns"] == ["image", "text"]
    assert [row[1] for row in body["data"]] == ["a hat, a shoe", "", ""]
    path, photos = request(tmp_path, "rows.csv", clothes, *text)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["a hat, a shoe", "", ""]
    assert base64.b64decode(rows[2]["image"]) == Path(photos[2]).read_bytes()


def test_a_folder_without_photos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    words = [REQUEST, tmp_path / "empty", tmp_path / "r.json", "--photos", tmp_path / "p.txt"]
    assert "no photo" in run_and_say(sys.executable, *words, code=2).stderr
    assert not (tmp_path / "r.json").exists()


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs draw.py with some words, and gives what it says; in this process, for it imports a lot."""
    main = runpy.run_path(str(DRAW))["main"]

    def run(*words: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["draw.py", *map(str, words)])
        assert main() == code
        said = capsys.readouterr()
        return said.err if code else said.out

    return run


def test_an_answer_that_does_not_fit_is_said(
    clothes: Path, tmp_path: Path, draw: Callable[..., str]
) -> None:
    _, photos = request(tmp_path, "request.json", clothes)
    answer, picture = tmp_path / "answer.json", tmp_path / "p.png"
    words = ["labels", picture, "--answer", answer, "--photos", tmp_path / "photos.txt"]
    answer.write_text(json.dumps([{"probs": [1.0], "labels": ["hat"]}]))
    assert f"1 rows were answered, and {tmp_path / 'photos.txt'} names 6" in draw(*words, code=2)
    answer.write_text(json.dumps({"error": {"code": 422, "message": "row 1: no image"}}))
    assert "row 1: no image" in draw(*words, code=2)
    assert "needs --answer and --photos" in draw("labels", picture, code=2)
    assert "needs --evaluation and --data" in draw("mistakes", picture, code=2)
    assert "needs --embeddings" in draw("neighbours", picture, code=2)
    answer.unlink()
    assert "answer.json" in draw(*words, code=2)
    assert not picture.exists()
    answer.write_text(json.dumps([{"probs": [0.9, 0.1], "labels": ["hat", "shoes"]}] * len(photos)))
    assert str(picture) in draw(*words, "--data", clothes)
    check_picture(picture, photos=6)
