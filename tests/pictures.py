"""Pictures for tests: two kinds that any small network can tell apart, and awkward encodings."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 (height, width, 3) of smooth random colours, as photographs are smooth."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(image: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """`image` in the format `kind`."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def striped(kind: int, seed: int, side: int = 32) -> np.ndarray:
    """Noisy stripes: upright for `kind` 0, level for 1, checks for 2."""
    random = np.random.default_rng([kind, seed])
    ramp = (np.arange(side) // 4 % 2) * 160.0
    base = [
        np.tile(ramp, (side, 1)),
        np.tile(ramp[:, None], (1, side)),
        np.add.outer(ramp, ramp) % 320,
    ]
    image = base[kind][..., None] + random.normal(40, 25, (side, side, 3))
    return image.clip(0, 255).astype(np.uint8)


def write_class_folders(root: Path, per_class: int = 12, classes: int = 2) -> Path:
    """`root/<name>/<number>.png` of stripes; returns `root`."""
    names = ("upright", "level", "checks")[:classes]
    for kind, name in enumerate(names):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            (root / name / f"{number}.png").write_bytes(encoded(striped(kind, number)))
    return root


def write_jsonl_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
