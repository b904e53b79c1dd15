"""Near-duplicates: photos that were saved again are found, other photos are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise
from PIL import Image, ImageEnhance

import tintype
from tintype.data import read_image_table
from tintype.images.decode import decode_image
from tintype.images.fingerprints import Fingerprints, find_near_duplicates, grey_of
from tintype.images.readability import Looks, drop_unreadable, inspect_images

PHOTOS = sorted((Path(__file__).parents[2] / "samples" / "photos" / "clothing").rglob("*.jpg"))


def prints(photos: list[bytes]) -> Fingerprints:
    return Fingerprints.of([grey_of(decode_image(photo, min_size=(32, 32))) for photo in photos])


def cropped(image: Image.Image) -> Image.Image:
    edge = image.width // 50, image.height // 50
    return image.crop((*edge, image.width - edge[0], image.height - edge[1]))


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda image: image, 60),
        (lambda image: image.resize((image.width // 2, image.height // 2)), 60),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.25), 57),
        (cropped, 45),
    ],
)
def test_changed_photos_are_found_among_others(
    change: Callable[[Image.Image], Image.Image], least: int
) -> None:
    """Of 60 real photos, saved again at a low quality, among 300."""
    originals = [path.read_bytes() for path in PHOTOS[:300]]
    changed = [
        encoded(change(Image.open(io.BytesIO(content)).convert("RGB")), "JPEG", quality=45)
        for content in originals[:60]
    ]
    rows, columns, alike = find_near_duplicates(prints(changed), prints(originals))
    assert (rows == columns).sum() >= least
    assert (rows != columns).sum() == 0
    assert alike.min() >= 0.95


def test_the_search_by_parts_finds_what_comparing_all_does() -> None:
    random = np.random.default_rng(0)
    right = random.integers(0, 2**64, 3000, dtype=np.uint64)
    flips = np.uint64(1) << random.integers(0, 64, (2000, 14)).astype(np.uint64)
    left = right[:2000].copy()
    for number in range(14):
        # Some bits of some rows: from 0 to 14 differ.
        left ^= np.where(random.random(2000) < 0.6, flips[:, number], np.uint64(0))
    small = np.tile(random.integers(0, 256, 256, dtype=np.uint8), (3000, 1))
    rows, columns, _ = find_near_duplicates(
        Fingerprints(left, small[:2000]), Fingerprints(right, small)
    )
    expected = np.argwhere(np.bitwise_count(left[:, None] ^ right[None]) <= 10)
    assert 500 < len(expected) < 1990
    assert np.column_stack([rows, columns]).tolist() == expected.tolist()


def test_images_without_contrast_are_like_nothing() -> None:
    flat = [encoded(np.full((40, 40, 3), grey, np.uint8)) for grey in (0, 128, 128, 255)]
    assert len(find_near_duplicates(prints(flat), prints(flat))[0]) == 0
    nothing = Fingerprints.of([])
    assert [len(part) for part in find_near_duplicates(nothing, prints(flat))] == [0, 0, 0]


def folders(root: Path) -> Path:
    """`train` and `test` of eight pictures each; two of the test are copies, of which one is
    smaller."""
    for split, offset in (("train", 0), ("test", 100)):
        for number in range(8):
            path = root / split / "ab"[number % 2] / f"{split}{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(noise(96, 96, seed=offset + number)))
    (root / "test" / "a" / "copy.png").write_bytes(encoded(noise(96, 96, seed=0)))
    small = Image.fromarray(noise(96, 96, seed=1)).resize((60, 60))
    (root / "test" / "b" / "small.jpg").write_bytes(encoded(small, "JPEG", quality=80))
    return root


def test_looks_of_tables(tmp_path: Path) -> None:
    folders(tmp_path)
    train, test = (read_image_table(tmp_path / split) for split in ("train", "test"))
    looks = Looks()
    drop_unreadable(train, ignore_data_errors=False, looks=looks)
    (tmp_path / "test" / "a" / "test0.png").write_bytes(b"none")
    assert len(inspect_images(test, looks).unreadable) == 1
    found = looks.near_duplicates(test, train)
    assert (found.count, found.images) == (2, 9)
    names = {tuple(Path(place).name for place in pair[:2]) for pair in found.pairs}
    assert names == {("copy.png", "train0.png"), ("small.jpg", "train1.png")}
    assert "2 of 9 images of test_data are nearly the same" in found.sentence("test_data", "train")
    # No image is a copy of itself.
    assert not looks.near_duplicates(train, train)


def test_data_check_tells_them(tmp_path: Path) -> None:
    report = tintype.Client().data.check(folders(tmp_path / "data"))
    assert report["near_duplicates"]["test"]["images"] == 2
    assert len(report["near_duplicates"]["test"]["pairs"]) == 2
    assert any("test are nearly the same as images of train" in n for n in report["notices"])
    whole = tintype.Client().data.check(tmp_path / "data" / "test")
    assert whole["near_duplicates"] == {"train": {"images": 0, "pairs": []}}
