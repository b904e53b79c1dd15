"""What a batch does with its rows, beside the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["SHARD_ROWS", "BatchOptions", "OutputFormat", "Retries"]

OutputFormat = Literal["csv", "jsonl", "parquet"]

SHARD_ROWS = 1024
"""Most rows that are written together; a short batch has smaller shards."""


@dataclass(frozen=True)
class Retries:
    """How often a batch of rows is tried again, and when it counts as stuck."""

    most: int = 3
    """Further attempts at images that could not be read, and at the model."""

    timeout_s: float = 30.0
    """Seconds that the images of one batch may take to be read and decoded."""


@dataclass(frozen=True)
class BatchOptions:
    """Defaults are Azure's (docs/contracts.md §8.1) where it has one."""

    form: OutputFormat = "csv"

    file_name: str = "predictions.csv"
    """Of a CSV or JSONL file; Parquet is a folder of parts, `predictions`."""

    header: bool = False
    """A line of names above a CSV; Azure's has none."""

    writes_rows: bool = True
    """False: the summary alone (Azure's summary_only)."""

    error_threshold: int = -1
    """Most input files with a failed row; -1: any number."""

    retries: Retries = field(default_factory=Retries)

    shard_rows: int = SHARD_ROWS
    """Most rows that are written together."""

    compute: str = "local"
    """local, ray, or ray://host:port."""

    actors: int = 1
    """On Ray: processes that hold the model."""

    least_certain: int = 0
    """Of how many of its least certain rows each shard takes note, for a second pass over these."""

    def identity(self) -> dict[str, Any]:
        """What of it decides the output's bytes."""
        return {
            "form": self.form,
            "file_name": self.file_name if self.form != "parquet" else None,
            "header": self.header,
            "writes_rows": self.writes_rows,
            "shard_rows": self.shard_rows,
        }
