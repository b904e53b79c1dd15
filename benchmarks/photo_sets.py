"""Real photos as tables: what to learn from, and what nothing is learnt from but the score.

clothing        photos of 10 kinds of clothes; its own validation photos are the test
sign-digits     hands signing digits; a fifth of the signers are the test, and nobody is on two sides
playing-cards   which of six ranks are to be seen; runs of eight photos stay together
digits          scikit-learn's 8x8 digits, drawn at 64 pixels
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REAL = Path(__file__).parents[2] / "shared" / "data"
RUN = 8  # photos of cards that were taken a moment apart


@dataclass(frozen=True)
class PhotoSet:
    """Two tables with the columns image, label (or labels, separated by blanks) and group."""

    train: Path
    test: Path
    metric: str
    multilabel: bool = False

    @property
    def label(self) -> str:
        """The column of labels."""
        return "labels" if self.multilabel else "label"


Row = tuple[Path, str, str]
"""Image, label or labels separated by blanks, and group."""


def _clothing(seed: int) -> tuple[list[Row], list[Row]] | None:
    root = REAL / "clothing"
    if not root.is_dir():
        return None
    train, test = (
        [(path, path.parent.name, path.stem) for path in sorted((root / part).glob("*/*.jpg"))]
        for part in ("train", "validation")
    )
    return train, test


def _sign_digits(seed: int) -> tuple[list[Row], list[Row]] | None:
    root = REAL / "sign-digits"
    if not root.is_dir():
        return None
    photos = sorted(root.glob("*/*.JPG"), key=_number)
    # Each signer begins with a zero, and shows the other digits right after it.
    starts = sorted(_number(path) for path in photos if path.parent.name == "0")
    signers = np.searchsorted(starts, [_number(path) for path in photos], side="right")
    rows = [
        (path, f"sign {path.parent.name}", f"signer {signer}")
        for path, signer in zip(photos, signers, strict=True)
    ]
    return _by_group(rows, seed)


def _playing_cards(seed: int) -> tuple[list[Row], list[Row]] | None:
    root = REAL / "playing-cards"
    if not root.is_dir():
        return None
    with (root / "labels.csv").open() as file:
        found = sorted((row["filename"], row["labels"]) for row in csv.DictReader(file))
    rows = [
        (root / "images" / name, labels, f"run {place // RUN}")
        for place, (name, labels) in enumerate(found)
    ]
    return _by_group(rows, seed)


def _digits(seed: int, folder: Path) -> tuple[list[Row], list[Row]]:
    from PIL import Image
    from sklearn.datasets import load_digits

    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    rows: list[Row] = []
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = images / f"{number}.png"
        if not path.exists():
            small = Image.fromarray((image * 15.9).astype("uint8"))
            small.resize((64, 64)).convert("RGB").save(path)
        rows.append((path, f"digit {label}", str(number)))
    return _by_group(rows, seed)


SETS: dict[str, Callable[[int], tuple[list[Row], list[Row]] | None]] = {
    "clothing": _clothing,
    "sign-digits": _sign_digits,
    "playing-cards": _playing_cards,
}
NAMES = (*SETS, "digits")


def photo_set(name: str, seed: int, folder: Path) -> PhotoSet | None:
    """The set called `name` as two CSV files below `folder`; None where the photos are not at hand.

    Args:
        seed: which part is the test, and the order of the rows, by which the rest is split.
    """
    folder = folder / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = _digits(seed, folder) if name == "digits" else SETS[name](seed)
    if rows is None:
        return None
    multilabel = name == "playing-cards"
    tables = []
    for part, title in zip(rows, ("train", "test"), strict=True):
        order = np.random.default_rng(seed).permutation(len(part))
        tables.append(_write(folder / f"{title}.csv", (part[row] for row in order), multilabel))
    return PhotoSet(*tables, "iou" if multilabel else "accuracy", multilabel)


def _number(path: Path) -> int:
    found = re.search(r"\d+", path.stem)
    return int(found[0]) if found else 0


def _by_group(rows: list[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """A fifth of the groups, drawn by `seed`, is the test."""
    groups = sorted({group for _, _, group in rows})
    drawn = np.random.default_rng(seed).permutation(len(groups))[: len(groups) // 5]
    test = {groups[place] for place in drawn}
    return [row for row in rows if row[2] not in test], [row for row in rows if row[2] in test]


def _write(path: Path, rows: Iterable[Row], multilabel: bool) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "labels" if multilabel else "label", "group"))
        writer.writerows((str(image), label, group) for image, label, group in rows)
    return path
