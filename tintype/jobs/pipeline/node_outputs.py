"""What nodes make: the outputs of their components, and what they say of them themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tintype.errors import DocumentError, nearest
from tintype.schemas.component import ComponentDocument
from tintype.schemas.document import Document, KeyPath, validate
from tintype.schemas.expressions import reference_of
from tintype.schemas.ports import OutputPort

__all__ = ["MAKES_MODEL", "component_of", "is_binding", "outputs_of", "written_ports"]

MAKES_MODEL = ("automl", "finetuning")
"""Nodes that are documents of their own and make a model, whatever their outputs are called."""

# What else has an output without saying so.
_OWN_OUTPUTS = {
    "evaluation": "evaluation_result",
    "comparison": "comparison_result",
    "batch": "score",
}


class Place(Protocol):
    """The pipeline that a node stands in."""

    document: Document
    outputs: Mapping[str, OutputPort]

    def error(self, key: KeyPath, message: str) -> DocumentError:
        """An error that names the place of `key`."""


def component_of(node: dict[str, Any]) -> ComponentDocument | None:
    """What a node runs, where that is a component that is written out in it."""
    component = node.get("component")
    trial = node.get("trial")
    if component is None and isinstance(trial, dict) and "outputs" in trial:
        # What a sweep makes is what its best trial does.
        component = trial
    return None if component is None else ComponentDocument.model_validate(component)


def written_ports(ports: Mapping[str, OutputPort]) -> dict[str, Any]:
    """Outputs as documents have them."""
    return {name: port.model_dump(mode="json", exclude_unset=True) for name, port in ports.items()}


def outputs_of(name: str, node: dict[str, Any], scope: Place) -> dict[str, OutputPort]:
    """What a node makes: its component's outputs, as the node says more of them, or its own.

    Raises:
        DocumentError: an output that is written wrongly, or that its component does not have.
    """
    component = component_of(node)
    declared = dict(component.outputs) if component is not None else {}
    if node.get("type") in MAKES_MODEL:
        declared = {"best_model": OutputPort(type="mlflow_model")}
    if node.get("type") in _OWN_OUTPUTS:
        declared = {_OWN_OUTPUTS[str(node["type"])]: OutputPort()}
    for output, value in (node.get("outputs") or {}).items():
        key: KeyPath = ("jobs", name, "outputs", output)
        if component is not None and output not in declared:
            raise scope.error(
                key,
                f"component {component.name} has no output {output!r}.{nearest(output, declared)}",
            )
        own = declared.get(output) or _bound_port(value, scope) or _default_port(node)
        if not isinstance(value, dict) or is_binding(value):
            declared[output] = own
            continue
        part = scope.document.part(key, {**own.model_dump(exclude_unset=True), **value})
        try:
            declared[output] = validate(OutputPort, part)
        except DocumentError as error:
            raise scope.error(key, error.message) from None
    return declared


def is_binding(value: Any) -> bool:
    """Whether a node's output is made the pipeline's: `${{parent.outputs.x}}`, alone or as its path.

    A path of a datastore may have macros in it, which are no references.
    """
    text = value.get("path") if isinstance(value, dict) else value
    return isinstance(text, str) and "${{" in text and not text.startswith("azureml:")


def _bound_port(value: Any, scope: Place) -> OutputPort | None:
    """The pipeline's output that a node's is bound to, whose type is then the node's."""
    try:
        reference = reference_of(value) if is_binding(value) else None
    except ValueError:
        # Told with its place where outputs are bound.
        return None
    port = None if reference is None else scope.outputs.get(reference.name)
    return None if port is None else OutputPort(type=port.type)


def _default_port(node: dict[str, Any]) -> OutputPort:
    return OutputPort(type="mlflow_model") if node.get("type") in MAKES_MODEL else OutputPort()
