"""Whatever describes a job, a model, an endpoint...: one way to its document.

Verbs take a YAML file's path, a mapping, a record that another verb gave, a document, or an object of
Microsoft's azure-ai-ml. All of them become the document that the YAML would be, and are checked as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tintype.client.azure_objects import azure_content, azure_folder, azure_noun, is_azure, plain
from tintype.client.records import Record
from tintype.errors import UsageError
from tintype.schemas.document import Document, apply_overrides, read_yaml, written

__all__ = ["Describes", "described", "noun_of"]

Describes = Any
"""A path, a mapping, a record, a document, or an object of azure-ai-ml."""

# Of documents, records and builders by the names of their classes, the noun whose verbs take them. By name,
# for a command of one noun is not to import the documents of all.
_NOUNS = {
    "JobHead": "jobs",
    "ImageJob": "jobs",
    "RunRecord": "jobs",
    "ModelDocument": "models",
    "ModelVersion": "models",
    "DataAssetDocument": "data",
    "DataAsset": "data",
    "OnlineEndpointDocument": "online_endpoints",
    "OnlineDeploymentDocument": "online_deployments",
    "BatchEndpointDocument": "batch_endpoints",
    "BatchDeploymentDocument": "batch_deployments",
    "ComputeDocument": "compute",
    "Compute": "compute",
    "ComponentDocument": "components",
    "Component": "components",
    "ScheduleDocument": "schedules",
    "Schedule": "schedules",
    "MonitorDocument": "monitors",
    "Monitor": "monitors",
    "EnvironmentDocument": "environments",
    "Environment": "environments",
    "LabellingProjectDocument": "labels",
}

# What a key of `settings` is called elsewhere in the document that the SDK writes it in.
_ALSO_ELSEWHERE = {"batch_deployments": "instance_count"}

# What the SDK adds that means nothing here, so that no notice tells of it.
_ADDED = {"online_deployments": {"type": "managed", "app_insights_enabled": False}}


def noun_of(thing: Describes) -> str:
    """The noun of the client whose verbs take `thing`, such as "online_endpoints".

    Raises:
        UsageError: that cannot be told, or there is none.
    """
    if isinstance(thing, Record) and thing.noun:
        return thing.noun
    for base in type(thing).__mro__:
        if base.__module__.startswith("tintype.") and base.__name__ in _NOUNS:
            return _NOUNS[base.__name__]
    if is_azure(thing):
        return azure_noun(thing)
    raise UsageError(
        f"{type(thing).__name__} given, which does not say what it describes; expected a document, a "
        "record or an object of azure-ai-ml, or, given to one noun as in "
        "client.jobs.create_or_update(...), a YAML file or a mapping"
    )


def described(thing: Describes, noun: str, overrides: Sequence[str] = ()) -> tuple[Document, Path]:
    """The document that `thing` stands for, and the folder from which its relative paths are taken.

    Nothing is checked but its kind: that is for the readers in `schemas/`, whatever it came from.

    Args:
        noun: the client's noun that was given it, such as "jobs".
        overrides: `--set` assignments, applied last.

    Raises:
        DocumentError: a file that cannot be read.
        UsageError: it describes something else, or nothing; names its type.
    """
    if isinstance(thing, str | Path):
        document, folder = read_yaml(thing), Path(thing).absolute().parent
    else:
        document, folder = _of_object(thing, noun)
    return apply_overrides(document, overrides), folder


def _of_object(thing: Describes, noun: str) -> tuple[Document, Path]:
    from tintype.workspace.model_versions import ModelVersion
    from tintype.workspace.runs import RunRecord

    if isinstance(thing, Document):
        return thing, Path.cwd() if thing.path is None else thing.path.absolute().parent
    if not isinstance(thing, Mapping) or (isinstance(thing, Record) and thing.noun):
        meant = noun_of(thing)
        if meant != noun:
            raise UsageError(
                f"{type(thing).__name__} given to client.{noun}; give it to client.{meant}"
            )
    if isinstance(thing, RunRecord | ModelVersion):
        raise UsageError(
            f"{thing.id} is there already and stays as it is; give what it is to be made of, under "
            "another name or version"
        )
    if is_azure(thing):
        content = azure_content(thing)
        _settle(content, noun)
        # In messages its type stands where a file's name would.
        return Document(content, Path(type(thing).__name__)), azure_folder(thing)
    if isinstance(thing, BaseModel):
        return Document(written(thing)), Path.cwd()
    shown = thing.shown() if hasattr(thing, "shown") else thing
    return Document(plain(shown)), Path.cwd()


def _settle(content: dict[str, Any], noun: str) -> None:
    """Take out of an SDK object's content what the SDK put there by itself."""
    for key, value in _ADDED.get(noun, {}).items():
        if content.get(key) == value:
            del content[key]
    twice = _ALSO_ELSEWHERE.get(noun)
    if twice is not None and isinstance(content.get("settings"), dict):
        instances = content["settings"].pop(twice, None)
        resources = content.setdefault("resources", {})
        if instances is not None and not resources.get(twice) and twice not in content:
            resources[twice] = instances
        if not resources:
            del content["resources"]
