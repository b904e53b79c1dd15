"""Objects of Microsoft's azure-ai-ml as the mappings that their YAML would be.

They are told by the module of their class: Tintype neither needs that package nor imports it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from tintype.errors import UsageError

__all__ = ["azure_content", "azure_folder", "azure_input", "azure_noun", "is_azure", "plain"]

# Base classes of azure-ai-ml, and the noun whose verbs take them; None: nothing here does.
_NOUNS: dict[str, str | None] = {
    "Job": "jobs",
    "BaseNode": "jobs",
    "Model": "models",
    "Data": "data",
    "OnlineEndpoint": "online_endpoints",
    "OnlineDeployment": "online_deployments",
    "BatchEndpoint": "batch_endpoints",
    "PipelineComponentBatchDeployment": None,
    "BatchDeployment": "batch_deployments",
    "Compute": "compute",
    "Component": "components",
    "Environment": "environments",
    "Workspace": "workspaces",
}

_INSTEAD = {
    "Datastore": "name its folder in the setting TINTYPE_DATASTORES",
    "JobSchedule": "write it as YAML for client.schedules",
    "PipelineComponentBatchDeployment": "deploy each model by itself, as a ModelBatchDeployment",
    "ServerlessEndpoint": "use a ManagedOnlineEndpoint with a ManagedOnlineDeployment",
    "Registry": "models of this workspace are its registry",
    "FeatureSet": "there are image embeddings: tintype batch --task embeddings",
}

# `azureml:` stands before names with a version or a label; the SDK writes it before paths too.
_ASSET = re.compile(r"[A-Za-z0-9][\w.-]*(:[\w.-]+|@[\w-]+)")
_PATH_KEYS = ("path", "model", "code", "training_data", "validation_data", "test_data")

# Names that the SDK makes up, by content, for what has none.
_ANONYMOUS = re.compile(r"[0-9a-f]{64}|azureml_anonymous")


def is_azure(thing: object) -> bool:
    """Whether `thing` is an object of azure-ai-ml."""
    return any(base.__module__.startswith("azure.ai.ml.") for base in type(thing).__mro__)


def azure_noun(thing: object) -> str:
    """The noun of the client that takes an object of azure-ai-ml, such as "jobs".

    Raises:
        UsageError: none does; says what to use instead.
    """
    names = [base.__name__ for base in type(thing).__mro__]
    for name in names:
        if name in _NOUNS:
            noun = _NOUNS[name]
            if noun is not None:
                return noun
            break
    instead = next((_INSTEAD[name] for name in names if name in _INSTEAD), None)
    raise UsageError(
        f"azure-ai-ml's {type(thing).__name__} has no counterpart here; "
        + (instead or f"expected {', '.join(key for key, noun in _NOUNS.items() if noun)}")
    )


def azure_folder(thing: object) -> Path:
    """The folder from which relative paths of an object of azure-ai-ml are taken."""
    # A job that load_job read has the path of its file, whatever its base path says.
    source = getattr(thing, "_source_path", None) or getattr(thing, "_Resource__source_path", None)
    folder = Path(source).parent if source else Path(getattr(thing, "base_path", None) or ".")
    return folder.absolute()


def azure_content(thing: Any) -> dict[str, Any]:
    """What the YAML of an object of azure-ai-ml would say, without what the SDK adds to it.

    Raises:
        UsageError: it does not tell; names its type and the SDK's reason.
    """
    model = getattr(thing, "model", None)
    if model is not None and not isinstance(model, str) and not is_azure(model):
        # A model of our own registry, as `models.get` gives it.
        thing = copy.copy(thing)
        thing.model = getattr(model, "id", str(model))
    try:
        content = thing._to_dict()
    except Exception as error:
        # The SDK raises what its serializer raises.
        raise UsageError(
            f"this {type(thing).__name__} cannot be written as YAML: {error}"
        ) from None
    cleaned = _cleaned(plain(content))
    return cleaned if isinstance(cleaned, dict) else {}


def azure_input(thing: Any) -> Any:
    """Of an Input of azure-ai-ml `{path: ..., type: ...}`; anything else as it is."""
    if not is_azure(thing):
        return thing
    keys = ("path", "type")
    return {key: str(plain(getattr(thing, key))) for key in keys if getattr(thing, key, None)}


def plain(value: Any) -> Any:
    """Mappings, lists and scalars alone: of enums their values, of other objects their texts.

    >>> plain({"a": (1, Path("b"))})
    {'a': [1, 'b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def _cleaned(value: Any, key: str = "") -> Any:
    """Without what has nothing in it or was made up, and paths as they were given."""
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, str):
        return _path(value) if key in _PATH_KEYS else value
    if not isinstance(value, dict):
        return value
    content = {name: _cleaned(item, name) for name, item in value.items()}
    content = {name: item for name, item in content.items() if item is not None and item != {}}
    if key == "model":
        # Of a model written out in a deployment, a folder is all that counts.
        name = str(content.get("name", ""))
        made_up = ("name", "version") if _ANONYMOUS.fullmatch(name) else ()
        content = {k: v for k, v in content.items() if k in ("path", "type", "name", "version")}
        return {k: v for k, v in content.items() if k not in made_up}
    if "slack_factor" in content and not content.get("slack_amount"):
        # A bandit policy has one of the two; the SDK writes both.
        content.pop("slack_amount", None)
    elif content.get("slack_amount") and not content.get("slack_factor"):
        content.pop("slack_factor", None)
    if "job_output_type" in content:
        content["type"] = content.pop("job_output_type")
    return content


def _path(value: str) -> str:
    rest = value.removeprefix("azureml:")
    if rest == value or rest.startswith("//") or _ASSET.fullmatch(rest):
        return value
    return rest
