"""Running out of memory: a smaller pass where one may be tried, else advice."""

from __future__ import annotations

import torch

from tintype.errors import RunFailed

__all__ = ["MemoryGuard", "OutOfMemory"]


class OutOfMemory(Exception):
    """A pass did not fit; raised only where a smaller one may be tried."""


class MemoryGuard:
    """Turns torch's several out-of-memory errors into a retry, or into advice."""

    def __init__(self, *, may_retry: bool) -> None:
        self._may_retry = may_retry

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not _is_out_of_memory(error):
            return
        if self._may_retry:
            raise OutOfMemory from error
        raise RunFailed(
            "memory ran out: lower training_batch_size and raise gradient_accumulation_step by "
            "the same factor, or set auto_find_batch_size: true"
        ) from error


def _is_out_of_memory(error: BaseException | None) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # The CPU allocator raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "memory" in str(error) and "allocat" in str(error)
