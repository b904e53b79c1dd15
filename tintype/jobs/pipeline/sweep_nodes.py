"""Nodes of type `sweep`: what they say, with what their trial's component says, as the document of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tintype.errors import DocumentError, nearest
from tintype.jobs.pipeline.bindings import Source, value_for
from tintype.schemas.component import ComponentDocument
from tintype.schemas.distributions import Choice, Distribution, Scalar, read_value
from tintype.schemas.document import KeyPath
from tintype.schemas.ports import InputPort, literal_of

__all__ = ["sweep_content"]

# What a sweep needs of the component that it runs.
_OF_TRIALS = {"command", "code", "environment", "environment_variables"}

# Keys of the node that the sweep's document has otherwise, or not at all.
_OTHERWISE = (
    "base",
    "written_at",
    "name",
    "comment",
    "inputs",
    "outputs",
    "trial",
    "code_digest",
    "search_space",
)

# Places in a distribution whose values are tried with the input that is to take them.
_SOME_DRAWS = (0.0, 0.21, 0.5, 0.73, 0.999)


def sweep_content(
    node: Mapping[str, Any],
    given: Mapping[str, Source],
    error: Callable[[KeyPath, str], DocumentError],
) -> dict[str, Any]:
    """The document of a sweep, without its outputs.

    Args:
        given: what the node's inputs get.
        error: makes an error of a place in the node and a message.

    Raises:
        DocumentError: no trial, an input that is missing or of the wrong type, a search space of what the
            component has no input for.
    """
    trial, space = node.get("trial"), node.get("search_space") or {}
    if not isinstance(trial, dict):
        raise error(("trial",), "expected a command component, or its command")
    if "type" in trial or "file" in trial or "inputs" in trial:
        component = ComponentDocument.model_validate(trial)
        space = _fitting(component, space, error)
        given = value_for(
            component,
            given,
            lambda key, text: error(("inputs", *key), text),
            strict=True,
            later=frozenset(space),
        )
        trial = component.model_dump(mode="json", exclude_unset=True, include=_OF_TRIALS)
    if "code_digest" in node:
        trial = {**trial, "code_digest": node["code_digest"]}
    return {
        **{part: value for part, value in node.items() if part not in _OTHERWISE},
        "type": "sweep",
        "trial": trial,
        "search_space": space,
        "inputs": {part: source.content() for part, source in given.items()},
    }


def _fitting(
    component: ComponentDocument,
    space: Mapping[str, Any],
    error: Callable[[KeyPath, str], DocumentError],
) -> dict[str, Any]:
    """`space` with values of the types of the component's inputs.

    Raises:
        DocumentError: there is no such input, or it cannot have such values.
    """
    found: dict[str, Any] = {}
    for name, given in space.items():
        key = ("search_space", name)
        port = component.inputs.get(name)
        if port is None:
            known = ", ".join(component.inputs) or "none"
            raise error(
                key,
                f"component {component.name} has no such input; its inputs are {known}."
                f"{nearest(name, component.inputs)}",
            )
        if port.is_data:
            raise error(key, f"the input is a {port.type}; only values can be searched")
        try:
            found[name] = _value(port, read_value(given))
        except ValueError as wrong:
            raise error(key, str(wrong)) from None
    return found


def _value(port: InputPort, value: Scalar | Distribution) -> Any:
    """A value of a search space as documents have it.

    Raises:
        ValueError: the input cannot have such values.
    """
    if not isinstance(value, Distribution):
        return literal_of(port, value)
    if isinstance(value, Choice):
        return {"type": "choice", "values": [literal_of(port, each) for each in value.values]}
    for draw in (value.quantile(u) for u in _SOME_DRAWS):
        try:
            literal_of(port, draw)
        except ValueError as wrong:
            hint = " Use randint, quniform or choice." if port.type == "integer" else ""
            raise ValueError(f"{value.type} gives such values: {wrong}.{hint}") from None  # type: ignore[attr-defined]
    return value.model_dump()
