"""Writes `samples/photos/` from the full data sets: fewer photos, scaled down, without metadata.

    python samples/write_photos.py ../shared/data

The same photos come out every time: the first of each class by file name, and those file names are
random from their makers' hands. Photos to test on come from the source's own validation photos.
"""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageOps

PHOTOS = Path(__file__).parent / "photos"

# Of all six classes, those that a linear head on EfficientNet-Lite0 confuses least by cross-validation on the
# source's training photos; its validation photos, from which the test comes, had no say.
CLOTHES = ("hat", "outwear", "pants", "shoes", "skirt", "t-shirt")
TRAIN_EACH, TEST_EACH = 50, 20
CLOTHES_SIDE, CLOTHES_QUALITY = 200, 78

# Every photo with several ranks, and as many of the others as make up this number.
CARDS = 240
# Photos taken one after the other look alike: runs of 8 go to one side together, every fifth to the test.
CARDS_RUN, CARDS_TEST_EVERY = 8, 5
CARDS_SIDE, CARDS_QUALITY = 240, 58


def main(source: Path) -> None:
    """Write both sets below `PHOTOS`; their README and licence files are left as they are."""
    write_clothing(source / "clothing", PHOTOS / "clothing")
    write_cards(source / "playing-cards", PHOTOS / "cards")


def write_clothing(source: Path, folder: Path) -> None:
    """`folder/{train,test}/<class>/<name>.jpg`."""
    for split, origin, count in (("train", "train", TRAIN_EACH), ("test", "validation", TEST_EACH)):
        shutil.rmtree(folder / split, ignore_errors=True)
        for name in CLOTHES:
            for path in sorted((source / origin / name).glob("*.jpg"))[:count]:
                target = folder / split / name / path.name
                write_scaled(path, target, CLOTHES_SIDE, CLOTHES_QUALITY)


def write_cards(source: Path, folder: Path) -> None:
    """`folder/{train,test}/images/<name>.jpg`, and `labels.csv` with the ranks on each photo."""
    with (source / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted((row["filename"], row["labels"]) for row in csv.DictReader(file))
    several = [row for row in rows if " " in row[1]]
    single = [row for row in rows if " " not in row[1]]
    step = len(single) / (CARDS - len(several))
    chosen = sorted(several + [single[int(n * step)] for n in range(CARDS - len(several))])
    for split in ("train", "test"):
        shutil.rmtree(folder / split, ignore_errors=True)
        labels = []
        for place, (name, ranks) in enumerate(chosen):
            held_out = place // CARDS_RUN % CARDS_TEST_EVERY == CARDS_TEST_EVERY - 1
            if held_out == (split == "test"):
                target = folder / split / "images" / f"{Path(name).stem}.jpg"
                write_scaled(source / "images" / name, target, CARDS_SIDE, CARDS_QUALITY)
                labels.append((f"images/{target.name}", ranks))
        write_labels(folder / split / "labels.csv", labels)


def write_scaled(path: Path, target: Path, side: int, quality: int) -> None:
    """Write the photo at `path`, upright, its longer side of `side` pixels, without metadata."""
    with Image.open(path) as opened:
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    photo.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=quality, optimize=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(stream.getvalue())


def write_labels(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """A CSV of file names and labels that are separated by spaces."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("filename", "labels"))
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
