"""What the inputs of nodes are bound to: values of the document, the pipeline's inputs, other nodes' outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tintype.errors import DocumentError, nearest
from tintype.jobs.pipeline.steps import Made
from tintype.schemas.component import ComponentDocument
from tintype.schemas.document import KeyPath
from tintype.schemas.expressions import Reference, reference_of
from tintype.schemas.ports import DATA_TYPES, InputPort, accepts, literal_of, type_of

__all__ = ["Bindings", "Given", "Source", "value_for"]


@dataclass(frozen=True)
class Given:
    """A value that stands in a document."""

    value: Any
    type: str

    @classmethod
    def of(cls, value: Any) -> Given:
        """Of an input of a job; `{type: string, default: ...}` is its default."""
        if isinstance(value, dict) and "path" not in value and "default" in value:
            return cls(value["default"], str(value.get("type") or type_of(value["default"])))
        return cls(value, type_of(value))

    def content(self) -> Any:
        """As a job's document has it."""
        if not isinstance(self.value, dict):
            return self.value
        return {"path": self.value.get("path"), "type": self.type}


@dataclass(frozen=True)
class FromStep:
    """What another step makes."""

    made: Made
    type: str

    def content(self) -> Any:
        """As a job's document has it."""
        return {"path": self.made, "type": self.type}


Source = Given | FromStep
"""What an input gets."""


class Bindings:
    """Resolves the references of the nodes of one pipeline."""

    def __init__(
        self,
        inputs: Mapping[str, Source | None],
        made: Callable[[str, str, KeyPath], Made],
        error: Callable[[KeyPath, str], DocumentError],
    ) -> None:
        """
        Args:
            inputs: the pipeline's own; None is an optional one that has no value.
            made: (node, output, place) -> what the node makes. Raises DocumentError where it does not.
            error: makes an error of a place and a message.
        """
        self._inputs, self._made, self._error = inputs, made, error

    def inputs(self, values: Mapping[str, Any], key: KeyPath) -> dict[str, Source]:
        """What each of a node's inputs gets; those that get nothing are left out.

        Raises:
            DocumentError: a reference to nothing.
        """
        found = {name: self._source(value, (*key, name)) for name, value in values.items()}
        return {name: source for name, source in found.items() if source is not None}

    def resolved(self, value: Any, key: KeyPath) -> Any:
        """A part of a node's document with what its references mean.

        Raises:
            DocumentError: as `inputs`.
        """
        if self._reference(value, key) is not None:
            source = self._source(value, key)
            return None if source is None else source.content()
        if isinstance(value, dict):
            return {name: self.resolved(item, (*key, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item, (*key, place)) for place, item in enumerate(value)]
        return value

    def _source(self, value: Any, key: KeyPath) -> Source | None:
        reference = self._reference(value, key)
        if reference is None:
            return None if value is None else Given(value, type_of(value))
        if reference.kind == "node_output":
            assert reference.node is not None
            made = self._made(reference.node, reference.name, key)
            return FromStep(made, made.type)
        if reference.kind != "parent_input":
            raise self._error(
                key,
                "expected ${{parent.inputs.NAME}} or ${{parent.jobs.NODE.outputs.NAME}}",
            )
        if reference.name not in self._inputs:
            known = ", ".join(self._inputs) or "none"
            raise self._error(
                key,
                f"the pipeline has no input {reference.name!r}; its inputs are {known}."
                f"{nearest(reference.name, self._inputs)}",
            )
        return self._inputs[reference.name]

    def _reference(self, value: Any, key: KeyPath) -> Reference | None:
        try:
            return reference_of(value)
        except ValueError as error:
            raise self._error(key, str(error)) from None


def value_for(
    component: ComponentDocument,
    given: Mapping[str, Source],
    error: Callable[[KeyPath, str], DocumentError],
    *,
    strict: bool,
    later: frozenset[str] = frozenset(),
) -> dict[str, Source]:
    """The inputs of a component: what is given, of the types that it says, and its defaults.

    Args:
        error: makes an error of a place below the node's inputs and a message.
        strict: whether types are checked, and defaults filled in, here; else the job that the component
            stands for does that.
        later: inputs that get their values later, of a search space.

    Raises:
        DocumentError: an input that it does not have, a required one that is missing, a wrong type.
    """
    ports = component.inputs
    for name in given:
        # Those that stand for jobs of ours check that themselves, with hints of ours.
        if name not in ports and strict:
            known = ", ".join(ports) or "none"
            raise error(
                (name,),
                f"component {component.name} has no such input; its inputs are {known}."
                f"{nearest(name, ports)}",
            )
    found: dict[str, Source] = {} if strict else dict(given)
    for name, port in ports.items():
        if name in later:
            continue
        source = given.get(name)
        if source is None and port.default is not None and strict:
            source = Given.of({"path": port.default} if port.is_data else port.default)
        if source is None and port.path is not None:
            source = Given({"path": port.path}, port.type)
        if source is None:
            if not port.optional and strict:
                raise error(
                    (), f"component {component.name} needs the input {name!r}, a {port.type}"
                )
            continue
        found[name] = _fitting(name, port, source, error) if strict else source
    return found


def _fitting(
    name: str, port: InputPort, source: Source, error: Callable[[KeyPath, str], DocumentError]
) -> Source:
    """`source` as the port has it."""
    if isinstance(source, Given) and port.is_data and isinstance(source.value, str):
        # A path may stand alone where data is expected.
        return Given({"path": source.value}, port.type)
    if not accepts(port.type, source.type):
        origin = "" if isinstance(source, Given) else f" made by {source.made.step}"
        raise error((name,), f"a {source.type}{origin} given; expected a {port.type}")
    if isinstance(source, FromStep):
        return FromStep(source.made, port.type)
    if port.type in DATA_TYPES:
        return Given(source.value, port.type)
    try:
        return Given(literal_of(port, source.value), port.type)
    except ValueError as wrong:
        raise error((name,), str(wrong)) from None
