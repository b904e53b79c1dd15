"""Features of images and of their mirrored views, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import noise
from PIL import Image, ImageOps

from tintype.automl.embedder import Embedder
from tintype.data import read_image_table
from tintype.data.digests import content_digests
from tintype.data.image_table import ImageTable
from tintype.errors import DataError, RunCancelled
from tintype.images.views import OTHER_VIEWS


def tables(folder: Path) -> tuple[ImageTable, ImageTable]:
    """Photos, and the same ones mirrored left to right."""
    for number in range(6):
        image = Image.fromarray(noise(40, 40, seed=number))
        for name, shown in (("plain", image), ("mirrored", ImageOps.mirror(image))):
            place = folder / name / "ab"[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            shown.save(place / f"{number}.png")
    return read_image_table(folder / "plain"), read_image_table(folder / "mirrored")


def embedder(folder: Path) -> Embedder:
    return Embedder(str(write_checkpoint(folder / "vit", "vit")), 6, lambda: False)


def test_each_view_has_features_of_its_own(tmp_path: Path, workspace_home: Path) -> None:
    plain, mirrored = tables(tmp_path)
    backbone = embedder(tmp_path)
    views = backbone.views(plain, content_digests(plain), OTHER_VIEWS, spare=60.0)
    assert list(views) == ["whole", "mirrored", "closer"]
    assert np.array_equal(views["whole"], backbone.features(plain, content_digests(plain)))
    expected = backbone.features(mirrored, content_digests(mirrored))
    np.testing.assert_allclose(views["mirrored"], expected, atol=1e-5)
    assert not np.allclose(views["whole"], views["mirrored"], atol=1e-3)
    assert not np.allclose(views["whole"], views["closer"], atol=1e-3)
    # Nothing is computed twice, not by another process either.
    again = embedder(tmp_path)
    found = again.views(plain, content_digests(plain), OTHER_VIEWS, spare=0.0)
    assert all(np.array_equal(found[view], views[view]) for view in views)
    assert again.cached


def test_where_time_is_short_there_is_one_view(tmp_path: Path, workspace_home: Path) -> None:
    plain, _ = tables(tmp_path)
    backbone = embedder(tmp_path)
    digests = content_digests(plain)
    assert list(backbone.views(plain, digests, ("mirrored",), spare=0.0)) == ["whole"]
    # What is there of one view does not stand in the way of the others.
    assert list(backbone.views(plain, digests, ("mirrored",), spare=60.0)) == ["whole", "mirrored"]
    assert len(backbone.views(plain, digests, OTHER_VIEWS, spare=60.0)) == 3


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path, workspace_home: Path) -> None:
    plain, _ = tables(tmp_path)
    digests = content_digests(plain)
    Path(plain.location(3)).write_bytes(b"none")
    with pytest.raises(DataError, match=Path(plain.location(3)).name):
        embedder(tmp_path).features(plain, digests)


def test_it_stops_where_it_is_asked_to(tmp_path: Path) -> None:
    with pytest.raises(RunCancelled, match="asked to stop"):
        Embedder(str(write_checkpoint(tmp_path / "vit", "vit")), 6, lambda: True)
