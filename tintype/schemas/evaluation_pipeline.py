"""Azure's pipeline documents around its component `model_evaluation_pipeline`, as an evaluation job.

Source of its inputs and its config: docs/contracts.md §5.2.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tintype.errors import DocumentError
from tintype.schemas.document import Document
from tintype.schemas.pipeline import SAME, resolved

__all__ = ["flatten_evaluation", "is_evaluation"]

_COMPONENT = "model_evaluation_pipeline"

# What `evaluation_config` may say.
_CONFIG_KEYS = ("metrics", "threshold")

# Inputs that say where and how Azure runs it.
_WITHOUT_EFFECT = (
    "compute_name",
    "instance_type",
    "device",
    "batch_size",
    "openai_config_params",
)


def is_evaluation(document: Document) -> bool:
    """Whether the document is a pipeline with that component as its one node."""
    nodes = document.data.get("jobs")
    if document.data.get("type") != "pipeline" or not isinstance(nodes, dict) or len(nodes) != 1:
        return False
    node = next(iter(nodes.values()))
    return isinstance(node, dict) and _COMPONENT in str(node.get("component", ""))


def flatten_evaluation(document: Document, base: Path) -> Document:
    """The evaluation job that the pipeline's node asks for; its config file is read from `base`.

    Raises:
        DocumentError: an input that is not there, or a config that cannot be read.
    """
    [(name, node)] = document.data["jobs"].items()
    key = ("jobs", name, "inputs")
    given = document.data.get("inputs") or {}
    inputs = {
        each: resolved(document, (*key, each), value, given)
        for each, value in (node.get("inputs") or {}).items()
    }
    job: dict[str, Any] = {each: document.data[each] for each in SAME if each in document.data}
    job["type"] = "evaluation"
    ignored = [each for each in _WITHOUT_EFFECT if inputs.pop(each, None) is not None]
    ignored += [each for each in ("settings", "compute") if each in document.data]
    job["without_effect"] = ignored
    # The task is what the model does; saying so changes nothing.
    inputs.pop("task", None)
    model = inputs.pop("mlflow_model", None)
    if model is not None:
        job["model"] = model.get("path") if isinstance(model, dict) else model
    config = inputs.pop("evaluation_config", None)
    text = inputs.pop("evaluation_config_params", None)
    if config is not None:
        path = config.get("path") if isinstance(config, dict) else config
        text = _read(document, (*key, "evaluation_config"), base / str(path))
    if text is not None:
        job |= _settings(document, (*key, "evaluation_config"), text)
    # Should one of the rest be unknown, validation will name it, with its line.
    lines = dict(document.lines)
    for place, line in document.lines.items():
        if place[: len(key)] == key and len(place) > len(key):
            lines[place[len(key) :]] = line
    return Document(job | inputs, document.path, lines)


def _read(document: Document, key: tuple[str, ...], path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise _error(document, key, f"{path} cannot be read: {error}") from None


def _settings(document: Document, key: tuple[str, ...], text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _error(document, key, f"is not JSON: {error}") from None
    if not isinstance(config, dict) or set(config) - set(_CONFIG_KEYS):
        raise _error(
            document, key, f"{text.strip()!r} given; expected an object with metrics and threshold"
        )
    return config


def _error(document: Document, key: tuple[str, ...], message: str) -> DocumentError:
    return DocumentError(message, file=document.path, line=document.line(key), field=".".join(key))
