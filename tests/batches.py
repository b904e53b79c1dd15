"""Folders of pictures for batches, and what came of a batch, to be compared."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pictures import encoded, noise


def write_pictures(folder: Path, count: int) -> Path:
    """Small pictures, all different."""
    folder.mkdir(parents=True)
    for n in range(count):
        (folder / f"{n:03d}.png").write_bytes(encoded(noise(20 + n % 7, 24, seed=n)))
    return folder


def write_large_pictures(folder: Path, count: int) -> Path:
    """Pictures that take some 20 ms each to decode; eight are different."""
    folder.mkdir(parents=True)
    for n in range(count):
        path = folder / f"{n:03d}.png"
        if n < 8:
            path.write_bytes(encoded(noise(700, 900, seed=n)))
        else:
            os.link(folder / f"{n % 8:03d}.png", path)
    return folder


def contents(output: Path) -> dict[str, str]:
    """Digest of every file that a batch is about; summary and page hold times."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name not in ("summary.json", "index.html")
    }
