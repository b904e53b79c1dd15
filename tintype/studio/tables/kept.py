"""What is known of tables, in the workspace's cache: a folder for each table as its source is now.

cache/tables/<reference>/<stamp>/rows.json       classes, splits, notices
                                 *.npy           a column of numbers each
                                 names.arrow     locations, and names as they are shown
                                 inspection/     what looking at every picture told
                                 map/            embeddings and the map
                                 <stage>.json    how far the work is: reading, inspection, map
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from tintype.files import file_stamp, write_json
from tintype.settings import get_settings
from tintype.studio.stamps import Stamps
from tintype.studio.tables.references import TableSource

__all__ = [
    "STAGES",
    "Progress",
    "Stage",
    "forget_older",
    "is_key",
    "kept_folder",
    "key_of",
    "read_progress",
    "table_stamps",
    "tell",
]

Stage = Literal["reading", "inspection", "map"]
STAGES: tuple[Stage, ...] = get_args(Stage)

# Folders whose time of change is a part of the stamp: of 21,841 classes, too, that is a tenth of a second.
_MOST_STAMPED = 50_000

_LABEL_FILES = (
    "MLTable",
    ".csv",
    ".json",
    ".jsonl",
    ".ndjson",
    ".parquet",
    ".tsv",
    ".txt",
    ".arrow",
)


@dataclass(frozen=True)
class Progress:
    """How far a piece of work on a table is."""

    state: Literal["waiting", "working", "done", "failed"]
    done: int = 0
    total: int = 0
    what: str = ""
    """What is being done, in a few words."""
    error: str | None = None


def kept_folder(source: TableSource) -> Path:
    """Where what is known of `source` lies, as it is now: another folder once its files are others."""
    stamp = hashlib.blake2b(digest_size=8)
    for path in (source.path, source.predictions):
        for line in () if path is None else _stamps(path):
            stamp.update(line.encode("utf-8", "surrogateescape"))
    return _tables() / _digest(source.of) / stamp.hexdigest()


def forget_older(folder: Path) -> None:
    """Remove what is known of the same table as it was before `folder`."""
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def read_progress(folder: Path, stage: Stage) -> Progress | None:
    """None where nothing was begun."""
    try:
        return Progress(**json.loads((folder / f"{stage}.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def key_of(folder: Path) -> str:
    """What pages know a folder of `kept_folder` by."""
    return f"{folder.parent.name}-{folder.name}"


def is_key(text: str) -> bool:
    """Whether `key_of` could have given it."""
    return re.fullmatch(r"[0-9a-f]{24}-[0-9a-f]{16}", text) is not None


def table_stamps(key: str) -> Stamps:
    """What differs once the work on a table has come further, by the kind of work."""
    reference, _, stamp = key.partition("-")
    folder = _tables() / reference / stamp
    return {stage: file_stamp(folder / f"{stage}.json") for stage in STAGES}


def tell(folder: Path, stage: Stage, progress: Progress) -> None:
    """Keep how far the work is, for pages to see.

    Raises:
        OutputError: the cache cannot be written.
    """
    write_json(folder / f"{stage}.json", asdict(progress))


def _tables() -> Path:
    return get_settings().home / "cache" / "tables"


def _digest(of: str) -> str:
    return hashlib.blake2b(of.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _stamps(path: Path) -> Iterator[str]:
    """What differs once files come or go: of a file its size and time, of a folder the times of those in
    it and of the files right in it."""
    yield str(file_stamp(path))
    waiting = [path] if path.is_dir() else []
    count = 0
    while waiting and count < _MOST_STAMPED:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            # Gone just now, not to be read, or a link to a folder above, again and again.
            continue
        for entry in entries:
            # Pictures are told by the time of their folder; label files can be written in place.
            folder = entry.is_dir()
            if entry.name.startswith(".") or not (folder or entry.name.endswith(_LABEL_FILES)):
                continue
            yield f"{entry.path}\0{file_stamp(entry.path)}\n"
            count += 1
            if folder:
                waiting.append(Path(entry.path))
