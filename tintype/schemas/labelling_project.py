"""Documents of labelling projects: what a `tintype label create --file` YAML may say.

Source of keys and rules: docs/contracts.md, data labelling (Azure's projects, in their terms).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tintype.schemas.asset_parts import AssetName
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.endpoint_parts import merged_document
from tintype.schemas.task import ClassificationTask, parse_training_task

__all__ = [
    "DEFAULT_MODEL",
    "ExistingLabels",
    "LabelDocument",
    "LabellingProjectDocument",
    "LabellingProjectTerms",
    "check_label_name",
    "load_labelling_project",
    "read_labelling_project",
]

DEFAULT_MODEL = "tintype/efficientnet-lite2"
"""Whose features suggestions are made of, where a project names no other: it needs no Hub."""

ExistingLabels = Literal["none", "final", "suggestions"]

_MOST_LEVELS, _LONGEST_NAME = 6, 200
_MOST_LABELS, _MOST_LABELLERS = 10_000, 20
_LONGEST_INSTRUCTIONS = 200_000


def check_label_name(name: str) -> str:
    """`name`, without spaces around it.

    Raises:
        ValueError: empty, too long, with a character that cannot be seen, more than six levels (Azure's
            limit), or a level without a name.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise ValueError(f"a label has 1 to {_LONGEST_NAME} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ValueError(f"{name!r} holds a control character")
    levels = name.split("/")
    if len(levels) > _MOST_LEVELS or any(level.strip() != level or not level for level in levels):
        raise ValueError(
            f"{name!r}: levels are written as Animal/Cat, {_MOST_LEVELS} at most, none of them empty"
        )
    return name


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(f"{value!r} given; expected a colour such as #1f77b4")
    return value.lower()


def _key(value: str) -> str:
    if not re.fullmatch(r"[1-9a-z]", value.lower()):
        raise ValueError(f"{value!r} given; expected one of 1 to 9 or a letter")
    return value.lower()


def _key_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _range(value: Any) -> Any:
    return {"least": value, "most": value} if isinstance(value, int) else value


def _named(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return {"name": value} if isinstance(value, str) else value


class LabelDocument(StrictModel):
    """One label; its name alone may stand in its place."""

    name: Annotated[str, AfterValidator(check_label_name)]
    """Flat, or in up to six levels: Animal/Cat."""

    colour: Annotated[str, AfterValidator(_colour)] | None = None
    """#rrggbb; left out: the next of a palette."""

    key: Annotated[Annotated[str, AfterValidator(_key)], BeforeValidator(_key_text)] | None = None
    """What is pressed for it, 1 to 9 or a letter; left out: the next free one."""

    description: str = Field("", max_length=2000)
    """For labellers."""


class Labellers(StrictModel):
    """How many people answer each picture."""

    least: int = Field(1, ge=1, le=_MOST_LABELLERS)
    """Of so many the majority decides."""

    most: int = Field(1, ge=1, le=_MOST_LABELLERS)
    """So many are asked where the first do not agree; then the picture needs a review."""

    @model_validator(mode="after")
    def _in_order(self) -> Labellers:
        if self.most < self.least:
            raise ValueError(f"most: {self.most} is less than least: {self.least}")
        return self


def _task(value: str) -> str:
    return parse_training_task(value)


class LabellingProjectTerms(StrictModel):
    """What a project is about, as far as a request may say it, too."""

    name: AssetName
    """Up to 255 letters, digits, '-', '_' and '.', a letter or digit first. Never used again."""

    task: Annotated[ClassificationTask, BeforeValidator(_task)] = "image_classification"
    """image_classification (one label a picture) or image_classification_multilabel."""

    labels: list[Annotated[LabelDocument, BeforeValidator(_named)]] = Field(
        default_factory=list, max_length=_MOST_LABELS
    )
    """Names, or labels with colour, key and description. Left out: those of the data."""

    data: str
    """Folder of pictures, MLTable, CSV, JSONL, output of `tintype batch`, or azureml:NAME@latest."""

    existing_labels: ExistingLabels = "none"
    """What becomes of labels that the data have: final, suggestions to review, or none of them."""

    instructions: str = Field("", max_length=_LONGEST_INSTRUCTIONS)
    """Markdown for labellers."""

    labellers: Annotated[Labellers, BeforeValidator(_range)] = Labellers()
    """How many people answer each picture; a number, or least and most."""

    @model_validator(mode="after")
    def _no_name_twice(self) -> LabellingProjectTerms:
        for what, values in (
            ("label", [label.name for label in self.labels]),
            ("key", [label.key for label in self.labels if label.key]),
        ):
            counts = Counter(values)
            twice = sorted({value for value in values if counts[value] > 1})
            if twice:
                raise ValueError(f"the {what} {twice[0]!r} stands twice among the labels")
        return self


class LabellingProjectDocument(LabellingProjectTerms):
    """Pictures and the labels that people are to give them."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    model: str = DEFAULT_MODEL
    """Backbone whose features suggestions are made of; any checkpoint."""

    zero_shot_model: str | None = None
    """A CLIP or SigLIP checkpoint that suggests by the labels' names before anything is labelled."""

    uncertain: int | None = Field(None, ge=1, le=1_000_000)
    """Of what an endpoint recorded, or a batch wrote: only so many pictures, those whose answers are least certain. Making
    the project again, or refreshing it, adds as many that it has not."""


def load_labelling_project(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> LabellingProjectDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    options = options or {}
    document = merged_document(path, overrides, options)
    project = validate(LabellingProjectDocument, document)
    # Typed on a command line it is from here, in a document from that.
    base = document.path if options.get("data") is None else None
    return _located(project, base)


def read_labelling_project(
    document: Document | LabellingProjectDocument,
) -> LabellingProjectDocument:
    """Check a document of this kind, and make the path of its data absolute.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    if isinstance(document, LabellingProjectDocument):
        return _located(document, None)
    return _located(validate(LabellingProjectDocument, document), document.path)


def _located(project: LabellingProjectDocument, path: Path | None) -> LabellingProjectDocument:
    if re.match(r"azureml:|file:|endpoint:", project.data):
        return project
    base = Path.cwd() if path is None else path.absolute().parent
    data = os.path.abspath(os.path.join(base, os.path.expanduser(project.data)))
    return project.model_copy(update={"data": data})
