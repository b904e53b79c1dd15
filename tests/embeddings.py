"""Small folders of embeddings as a batch run writes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet


def embeddings(rows: int, dimension: int, seed: int = 0) -> np.ndarray:
    """float32 (rows, dimension) of random numbers."""
    return np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)


def write_part(
    path: Path,
    features: np.ndarray,
    *,
    first: int = 0,
    lost: Collection[int] = (),
    images: Sequence[str | None] | None = None,
    row_group: int | None = None,
) -> None:
    """One Parquet file; rows are counted from `first`, those in `lost` could not be read."""
    rows, dimension = features.shape
    names = range(first, first + rows)
    good = np.array([name not in lost for name in names])
    known = np.where(good[:, None], features, np.float32("nan"))
    values = pyarrow.array(known.ravel(), pyarrow.float32())
    columns = {
        "file_name": [f"{name}.png" for name in names],
        "row": pyarrow.array([0] * rows, pyarrow.int64()),
        "image": pyarrow.array(images or [f"/nowhere/{name}.png" for name in names], "string"),
        "features": pyarrow.FixedSizeListArray.from_arrays(values, dimension),
        "error": pyarrow.array([None if ok else "not an image" for ok in good], "string"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path, row_group_size=row_group)


def write_run(
    folder: Path,
    features: np.ndarray,
    *,
    parts: int = 1,
    lost: Collection[int] = (),
    images: Sequence[str | None] | None = None,
    row_group: int | None = None,
    **summary: object,
) -> Path:
    """A batch run's output folder of `parts` files; returns `folder`."""
    for number, rows in enumerate(np.array_split(np.arange(len(features)), parts)):
        write_part(
            folder / "predictions" / f"part-{number:05d}.parquet",
            features[rows],
            first=int(rows[0]),
            lost=lost,
            images=[images[row] for row in rows] if images else None,
            row_group=row_group,
        )
    (folder / "summary.json").write_text(json.dumps({"rows": len(features), **summary}))
    return folder
