from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise, striped, write_class_folders, write_jsonl_rows
from PIL import Image

from tintype.data import read_image_table
from tintype.errors import DataError
from tintype.images.loading import iterate_pixels, load_pixels, pixels_of
from tintype.images.preprocess import Preprocessor
from tintype.images.readability import drop_unreadable, find_unreadable


@pytest.fixture
def preprocessor(vit_checkpoint: Path) -> Preprocessor:
    return Preprocessor.from_folder(vit_checkpoint)


def test_all_kinds_of_source_give_the_same_pixels(
    tmp_path: Path, preprocessor: Preprocessor
) -> None:
    image = noise(50, 70)
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(image))
    expected = preprocessor.resize(image)
    for source in (path, str(path), path.read_bytes(), image, Image.fromarray(image)):
        assert np.array_equal(pixels_of(source, preprocessor), expected)


def test_batches_come_in_order_with_failures_in_their_place(preprocessor: Preprocessor) -> None:
    sources: list[object] = [encoded(noise(40, 40, seed=n)) for n in range(11)]
    sources[4] = b"broken"
    batches = list(iterate_pixels(sources, preprocessor, batch_size=4, threads=3))  # type: ignore[arg-type]
    assert [batch.rows.tolist() for batch in batches] == [[0, 1, 2, 3], [5, 6, 7], [8, 9, 10]]
    assert [row for batch in batches for row, _ in batch.failures] == [4]
    for batch in batches:
        for row, pixels in zip(batch.rows, batch.pixels, strict=True):
            assert np.array_equal(pixels, pixels_of(sources[row], preprocessor))  # type: ignore[arg-type]


def test_sources_are_drawn_only_a_little_ahead(preprocessor: Preprocessor) -> None:
    drawn = 0

    def endless() -> object:
        nonlocal drawn
        while True:
            drawn += 1
            yield striped(0, 0)

    batches = iterate_pixels(endless(), preprocessor, batch_size=4, threads=2, prefetch=2)  # type: ignore[arg-type]
    next(batches)
    assert drawn <= 12
    batches.close()  # type: ignore[attr-defined]


def test_fast_decoding_stays_close(tmp_path: Path, preprocessor: Preprocessor) -> None:
    data = encoded(noise(1200, 1600), "JPEG")
    exact, fast = (pixels_of(data, preprocessor, exact=e).astype(int) for e in (True, False))
    assert np.abs(exact - fast).max() <= 3


def test_rows_of_a_table(tmp_path: Path, preprocessor: Preprocessor) -> None:
    table = read_image_table(write_class_folders(tmp_path / "root", per_class=3))
    Path(table.location(2)).write_bytes(b"")
    pixels, failures = load_pixels(table, np.array([5, 2]), preprocessor, threads=2, exact=True)
    assert np.array_equal(pixels[0], pixels_of(table.location(5), preprocessor))
    assert [row for row, _ in failures] == [2]


def test_unreadable_images_are_named_or_dropped(tmp_path: Path) -> None:
    good = encoded(noise(100, 100), "JPEG")
    for name, content in (("good.jpg", good), ("cut.jpg", good[:500]), ("text.jpg", b"hello")):
        (tmp_path / name).write_bytes(content)
    rows: list[dict[str, object]] = [
        {"image_url": f"{name}.jpg", "label": "x"} for name in ("good", "cut", "good", "text")
    ]
    table = read_image_table(write_jsonl_rows(tmp_path / "rows.jsonl", rows))
    assert [row for row, _ in find_unreadable(table)] == [1, 3]
    with pytest.raises(DataError, match=r"rows.jsonl:2: .*cut.jpg: .*1 more.*ignore_data_errors"):
        drop_unreadable(table, ignore_data_errors=False)
    kept, dropped = drop_unreadable(table, ignore_data_errors=True)
    assert (len(kept), dropped) == (2, 2)
    with pytest.raises(DataError, match="none of its 2"):
        drop_unreadable(table.select(np.array([1, 3])), ignore_data_errors=True)
