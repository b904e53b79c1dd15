"""The data sets of jobs, as they are when a job is submitted."""

from __future__ import annotations

from pathlib import Path

from tintype.schemas.job_parts import DataInput
from tintype.workspace.data_assets import resolve_data

__all__ = ["settled_data"]


def settled_data(data: DataInput) -> DataInput:
    """`data` with an absolute path: of a data asset its place, whatever `@latest` will mean later; a relative
    path, of a document made in Python, is from the current folder.

    Raises:
        UsageError: there is no such data asset or version.
    """
    return data.model_copy(update={"path": resolve_data(data.path)}).located(Path.cwd())
