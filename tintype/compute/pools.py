"""Which pool a job's `compute` means."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.compute.local_pool import LocalPool
from tintype.schemas.place import runs_in_ray
from tintype.tasks import TaskPool

__all__ = ["open_pool"]


def open_pool(
    function: str, compute: str | None, size: int, *, preload: Sequence[str] = ()
) -> TaskPool:
    """A pool of `size` places for `function` ("package.module:function").

    Args:
        preload: modules that workers on this machine import before their first task comes.
        compute: None, "local" or any name of Azure's: this machine. "ray" or "ray://host:port":
            a Ray cluster.

    Raises:
        MissingExtraError: Ray is asked for and not installed.
    """
    where = compute or "local"
    if runs_in_ray(where):
        from tintype.compute.ray_pool import RayPool

        return RayPool(function, size, address=where if where != "ray" else None)
    return LocalPool(function, size, preload=preload)
