"""What a graph of steps is made of."""

from __future__ import annotations

import functools
import graphlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tintype.jobs.pipeline.catalog import Translator
from tintype.schemas.document import Document, KeyPath
from tintype.schemas.job import Job, parse_job
from tintype.schemas.ports import OutputPort

__all__ = ["Fill", "Graph", "Made", "Step", "filled"]


@dataclass(frozen=True)
class Made:
    """What a step makes, where a later step needs it."""

    step: str
    output: str
    type: str


Fill = Callable[[Made], str]
"""What stands in for something made: its path, or anything that tells one from another."""


@dataclass(frozen=True)
class Step:
    """A node that is a job: of a pipeline within another, too, whose nodes are steps like all."""

    name: str
    """Its node's name; within a pipeline that is a node, `outer.inner`."""
    content: dict[str, Any]
    """The job's document, or a component's inputs; a `Made` stands for what another step makes."""
    document: Document
    """Where the node stands, for the places of errors."""
    key: KeyPath
    """Its place there."""
    base: Path
    """Folder of its relative paths."""
    outputs: dict[str, OutputPort]
    translate: Translator | None = None
    """Makes the job's document of a component's inputs; None: `content` is one."""
    component: str | None = None
    """The component's name."""
    place: str | None = None
    """Where it runs, as documents say it under `compute`; None: here."""
    written_at: str | None = None
    """File, line and field of its node, where it was read from a file."""

    @functools.cached_property
    def made(self) -> tuple[Made, ...]:
        """Everything of other steps that it needs."""
        found: list[Made] = []

        def note(made: Made) -> str:
            found.append(made)
            return ""

        filled(self.content, note)
        return tuple(found)

    @functools.cached_property
    def needs(self) -> frozenset[str]:
        """Names of the steps that it waits for."""
        return frozenset(made.step for made in self.made)

    def job(self, fill: Fill) -> Job:
        """Its job, with `fill` of what others make.

        Raises:
            DocumentError: names file, line, key and what to put there, for every problem found.
        """
        content = filled(self.content, fill)
        if self.translate is None:
            document = self.document.part(self.key, content)
        else:
            document = self.translate(self.document, self.key, content["inputs"], self.base)
        return parse_job(document, self.base)


@dataclass(frozen=True)
class Graph:
    """The steps of a pipeline, and what it gives."""

    steps: dict[str, Step]
    """By name, each after all that it needs."""
    outputs: dict[str, Made] = field(default_factory=dict)
    """By the names of the pipeline's own outputs."""
    pipelines: dict[str, str] = field(default_factory=dict)
    """Nodes that are pipelines: name to the component's."""

    @classmethod
    def of(
        cls, steps: Mapping[str, Step], outputs: dict[str, Made], pipelines: dict[str, str]
    ) -> Graph:
        """Put the steps in order.

        Raises:
            graphlib.CycleError: they wait for each other; its second argument is the circle.
        """
        order = graphlib.TopologicalSorter({name: step.needs for name, step in steps.items()})
        return cls({name: steps[name] for name in order.static_order()}, outputs, pipelines)


def filled(value: Any, fill: Fill) -> Any:
    """`value` with `fill` of everything made in it."""
    if isinstance(value, Made):
        return fill(value)
    if isinstance(value, dict):
        return {key: filled(item, fill) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, fill) for item in value]
    return value
