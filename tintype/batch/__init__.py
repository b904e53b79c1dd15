"""Batch scoring: any number of images, in bounded memory, each row exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tintype.batch.options import BatchOptions

if TYPE_CHECKING:
    from tintype.batch.runner import run_batch

__all__ = ["BatchOptions", "run_batch"]


def __getattr__(name: str) -> Any:
    # Imports torch.
    if name == "run_batch":
        from tintype.batch.runner import run_batch

        return run_batch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
