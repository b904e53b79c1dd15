"""Where work runs, as documents say it under `compute`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

__all__ = ["Place", "place_notices", "place_of", "runs_in_ray"]

_PLACES = re.compile(r"ray://[^\s/]+|azureml:\S+|[A-Za-z0-9][-\w]*")


def _place(value: str) -> str:
    if not _PLACES.fullmatch(value):
        raise ValueError(
            f"{value!r} given; expected local, ray, ray://host:port or a cluster's name"
        )
    return value


Place = Annotated[str, AfterValidator(_place)]
"""Where instances run: local, ray, ray://host:port, or one of Azure's clusters (means local)."""


def runs_in_ray(compute: str) -> bool:
    """Whether `compute`, a `Place`, names a Ray cluster.

    >>> runs_in_ray("ray://head:10001"), runs_in_ray("rays-cluster"), runs_in_ray("local")
    (True, False, False)
    """
    return compute == "ray" or compute.startswith("ray://")


def place_of(compute: str) -> str:
    """Where a `Place` means: itself where it is a Ray cluster, else "local"."""
    return compute if runs_in_ray(compute) else "local"


def place_notices(compute: str) -> list[str]:
    """One sentence where a cluster is named that means this machine."""
    if place_of(compute) == compute:
        return []
    return [f"compute {compute} means this machine here"]
