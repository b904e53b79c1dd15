from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from commands import run
from pictures import encoded, noise
from PIL import Image, ImageColor

from tintype.cli.main import _run
from tintype.scoring import Prediction
from tintype.scoring.picture import draw_predictions, truth_by_folder

GREEN, RED, BLUE = (ImageColor.getrgb(name) for name in ("#1a7f37", "#c0362c", "#2f6f9f"))
LABELS = ("can", "carton", "jug of a very long name, amphora, pitcher", "$5")


def drawn(folder: Path, truths: list[str | None] | None, count: int = 1) -> Counter[object]:
    """How many pixels there are of each colour in the picture of grey photos."""
    predictions = [Prediction(np.array([0.6, 0.2, 0.15, 0.05], np.float32), LABELS)] * count
    paths = []
    for number in range(count):
        paths.append(folder / f"{number}$x.png")
        paths[-1].write_bytes(encoded(np.full((50, 40 + number, 3), 128, np.uint8)))
    draw_predictions(paths, predictions, folder / "out.png", truths=truths)
    picture = Image.open(folder / "out.png").convert("RGB")
    return Counter({colour: n for n, colour in picture.getcolors(1 << 24)})


def test_right_and_wrong_are_marked_in_colour_and_sign(tmp_path: Path) -> None:
    unknown, right, wrong = (drawn(tmp_path, truths) for truths in (None, ["can"], ["carton"]))
    assert unknown[BLUE] > 500 and not unknown[GREEN] and not unknown[RED]
    assert right[GREEN] > 500 and not right[RED] and not right[BLUE]
    assert wrong[RED] > 500 and not wrong[GREEN] and not wrong[BLUE]


def test_the_ground_is_white_and_labels_are_dark(tmp_path: Path) -> None:
    colours = drawn(tmp_path, None)
    assert colours.most_common(1)[0][0] == (255, 255, 255)
    assert colours[ImageColor.getrgb("#1f2328")] > 50, "names in ink"


def test_a_bar_is_as_long_as_its_probability(tmp_path: Path) -> None:
    drawn(tmp_path, ["can"])
    pixels = np.asarray(Image.open(tmp_path / "out.png").convert("RGB")).astype(int)
    green = (pixels == GREEN).all(-1)
    row = green.sum(1).argmax()
    filled = green[row].sum()
    track = (pixels[row] == ImageColor.getrgb("#eceff2")).all(-1).sum()
    assert filled / (filled + track) == pytest.approx(0.6, abs=0.02)


def test_more_images_make_more_rows_and_at_most_24_are_drawn(tmp_path: Path) -> None:
    heights = []
    for count in (1, 3, 4, 24, 30):
        drawn(tmp_path, None, count)
        heights.append(Image.open(tmp_path / "out.png").height)
    assert heights[0] == heights[1] < heights[2] < heights[3] == heights[4]


@pytest.mark.parametrize(
    ("path", "truth"),
    [("photos/can/1.jpg", "can"), ("photos/cans/1.jpg", None), ("1.jpg", None)],
)
def test_the_folder_tells_the_truth_where_it_is_a_class(path: str, truth: str | None) -> None:
    assert truth_by_folder(path, LABELS) == truth


def test_the_command_marks_images_in_class_folders(tmp_path: Path, model_folder: Path) -> None:
    paths = []
    for name in ("can", "carton", "jug"):
        paths.append(tmp_path / name / "photo.png")
        paths[-1].parent.mkdir()
        paths[-1].write_bytes(encoded(noise(50, 50)))
    run("predict", "-m", model_folder, "--picture", tmp_path / "p.png", "-o", "none", *paths)
    colours = {
        colour for _, colour in Image.open(tmp_path / "p.png").convert("RGB").getcolors(1 << 24)
    }
    assert {GREEN, RED} <= colours, "one photo in three folders is right once, and wrong twice"


def drawn_with_several(
    folder: Path, probs: list[float], truth: tuple[str, ...] | None
) -> Counter[object]:
    """Colours of the picture of one photo whose labels are predicted from 0.5 on."""
    labels = tuple("abcdefgh"[: len(probs)])
    (folder / "grey.png").write_bytes(encoded(np.full((50, 40, 3), 128, np.uint8)))
    draw_predictions(
        [folder / "grey.png"],
        [Prediction(np.array(probs, np.float32), labels)],
        folder / "out.png",
        truths=[truth],
        threshold=0.5,
        labels=4,
    )
    picture = Image.open(folder / "out.png").convert("RGB")
    return Counter({colour: n for n, colour in picture.getcolors(1 << 24)})


def test_each_of_several_labels_is_right_or_wrong_by_itself(tmp_path: Path) -> None:
    both = drawn_with_several(tmp_path, [0.9, 0.8, 0.1], ("a", "b"))
    assert both[GREEN] > 1000 and not both[RED] and not both[BLUE]
    half = drawn_with_several(tmp_path, [0.9, 0.8, 0.1], ("a",))
    assert half[GREEN] > 500 and half[RED] > 500
    unknown = drawn_with_several(tmp_path, [0.9, 0.8, 0.1], None)
    assert unknown[BLUE] > 1000 and not unknown[GREEN] and not unknown[RED]
    none = drawn_with_several(tmp_path, [0.4, 0.3, 0.1], ())
    assert none[GREEN] > 20 and not none[RED], "no label predicted, and there is none"


def test_a_missed_label_is_shown_however_unlikely_it_was(tmp_path: Path) -> None:
    # Eight labels, four bars: the true one is the last of all, and the first is wrong.
    missed = drawn_with_several(tmp_path, [0.9, 0.4, 0.3, 0.2, 0.1, 0.08, 0.06, 0.01], ("h",))
    right = drawn_with_several(tmp_path, [0.9, 0.4, 0.3, 0.2, 0.1, 0.08, 0.06, 0.01], ("a",))
    wrong = drawn_with_several(tmp_path, [0.9, 0.4, 0.3, 0.2, 0.1, 0.08, 0.06, 0.01], ())
    assert missed[RED] > wrong[RED], "its name is in red, as the heading and the first bar are"
    pale = ImageColor.getrgb("#a9c4d8")
    assert missed[pale] < wrong[pale] - 50, "it has the place of a likelier one"
    assert right[GREEN] > 500 and not right[RED]


def test_more_bars_make_a_taller_picture_but_no_more_than_there_are_labels(tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(encoded(np.full((50, 40, 3), 128, np.uint8)))
    heights = []
    for bars, labels in ((4, 8), (6, 8), (6, 3)):
        prediction = Prediction(np.full(labels, 1 / labels, np.float32), tuple("abcdefgh"[:labels]))
        draw_predictions([tmp_path / "grey.png"], [prediction], tmp_path / "o.png", labels=bars)
        heights.append(Image.open(tmp_path / "o.png").height)
    assert heights[0] == heights[2] < heights[1]


def test_the_command_draws_every_label_of_a_multilabel_model(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", labels=tuple("abcdefgh"), multilabel=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.png").write_bytes(encoded(noise(50, 50)))
    words = ["predict", "-m", str(folder), "--picture", str(tmp_path / "p.png"), "-o", "none"]
    assert _run([*words, str(tmp_path / "a" / "photo.png")]) == 0
    picture = Image.open(tmp_path / "p.png").convert("RGB")
    colours = {colour: n for n, colour in picture.getcolors(1 << 24)}
    # Six bars, and a folder's name is no truth where an image may have several labels.
    (tmp_path / "one").mkdir()
    drawn(tmp_path / "one", None)
    assert picture.height > Image.open(tmp_path / "one" / "out.png").height
    assert GREEN not in colours and RED not in colours
