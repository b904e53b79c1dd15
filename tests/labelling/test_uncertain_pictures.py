"""The pictures that answers are least certain of, from what an endpoint recorded."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Command
from pictures import encoded, noise

from tintype.batch.runner import run_batch
from tintype.errors import DataError, UsageError
from tintype.labelling.uncertain_pictures import read_request_ids, uncertain_pictures
from tintype.workspace.collected import CollectedRow, collected_folder, write_picture, write_rows

TASK = "image_classification"
CREATE = ("label", "create", "--name", "doubts", "--data", "endpoint:pets", "--label", "cat")
CREATE = (*CREATE, "--label", "dog", "--existing-labels", "suggestions")


def record(deployment: str, *shares: tuple[int, float], first: int = 0) -> None:
    """As an instance of endpoint pets does: pictures by number, with the share of `cat`."""
    folder = collected_folder("pets", deployment)
    rows = [
        CollectedRow(
            datetime.datetime(2026, 5, 1, 0, 0, first + place, tzinfo=datetime.UTC),
            f"request-{number}",
            0,
            "pets",
            deployment,
            10.0,
            write_picture(folder, encoded(noise(20, 30, seed=number), "PNG"), ".png"),
            "cat" if share >= 0.5 else "dog",
            max(share, 1 - share),
            ("cat", "dog"),
            (share, 1 - share),
        )
        for place, (number, share) in enumerate(shares)
    ]
    write_rows(folder, rows, first)


def seeds(pictures: Any) -> list[int]:
    """Which of the pictures these are."""
    known = {encoded(noise(20, 30, seed=number), "PNG"): number for number in range(20)}
    return [known[Path(picture.location).read_bytes()] for picture in pictures]


def test_the_least_certain_come_first_and_each_once() -> None:
    record("blue", (0, 0.95), (1, 0.6), (2, 0.1), (3, 0.45), (1, 0.7))
    folder = collected_folder("pets")
    # What was answered last counts: 0.7 for picture 1.
    found = uncertain_pictures(folder, 3, TASK)
    assert seeds(found) == [3, 1, 2]
    assert found[0].labels == ("dog",)
    # Those that two deployments disagree about are more doubtful than any margin.
    record("green", (2, 0.9), (3, 0.4), first=10)
    found = uncertain_pictures(folder, 10, TASK)
    assert seeds(found) == [2, 3, 1, 0]
    # A picture is known by its content, whichever deployment recorded it.
    known = [str(next(collected_folder("pets", "blue").glob(f"**/{Path(found[0].location).name}")))]
    assert seeds(uncertain_pictures(folder, 2, TASK, known=known)) == [3, 1]
    # A list of requests goes before all.
    asked = uncertain_pictures(folder, 2, TASK, requests={"request-0", "request-99"})
    assert seeds(asked) == [0, 2]


def test_a_project_is_made_and_then_gets_more(command: Command, tmp_path: Path) -> None:
    record("blue", *((number, 0.5 + number / 20) for number in range(8)))
    made = command(*CREATE, "--uncertain", "3")
    assert (made["uncertain"], made["pictures"]["unlabelled"]) == (3, 3)
    again = command(*CREATE, "--uncertain", "2")
    assert again["pictures"]["unlabelled"] == 5
    record("green", (0, 0.5), (9, 0.55), first=20)
    drifted = tmp_path / "drifted.txt"
    drifted.write_text("request-7\t0.9\n\n")
    assert command("label", "refresh", "--name", "doubts")["added"] == 3
    assert (
        command(*CREATE, "--uncertain", "9", "--requests", drifted)["pictures"]["unlabelled"] == 9
    )
    # Nothing is left, and nothing comes twice.
    assert command(*CREATE, "--uncertain", "9")["pictures"]["unlabelled"] == 9


def test_what_cannot_be_asked(command: Command, tmp_path: Path) -> None:
    record("blue", (0, 0.9))
    other = [word if word != "endpoint:pets" else "endpoint:pets/blue" for word in CREATE]
    command(*CREATE, "--uncertain", "3")
    assert "already" in command(*other, "--uncertain", "3", code=2)
    assert "already" in command(*CREATE, code=2)
    (tmp_path / "empty").write_text("\n")
    assert "no request id" in command(
        *CREATE, "--uncertain", "3", "--requests", tmp_path / "empty", code=2
    )
    assert "how many pictures" in command(*CREATE, "--requests", __file__, code=2), (
        "a list alone is no number"
    )
    with pytest.raises(UsageError, match="cannot be read"):
        read_request_ids(tmp_path / "missing")


def test_pictures_without_answers_tell_nothing() -> None:
    folder = collected_folder("pets", "blue")
    picture = write_picture(folder, encoded(noise(20, 30), "PNG"), ".png")
    moment = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
    write_rows(folder, [CollectedRow(moment, "r", 0, "pets", "blue", 1.0, picture)], 1)
    with pytest.raises(DataError, match="model_inputs and model_outputs"):
        uncertain_pictures(folder, 3, TASK)


def test_of_a_batch_by_the_likeliest_labels_probability(
    tmp_path: Path, model_folder: Path, class_folders: Path
) -> None:
    run_batch(str(model_folder), {"input": str(class_folders)}, tmp_path / "out")
    found = uncertain_pictures(tmp_path / "out", 5, TASK)
    scores = [picture.confidence for picture in found]
    assert len(found) == 5
    assert scores == sorted(scores, key=float)
