"""Pictures of embeddings: where images come to lie, and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded
from PIL import Image

from tintype.errors import ImageError, UsageError
from tintype.similarity.picture import draw_map, draw_neighbours

RED, GREEN, BLUE = (250, 20, 20), (20, 250, 20), (20, 20, 250)


def plain(folder: Path, colours: list[tuple[int, int, int]]) -> list[Path]:
    """A file for each colour."""
    paths = []
    for number, colour in enumerate(colours):
        paths.append(folder / f"{number}.png")
        paths[-1].write_bytes(encoded(np.full((30, 50, 3), colour, np.uint8)))
    return paths


def places(path: Path, colour: tuple[int, int, int]) -> np.ndarray:
    """(n, 2): row and column of every pixel of `colour`."""
    return np.argwhere((np.asarray(Image.open(path).convert("RGB")) == colour).all(-1))


def test_images_with_like_embeddings_lie_together(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    codes = random.permutation(np.repeat([0, 1], 8))
    images = plain(tmp_path, [(RED, BLUE)[code] for code in codes])
    # Lengths differ more than directions do: they must not matter.
    features = np.eye(6)[codes] + random.normal(0, 0.05, (16, 6))
    features *= random.uniform(1, 50, (16, 1))
    draw_map(images, features, tmp_path / "map.png")
    red, blue = (places(tmp_path / "map.png", colour) for colour in (RED, BLUE))
    assert len(red) == pytest.approx(len(blue), rel=0.05), "none hides another"
    apart = np.linalg.norm(red.mean(0) - blue.mean(0))
    assert apart > 0.4 * Image.open(tmp_path / "map.png").width


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_map_of_few(tmp_path: Path, count: int) -> None:
    images = plain(tmp_path, [RED] * count)
    draw_map(images, np.eye(count, 1 if count == 2 else 5), tmp_path / "map.png")
    assert len(places(tmp_path / "map.png", RED)) > count * 5000


def test_equal_features_have_a_place_each(tmp_path: Path) -> None:
    images = plain(tmp_path, [RED, GREEN, BLUE])
    draw_map(images, np.ones((3, 4)), tmp_path / "map.png")
    assert all(len(places(tmp_path / "map.png", each)) > 5000 for each in (RED, GREEN, BLUE))


def test_what_cannot_be_a_map(tmp_path: Path) -> None:
    images = plain(tmp_path, [RED, BLUE])
    with pytest.raises(UsageError, match="2 images and 3 features"):
        draw_map(images, np.ones((3, 4)), tmp_path / "map.png")
    with pytest.raises(UsageError, match="two or more"):
        draw_map(images[:1], np.ones((1, 4)), tmp_path / "map.png")
    with pytest.raises(ImageError, match="gone"):
        draw_map([images[0], tmp_path / "gone.png"], np.eye(2), tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()


def test_neighbours_stand_in_their_order_beside_the_query(tmp_path: Path) -> None:
    red, green, blue = plain(tmp_path, [RED, GREEN, BLUE])
    rows = [(red, [(green, 0.9), (blue, 0.5)]), (blue, [(green, 0.7)])]
    draw_neighbours(rows, tmp_path / "near.png")
    found = {colour: places(tmp_path / "near.png", colour) for colour in (RED, GREEN, BLUE)}
    half = Image.open(tmp_path / "near.png").height / 2
    upper = {colour: where[where[:, 0] < half] for colour, where in found.items()}
    assert upper[RED][:, 1].max() < upper[GREEN][:, 1].min()
    assert upper[GREEN][:, 1].max() < upper[BLUE][:, 1].min()
    lower = {colour: where[where[:, 0] > half] for colour, where in found.items()}
    assert not len(lower[RED])
    assert lower[BLUE][:, 1].max() < lower[GREEN][:, 1].min()
    with pytest.raises(UsageError, match="no query"):
        draw_neighbours([], tmp_path / "near.png")
