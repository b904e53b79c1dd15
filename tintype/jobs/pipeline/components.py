"""What a pipeline's nodes name, as it is when the pipeline is submitted: components, code, data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tintype.errors import DocumentError, UsageError, nearest
from tintype.jobs.command.job import settled_input
from tintype.jobs.outputs import settled_outputs
from tintype.jobs.pipeline.command_parts import with_command_parts, written_at
from tintype.jobs.pipeline.parallel_nodes import PARALLEL_KEYS, parallel_command
from tintype.schemas.azure_components import COMPONENT_NAMES, azure_component
from tintype.schemas.component import ComponentDocument
from tintype.schemas.document import Document, KeyPath
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.ports import DATA_TYPES, DataValue
from tintype.workspace.components import ComponentStore

__all__ = ["with_components"]

_REGISTRY = re.compile(r"azureml://registries/[^/]+/components/(?P<name>[^/]+)(?:/.*)?")
_WORKSPACE = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@(?P<label>[^:@/]+))?")


def with_components(job: PipelineJob) -> PipelineJob:
    """`job` with every component written out, code folders kept, and its inputs' data found.

    Raises:
        DocumentError: a component, a code folder or data that is not there; names the place.
    """
    document = job.source or Document({})
    inputs = {}
    for name, value in job.inputs.items():
        try:
            inputs[name] = _settled(value)
        except UsageError as error:
            raise job.error_at(("inputs", name), str(error)) from None
    update = {"jobs": _written_out(job.jobs, document), **settled_outputs(job.outputs)}
    return job.model_copy(update={**update, "inputs": inputs} if inputs else update)


def _settled(value: Any) -> Any:
    if not isinstance(value, dict) or "path" not in value:
        return value
    if value.get("type", "uri_folder") not in DATA_TYPES:
        raise UsageError(f"type {value['type']!r} given; expected one of {', '.join(DATA_TYPES)}")
    given = DataValue.model_validate(
        {key: item for key, item in value.items() if key in DataValue.model_fields}
    )
    return {**value, "path": settled_input(given).path}


def _written_out(nodes: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """Nodes with their components written out, those of pipelines within too."""
    found: dict[str, Any] = {}
    for name, given in nodes.items():
        key: KeyPath = ("jobs", name)
        node = dict(given)
        for part in ("component", "trial"):
            if isinstance(node.get(part), str):
                node[part] = _named(node[part], (*key, part), document)
            elif isinstance(node.get(part), dict):
                node[part] = _known(node[part])
        component = node.get("component")
        if isinstance(component, dict) and component.get("jobs"):
            inside, place = written_at(given, "component", key, document)
            inside = inside.part(place, component)
            node["component"] = {**component, "jobs": _written_out(component["jobs"], inside)}
        node = with_command_parts(node, given, key, document)
        if "parallel" in (node.get("type"), (node.get("component") or {}).get("type")):
            node = _as_command(node, given, key, document)
        found[name] = node
    return found


def _as_command(
    node: dict[str, Any], given: Mapping[str, Any], key: KeyPath, document: Document
) -> dict[str, Any]:
    """A parallel node as the command that runs its task."""
    component = node.get("component")
    own = {name: node[name] for name in PARALLEL_KEYS if name in node}
    rest = {name: value for name, value in node.items() if name not in PARALLEL_KEYS}

    def error(place: KeyPath, message: str) -> DocumentError:
        inside, at = document, key
        if component is not None and place[0] not in own:
            inside, at = written_at(given, "component", key, document)
        return _error(inside, (*at, *place), message)

    if component is None:
        return {**rest, **parallel_command(own, node, error), "type": "command"}
    settings = {name: component[name] for name in PARALLEL_KEYS if name in component} | own
    kept = {name: value for name, value in component.items() if name not in PARALLEL_KEYS}
    command = parallel_command(settings, component, error)
    return {**rest, "component": {**kept, **command, "type": "command"}, "type": "command"}


def _known(component: dict[str, Any]) -> dict[str, Any]:
    """A component that is written out; as the SDK writes one of the catalog, that of the catalog."""
    name = str(component.get("name"))
    whole = component.get("command") or component.get("jobs") or component.get("task")
    return component if whole else _catalogs(name) or component


def _named(reference: str, key: KeyPath, document: Document) -> dict[str, Any]:
    """The component that a reference names: of the workspace, or of the catalog."""
    registry = _REGISTRY.fullmatch(reference)
    if registry is not None:
        found = _catalogs(registry["name"])
        if found is None:
            raise _error(
                document,
                key,
                f"{registry['name']!r} is no component that runs here; expected one of "
                f"{', '.join(COMPONENT_NAMES)}.{nearest(registry['name'], COMPONENT_NAMES)}",
            )
        return found
    named = _WORKSPACE.fullmatch(reference)
    if named is None:
        raise _error(
            document,
            key,
            f"{reference!r} given; expected a file, azureml:NAME@latest or azureml:NAME:1",
        )
    store = ComponentStore()
    known = store.names()
    if named["name"] not in known:
        found = _catalogs(named["name"])
        if found is not None:
            return found
        names = [*COMPONENT_NAMES, *known]
        raise _error(
            document,
            key,
            f"there is no component {named['name']!r}.{nearest(named['name'], names)} Make it known "
            "with tintype component create --file",
        )
    try:
        component = store.get(named["name"], named["version"], label=named["label"])
    except UsageError as error:
        raise _error(document, key, str(error)) from None
    fields = ComponentDocument.model_fields
    return {k: v for k, v in component.shown().items() if k in fields and v is not None}


def _catalogs(name: str) -> dict[str, Any] | None:
    component = azure_component(name)
    return None if component is None else component.model_dump(mode="json", exclude_unset=True)


def _error(document: Document, key: KeyPath, message: str) -> DocumentError:
    field = ".".join(str(part) for part in key)
    return DocumentError(message, file=document.path, line=document.line(key), field=field)
