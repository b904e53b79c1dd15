"""Embeddings of a table's pictures, and where each stands on a map: what looks alike is close.

Of up to 5,000 pictures, evenly drawn of larger tables. Embeddings come from the Scorer and are kept by content for
everything else that wants them. The map is PCA's first two axes at once, then t-SNE (van der Maaten & Hinton 2008) of
the first 50, begun at PCA's place for each picture so that the same table gives the same map.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tintype.data.digests import content_digest
from tintype.errors import UsageError
from tintype.files import atomic_folder, write_json
from tintype.images.source import is_url
from tintype.settings import get_settings
from tintype.similarity.table import unit_rows
from tintype.studio.tables.picture_table import PictureTable

__all__ = ["MOST_POINTS", "EmbeddingMap", "map_table", "write_map"]

MOST_POINTS = 5_000
"""Pictures on a map."""

# Dimensions that t-SNE is given: van der Maaten & Hinton's own.
_DIMENSIONS = 50

_PERPLEXITY = 30.0

_PART = 64
_SEED = 42

Tell = Callable[[str, int, int], None]


class EmbeddingMap:
    """A map that was made; of a table that is mapped just now, by PCA alone."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: of the table.

        Raises:
            OSError, ValueError: there is none yet.
        """
        kept = folder / "map"
        found: dict[str, Any] = json.loads((kept / "map.json").read_text("utf-8"))
        self.method: str = found["method"]
        """pca or t-sne."""
        self.model: str = found["model"]
        self.rows: np.ndarray = np.load(kept / "rows.npy", allow_pickle=False)
        """int64 (m,), ascending."""
        self.places: np.ndarray = np.load(kept / "places.npy", allow_pickle=False)
        """float32 (m, 2), from 0 to 1."""
        self._features = kept / "features.npy"

    def neighbours(self, row: int, most: int) -> list[tuple[int, float]]:
        """(row, cosine) of the pictures most like that of `row`, the nearest first; none where `row` has
        no embedding."""
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row:
            return []
        features = np.load(self._features, mmap_mode="r", allow_pickle=False)
        cosines = features.astype(np.float32) @ features[place].astype(np.float32)
        cosines[place] = -2.0
        nearest = np.argsort(-cosines, kind="stable")[: min(most, len(cosines) - 1)]
        return [(int(self.rows[at]), float(cosines[at])) for at in nearest]


def map_table(table: PictureTable, model: str, tell: Tell) -> None:
    """Compute what is missing, and make the map; `tell(what, done, total)` is called now and then.

    Raises:
        UsageError: the model cannot be loaded, or under three pictures can be read.
        OutputError: the cache cannot be written.
    """
    rows = _sample(table)
    tell("loading the model", 0, len(rows))
    rows, features = _features(table, rows, model, tell)
    if len(rows) < 3:
        raise UsageError(f"{len(rows)} pictures could be read; a map needs three at least")
    from sklearn.decomposition import PCA

    size = min(_DIMENSIONS, *features.shape)
    axes = PCA(size, random_state=_SEED).fit_transform(features).astype(np.float32)
    write_map(table.folder, "pca", model, rows, axes[:, :2], features)
    tell("arranging by t-SNE", len(rows), len(rows))
    from sklearn.manifold import TSNE

    begun = axes[:, :2] / max(float(axes[:, 0].std()), 1e-9) * 1e-4
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    places = TSNE(2, perplexity=perplexity, init=begun, random_state=_SEED).fit_transform(axes)
    write_map(table.folder, "t-sne", model, rows, places, features)


def _sample(table: PictureTable) -> np.ndarray:
    """Rows whose pictures may be there; of many, evenly drawn."""
    rows = np.flatnonzero(~table.faulty())
    rows = rows[[not is_url(table.location(int(row))) for row in rows]]
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, MOST_POINTS, replace=False))
    return rows


def _features(
    table: PictureTable, rows: np.ndarray, model: str, tell: Tell
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have an embedding, and these: float32 (m, D) of length 1."""
    from tintype.training.cached_backbone import CachedBackbone

    backbone = CachedBackbone.load(model, convert=False)
    digests: list[str] = []
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        for start in range(0, len(rows), _PART):
            locations = [table.location(int(row)) for row in rows[start : start + _PART]]
            part = list(pool.map(content_digest, locations))
            digests += part
            backbone.keep(backbone.embed_missing(dict(zip(part, locations, strict=True))))
            tell("computing embeddings", min(start + _PART, len(rows)), len(rows))
    there = np.array([digest in backbone.features for digest in digests], bool)
    if not there.any():
        raise UsageError("none of the pictures can be read")
    features = backbone.features.gather([each for each in digests if each in backbone.features])
    units, usable = unit_rows(np.asarray(features, np.float32))
    return rows[there][usable], units


def write_map(
    folder: Path,
    method: str,
    model: str,
    rows: np.ndarray,
    places: np.ndarray,
    features: np.ndarray,
) -> None:
    """Keep a map of the table in `folder`, in place of the one there is.

    Args:
        method: pca or t-sne.
        rows: int64 (m,), ascending.
        places: float32 (m, 2), of any range.
        features: float32 (m, D), of length 1.

    Raises:
        OutputError: the cache cannot be written.
    """
    low, high = places.min(0), places.max(0)
    scaled = (places - low) / np.maximum((high - low).max(), 1e-9)
    with atomic_folder(folder / "map") as kept:
        np.save(kept / "rows.npy", rows.astype(np.int64), allow_pickle=False)
        np.save(kept / "places.npy", scaled.astype(np.float32), allow_pickle=False)
        # Half the size: neighbours are the same to three digits.
        np.save(kept / "features.npy", features.astype(np.float16), allow_pickle=False)
        write_json(kept / "map.json", {"method": method, "model": model})
