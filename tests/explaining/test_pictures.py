"""The pictures of an attribution."""

from __future__ import annotations

import io

import numpy as np
from pictures import noise
from PIL import Image

from tintype.explaining.pictures import grid_png, heat_layer, heat_of, overlay_png, picture_layer


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_grid_has_azures_four_pictures() -> None:
    pixels = noise(224, 224)
    attribution = np.zeros((224, 224), np.float32)
    attribution[:, :100] = 1
    grid = opened(grid_png(pixels, attribution))
    assert grid.shape == (2 * 224 + 24, 2 * 224 + 24, 3) and grid.dtype == np.uint8
    first, second = np.s_[8:232], np.s_[240:464]
    assert (grid[first, first] == pixels).all()
    heat = grid[first, second].astype(int)
    assert heat[:, :100].sum(-1).min() > heat[:, 101:].sum(-1).max()
    overlay = grid[second, first]
    assert (overlay[:, 101:] == pixels[:, 101:]).all()
    assert (overlay[:, :100] != pixels[:, :100]).any(-1).mean() > 0.9
    top = grid[second, second]
    share = (top == pixels).all(-1) & (attribution > 0)
    assert round(share.mean(), 2) == 0.3
    assert (top[:, 101:] == 0).all()


def test_small_inputs_are_enlarged_in_whole_steps() -> None:
    grid = opened(grid_png(noise(32, 48), np.ones((32, 48), np.float32)))
    assert grid.shape == (2 * 224 + 24, 2 * 336 + 24, 3)
    assert opened(overlay_png(noise(32, 48), np.ones((32, 48), np.float32))).shape == (32, 48, 3)


def test_heat_is_of_what_speaks_for_the_label() -> None:
    attribution = np.array([[-5.0, 0.0], [1.0, 2.0]], np.float32)
    heat = heat_of(attribution)
    assert heat.min() == 0 and heat.max() == 1
    assert heat[0].tolist() == [0, 0] and heat[1, 1] > heat[1, 0] > 0
    assert not heat_of(np.full((4, 4), -1, np.float32)).any()
    # One pixel among many is still seen.
    lone = np.zeros((50, 50), np.float32)
    lone[3, 4] = 7
    assert heat_of(lone)[3, 4] == 1 and heat_of(lone).sum() == 1


def test_both_layers_of_a_page_lie_over_each_other() -> None:
    attribution = np.zeros((300, 448), np.float32)
    attribution[:150] = 1
    attribution[150:] = -1
    picture, heat = opened(picture_layer(noise(300, 448))), opened(heat_layer(attribution))
    assert (picture.shape[:2], heat.shape[:2]) == ((150, 224), (75, 112))
    # Opaque where it is hot, nothing at all where it is cold.
    assert heat[:30, :, 3].min() > 250 and heat[45:, :, 3].max() < 5
    # What is smaller is not enlarged.
    assert opened(picture_layer(noise(32, 48))).shape == (32, 48, 3)


def test_a_pixel_among_many_is_seen_on_a_page() -> None:
    attribution = np.zeros((224, 224), np.float32)
    attribution[100, 60] = 1
    seen = opened(heat_layer(attribution))[..., 3] > 128
    assert 5 < seen.sum() < 250 and seen[49:52, 29:32].all()
