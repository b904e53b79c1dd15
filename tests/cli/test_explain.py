"""`tintype explain`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from conftest import Command
from pictures import encoded, noise, striped
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / "same.png").write_bytes(encoded(noise(40, 50, seed=len(name))))
    (folder / "two" / "other.png").write_bytes(encoded(striped(1, 0)))
    return folder


def test_pictures_arrays_and_a_summary(
    command: Command, model_folder: Path, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    printed = command(
        *("explain", photos, "--model", model_folder, "--method", "attention", "--output", output),
        *("--target", "can", "--target", "jug"),
    )
    assert printed == json.loads((output / "explanations.json").read_text())
    assert (printed["method"], printed["detail"]) == ("attention", "patches")
    assert [Path(row["image"]).name for row in printed["images"]] == [
        "same.png",
        "other.png",
        "same.png",
    ]
    files = set()
    for row in printed["images"]:
        assert [each["label"] for each in row["explained"]] == ["can", "jug"]
        for each in row["explained"]:
            values = np.load(output / each["attributions"], allow_pickle=False)
            assert (values.shape, values.dtype) == ((3, 32, 32), np.float32)
            assert Image.open(output / each["picture"]).size == (472, 472)
            assert Image.open(output / each["overlay"]).size == (32, 32)
            files |= {each["attributions"], each["picture"], each["overlay"]}
    assert {path.name for path in output.iterdir()} == files | {"explanations.json"}
    assert len(files) == 3 * 2 * 3


def test_auto_tells_what_it_compared(
    command: Command, model_folder: Path, photos: Path, tmp_path: Path
) -> None:
    printed = command(
        *("explain", photos / "one", "--model", model_folder, "--output", tmp_path / "out"),
        *("--steps", 2, "--masks", 8, "--seconds", 0),
    )
    assert printed["method"] == printed["compared"][0]["method"] == "attention_rollout"
    assert printed["compared"][0]["score"] == pytest.approx(
        printed["compared"][0]["insertion"] - printed["compared"][0]["deletion"], abs=2e-4
    )
    assert "were left" in printed["compared"][1]["left_out"]


def test_one_bad_picture_disturbs_no_other(
    command: Command, model_folder: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "one" / "broken.jpg").write_bytes(b"not a picture")
    output = tmp_path / "out"
    command(
        *("explain", photos, "--model", model_folder, "--method", "guided_backprop"),
        *("--output", output),
        code=1,
    )
    rows = json.loads((output / "explanations.json").read_text())["images"]
    assert ["error" in row for row in rows] == [True, False, False, False]
    # Of nothing but bad pictures, auto has nothing to compare on.
    command(
        *("explain", photos / "one" / "broken.jpg", "--model", model_folder, "--output", output),
        code=1,
    )


def test_labels_texts_and_likenesses(command: Command, photos: Path, tmp_path: Path) -> None:
    from checkpoints import write_clip

    clip, one = write_clip(tmp_path / "clip"), photos / "one" / "same.png"
    common = (
        "explain",
        one,
        "--model",
        clip,
        "--output",
        tmp_path / "out",
        "--method",
        "attention",
    )
    printed = command(*common, "--labels", "a cat, a dog", "--target", "a dog")
    assert printed["images"][0]["explained"][0]["label"] == "a dog"
    printed = command(*common, "--text", "a red can")
    assert printed["images"][0]["explained"][0]["label"] == "a red can"
    other = photos / "two" / "other.png"
    printed = command(*common, "--task", "embeddings", "--with", other)
    assert printed["images"][0]["explained"][0]["label"] == str(other)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--method", "gradcam"), "method 'gradcam': expected auto or one of xrai,"),
        (("--method", "guided_gradcam"), "nearest that is valid is 'attention'"),
        (("--steps", "1"), "n_steps"),
        (("--target", "cann"), "Did you mean 'can'?"),
        (("--with", "other.png"), "give --task embeddings"),
        (("--text", "a cat"), "text tower"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_written(
    command: Command,
    model_folder: Path,
    photos: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    output = tmp_path / "out"
    error = command(
        "explain", photos, "--model", model_folder, "--output", output, *arguments, code=2
    )
    assert told in error and "Traceback" not in error
    assert not output.exists()


def test_a_multilabel_model_without_a_label_says_so(
    command: Command, photos: Path, tmp_path: Path
) -> None:
    model = write_checkpoint(tmp_path / "model", multilabel=True)
    arguments = ("explain", photos / "one", "--model", model, "--output", tmp_path / "out")
    printed = command(*arguments, "--threshold", "1.0", "--method", "attention", "-o", "tsv")
    assert "no label at or above the threshold" in printed


def test_an_output_that_is_a_file_is_refused(
    command: Command, model_folder: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine")
    error = command(
        "explain", photos, "--model", model_folder, "--output", tmp_path / "out", code=2
    )
    assert "is a file; name a folder" in error
    assert (tmp_path / "out").read_text() == "mine"
