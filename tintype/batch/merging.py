"""Shards of lines put together into one file: from the shards alone, so that it may be begun anew."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tintype.batch.shards import ShardFacts
from tintype.files import output_errors

__all__ = ["merge_errors", "merge_rows"]

_COPIED_BYTES = 1024 * 1024


def merge_rows(parts: Iterable[Path], work: Path, target: Path, header: bytes) -> None:
    """Write `header` and then all parts to `target`, through a file in `work`.

    Raises:
        OutputError: the disk is full or gone; `target` is not touched.
    """
    partial = work / target.name
    with output_errors(target):
        with partial.open("wb") as whole:
            whole.write(header)
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole, _COPIED_BYTES)
            whole.flush()
            os.fsync(whole.fileno())
        partial.replace(target)


def merge_errors(facts: Iterable[ShardFacts], work: Path, target: Path) -> None:
    """Write the rows that failed to `target`, a JSON object a line; no file where there is none.

    Raises:
        OutputError: the disk is full or gone.
    """
    partial = work / target.name
    with output_errors(target):
        with partial.open("w", encoding="utf-8") as stream:
            for shard in facts:
                for error in shard.errors:
                    stream.write(json.dumps(error, ensure_ascii=False) + "\n")
            any_errors = stream.tell() > 0
        if any_errors:
            partial.replace(target)
