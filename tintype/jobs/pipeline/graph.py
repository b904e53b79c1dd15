"""From a pipeline's document to its graph: references resolved, types checked, pipelines within it opened.

The whole graph is looked at before anything runs. Every error names file, line and field.
"""

from __future__ import annotations

import graphlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tintype.errors import DocumentError, nearest
from tintype.jobs.pipeline.bindings import Bindings, Given, Source, value_for
from tintype.jobs.pipeline.catalog import TRANSLATORS
from tintype.jobs.pipeline.node_outputs import (
    MAKES_MODEL,
    component_of,
    is_binding,
    outputs_of,
    written_ports,
)
from tintype.jobs.pipeline.steps import Graph, Made, Step
from tintype.jobs.pipeline.sweep_nodes import sweep_content
from tintype.schemas.component import ComponentDocument
from tintype.schemas.document import Document, KeyPath, read_yaml, validate
from tintype.schemas.expressions import reference_of
from tintype.schemas.pipeline_job import NodeDocument, PipelineJob
from tintype.schemas.ports import OutputPort

__all__ = ["NODE_TYPES", "build_graph"]

_DOCUMENTS = ("automl", "finetuning", "evaluation", "comparison", "batch")
NODE_TYPES = ("command", "pipeline", "sweep", "parallel", *_DOCUMENTS)
"""Types that a node may have."""

# Keys of a node that are no keys of the job's document.
_OF_NODES = ("base", "written_at", "name", "component", "comment", "outputs")

# Jobs that read `compute` themselves.
_PLACES_ITSELF = ("automl", "batch")

# Keys of jobs that name a model by its text alone.
_MODEL_KEYS = ("model", "model_name", "champion", "challenger")


def build_graph(job: PipelineJob) -> Graph:
    """The graph of a pipeline whose components are written out (`components.with_components`).

    Raises:
        DocumentError: an unknown node type, a reference to nothing, a circle, inputs that are missing or
            of the wrong type, an output that nothing makes.
    """
    document = job.source or Document(job.model_dump(mode="json"))
    inputs = {
        name: None if value is None else Given.of(value) for name, value in job.inputs.items()
    }
    scope = _Scope("", document, inputs, job.jobs, job.place, job.outputs)
    builder = _Builder()
    builder.add(scope)
    outputs = {name: builder.final(made) for name, made in scope.made.items()}
    for name in job.outputs:
        if name not in outputs:
            raise scope.error(("outputs", name), "no node makes it; bind a node's output to it")
    steps = {name: builder.finished(step) for name, step in builder.steps.items()}
    try:
        return Graph.of(steps, outputs, builder.pipelines)
    except graphlib.CycleError as error:
        circle = list(reversed(error.args[1]))
        step = steps[circle[0]]
        raise DocumentError(
            f"nodes wait for each other: {' needs '.join(circle)}",
            file=step.document.path,
            line=step.document.line(step.key),
            field=".".join(map(str, step.key)),
        ) from None


@dataclass
class _Scope:
    """One pipeline: the job's own, or a node that is one."""

    prefix: str
    document: Document
    inputs: Mapping[str, Source | None]
    """What each gets; None: nothing, it is optional."""
    nodes: Mapping[str, Any]
    place: str | None
    outputs: Mapping[str, OutputPort]
    """Its outputs, for nodes to bind theirs to."""
    made: dict[str, Made] = field(default_factory=dict)
    """What became of them."""
    _ports: dict[str, dict[str, OutputPort]] = field(default_factory=dict)

    def outputs_of(self, name: str) -> dict[str, OutputPort]:
        """What the node called `name` makes; see `node_outputs.outputs_of`."""
        if name not in self._ports:
            self._ports[name] = outputs_of(name, self.nodes[name], self)
        return self._ports[name]

    def error(self, key: KeyPath, message: str) -> DocumentError:
        document = self.document
        return DocumentError(
            message,
            file=document.path,
            line=document.line(key),
            field=".".join(str(part) for part in key),
        )


class _Builder:
    """Collects the steps of a pipeline and of those within it."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.pipelines: dict[str, str] = {}
        self._aliases: dict[tuple[str, str], Made] = {}
        """What outputs of pipelines within really are: outputs of their nodes."""

    def add(self, scope: _Scope) -> None:
        """All nodes of a pipeline."""
        for name, written in scope.nodes.items():
            kind = _type(scope, name, written)
            compute = written.get("compute")
            place = self._bindings(scope).resolved(compute, ("jobs", name, "compute"))
            node = {**written, "compute": place} if compute is not None else written
            if kind in _DOCUMENTS:
                self._add_document(scope, name, kind, node)
            elif kind == "sweep":
                self._add_sweep(scope, name, node)
            else:
                self._add_component(scope, name, kind, node)
            self._bind_outputs(scope, name, node)

    def final(self, made: Made) -> Made:
        """What `made` is once pipelines within are opened."""
        while (made.step, made.output) in self._aliases:
            made = self._aliases[made.step, made.output]
        return made

    def finished(self, step: Step) -> Step:
        """`step` with everything made as it finally is."""

        def opened(value: Any) -> Any:
            if isinstance(value, Made):
                return self.final(value)
            if isinstance(value, dict):
                return {key: opened(item) for key, item in value.items()}
            return [opened(item) for item in value] if isinstance(value, list) else value

        return replace(step, content=opened(step.content))

    def _add_document(self, scope: _Scope, name: str, kind: str, node: dict[str, Any]) -> None:
        """A node that is a job's document, with references anywhere in it."""
        key: KeyPath = ("jobs", name)
        bindings = self._bindings(scope)
        content = {
            part: bindings.resolved(value, (*key, part))
            for part, value in node.items()
            if part not in _OF_NODES and value is not None
        }
        for part in _MODEL_KEYS:
            if isinstance(content.get(part), dict):
                content[part] = content[part]["path"]
        content["type"] = kind
        content.setdefault("compute", scope.place)
        if kind not in _PLACES_ITSELF:
            del content["compute"]
        kept = scope.outputs_of(name)
        if kind in MAKES_MODEL:
            written = {part: port.model_dump(exclude_unset=True) for part, port in kept.items()}
            content["outputs"] = {
                part: {k: v for k, v in port.items() if k in ("type", "name", "path")}
                for part, port in written.items()
            }
        self._put(
            Step(
                scope.prefix + name,
                {part: value for part, value in content.items() if value is not None},
                scope.document,
                key,
                Path(node["base"]),
                kept,
                # These place their own work.
                place=None if kind in _PLACES_ITSELF else node.get("compute") or scope.place,
            ),
            node,
        )

    def _add_sweep(self, scope: _Scope, name: str, node: dict[str, Any]) -> None:
        """A node that runs a command component at points of a search space."""
        key: KeyPath = ("jobs", name)
        given = self._bindings(scope).inputs(node.get("inputs") or {}, (*key, "inputs"))
        content = sweep_content(node, given, lambda part, text: scope.error((*key, *part), text))
        outputs = scope.outputs_of(name)
        content["outputs"] = written_ports(outputs)
        place = node.get("compute") or scope.place
        if place is not None:
            content["compute"] = place
        base = Path(node["base"])
        self._put(Step(scope.prefix + name, content, scope.document, key, base, outputs), node)

    def _add_component(self, scope: _Scope, name: str, kind: str, raw: dict[str, Any]) -> None:
        key: KeyPath = ("jobs", name)
        component = component_of(raw)
        node = self._checked(scope, key, raw)
        given = self._bindings(scope).inputs(node.inputs, (*key, "inputs"))
        known = component is not None and component.name in TRANSLATORS and not component.jobs
        if component is not None:
            given = value_for(
                component,
                given,
                lambda part, text: scope.error((*key, "inputs", *part), text),
                strict=not known,
            )
        if kind == "pipeline" and component is not None and component.jobs:
            self._open(scope, name, component, given)
            return
        if kind == "pipeline" and not known:
            raise scope.error((*key, "component"), "a pipeline node names a component with jobs")
        if known:
            assert component is not None
            content: dict[str, Any] = {"inputs": {k: v.content() for k, v in given.items()}}
        else:
            content = _command(node, component, given, scope.place)
            variables = content["environment_variables"]
            place = (*key, "environment_variables")
            content["environment_variables"] = self._bindings(scope).resolved(variables, place)
            content["outputs"] = written_ports(scope.outputs_of(name))
            if not content.get("command"):
                raise scope.error(key, "expected a command, or a component that has one")
        self._put(
            Step(
                scope.prefix + name,
                content,
                scope.document,
                key,
                Path(node.base),
                scope.outputs_of(name),
                TRANSLATORS[component.name] if known and component is not None else None,
                None if component is None else component.name,
                node.compute or scope.place,
            ),
            raw,
        )

    def _open(
        self, scope: _Scope, name: str, component: ComponentDocument, given: dict[str, Source]
    ) -> None:
        """The nodes of a pipeline that is a node."""
        assert component.jobs is not None
        inner = _Scope(
            f"{scope.prefix}{name}.",
            _written_in(component),
            {each: given.get(each) for each in component.inputs},
            component.jobs,
            scope.place,
            component.outputs,
        )
        self.pipelines[scope.prefix + name] = component.name
        self.add(inner)
        for output in component.outputs:
            if output not in inner.made:
                raise inner.error(
                    ("outputs", output), "no node makes it; bind a node's output to it"
                )
            self._aliases[scope.prefix + name, output] = inner.made[output]

    def _put(self, step: Step, node: Mapping[str, Any]) -> None:
        self.steps[step.name] = replace(step, written_at=node.get("written_at"))

    def _bindings(self, scope: _Scope) -> Bindings:
        def made(node: str, output: str, key: KeyPath) -> Made:
            if node not in scope.nodes:
                raise scope.error(key, f"there is no node {node!r}.{nearest(node, scope.nodes)}")
            outputs = scope.outputs_of(node)
            if output not in outputs:
                known = ", ".join(outputs) or "none"
                raise scope.error(
                    key,
                    f"node {node!r} makes no output {output!r}; its outputs are {known}."
                    f"{nearest(output, outputs)}",
                )
            return Made(scope.prefix + node, output, outputs[output].type)

        return Bindings(scope.inputs, made, scope.error)

    def _bind_outputs(self, scope: _Scope, name: str, node: dict[str, Any]) -> None:
        """What of the node's outputs is an output of its pipeline."""
        known = scope.outputs_of(name)
        for output, value in (node.get("outputs") or {}).items():
            key = ("jobs", name, "outputs", output)
            if not is_binding(value):
                continue
            try:
                reference = reference_of(value)
            except ValueError as error:
                raise scope.error(key, str(error)) from None
            if reference is None or reference.kind != "parent_output":
                raise scope.error(key, "an output is bound to ${{parent.outputs.NAME}}")
            if reference.name not in scope.outputs:
                raise scope.error(
                    key,
                    f"the pipeline has no output {reference.name!r}."
                    f"{nearest(reference.name, scope.outputs)}",
                )
            scope.made[reference.name] = Made(scope.prefix + name, output, known[output].type)

    def _checked(self, scope: _Scope, key: KeyPath, raw: dict[str, Any]) -> NodeDocument:
        try:
            return validate(NodeDocument, scope.document.part(key, raw))
        except DocumentError as error:
            field_name = ".".join([*map(str, key), *([error.field] if error.field else [])])
            line = error.line or scope.document.line(key)
            raise DocumentError(
                error.message, file=error.file, line=line, field=field_name
            ) from None


def _written_in(component: ComponentDocument) -> Document:
    """Where a component is written, for the places of errors; its file may be another by now, or gone."""
    if component.file is None:
        return Document({})
    try:
        return read_yaml(component.file)
    except DocumentError:
        return Document({}, Path(component.file))


def _type(scope: _Scope, name: str, node: dict[str, Any]) -> str:
    component = node.get("component")
    told = component.get("type") if isinstance(component, dict) else None
    kind = node.get("type") or told or "command"
    if kind not in NODE_TYPES:
        raise scope.error(
            ("jobs", name, "type"),
            f"{kind!r} given; expected one of {', '.join(NODE_TYPES)}.{nearest(str(kind), NODE_TYPES)}",
        )
    return str(kind)


def _command(
    node: NodeDocument,
    component: ComponentDocument | None,
    given: Mapping[str, Source],
    place: str | None,
) -> dict[str, Any]:
    """The document of a command, as its component and its node say it together."""
    of_component: dict[str, Any] = {}
    if component is not None:
        of_component = component.model_dump(
            mode="json",
            exclude_unset=True,
            include={"command", "code", "environment", "is_deterministic", "resources"},
        )
    own = node.model_dump(
        mode="json",
        exclude_unset=True,
        include={
            "command",
            "code",
            "code_digest",
            "environment",
            "limits",
            "resources",
            "tags",
            "properties",
            "description",
            "is_deterministic",
            "distribution",
        },
    )
    variables: dict[str, Any] = {} if component is None else dict(component.environment_variables)
    if isinstance(node.environment_variables, dict):
        variables |= node.environment_variables
    content = {
        **of_component,
        **{key: value for key, value in own.items() if value is not None},
        "type": "command",
        "inputs": {name: source.content() for name, source in given.items()},
        "environment_variables": variables,
    }
    compute = node.compute or place
    if compute is not None:
        content["compute"] = compute
    return content
