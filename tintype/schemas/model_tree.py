"""The tree of a document's models: which keys stand at a place, and at which places a key stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

__all__ = ["keys_at", "places_of"]


def keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Keys at `location` below `model`, as they are written in a document."""
    parts: list[Any] = [model]
    for part in location:
        following: list[Any] = []
        for candidate in parts:
            for name, info in candidate.model_fields.items():
                if part in (name, info.alias):
                    following.extend(_models_in(info.annotation))
        parts = following or parts
    return [
        info.alias or name for candidate in parts for name, info in candidate.model_fields.items()
    ]


def places_of(model: type[BaseModel], key: str) -> list[tuple[str, ...]]:
    """Every path below `model` that ends in `key`, the shortest first; lists have no number in it."""
    found = dict.fromkeys(_paths(model, key, (), (model,)))
    return sorted(found, key=lambda path: (len(path), path))


def _paths(
    model: type[BaseModel], key: str, above: tuple[str, ...], open_: tuple[type[BaseModel], ...]
) -> Iterator[tuple[str, ...]]:
    for name, info in model.model_fields.items():
        # What is not written into records is not written into documents either.
        if info.exclude:
            continue
        path = (*above, info.alias or name)
        if key in (name, info.alias):
            yield path
        for inner in _models_in(info.annotation):
            if inner not in open_:
                yield from _paths(inner, key, path, (*open_, inner))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is None:
        return []
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
