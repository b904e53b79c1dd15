"""Azure's component `model_evaluation_pipeline`, as the evaluation job that its inputs ask for.

Source of its inputs and its config: docs/contracts.md §5.2.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tintype.errors import DocumentError
from tintype.schemas.document import Document, KeyPath

__all__ = ["evaluation_document"]

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


def evaluation_document(
    document: Document, key: KeyPath, inputs: dict[str, Any], base: Path
) -> Document:
    """The evaluation job that a node with the component asks for.

    Args:
        document: where the node stands.
        key: the node's place in it.
        inputs: the node's inputs, references resolved.
        base: folder of relative paths: its config file is read from there.

    Raises:
        DocumentError: a config that cannot be read.
    """
    key, inputs = (*key, "inputs"), dict(inputs)
    job: dict[str, Any] = {"type": "evaluation"}
    job["without_effect"] = [e for e in _WITHOUT_EFFECT if inputs.pop(e, None) is not None]
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
    return document.part(key, job | inputs)


def _read(document: Document, key: KeyPath, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise _error(document, key, f"{path} cannot be read: {error}") from None


def _settings(document: Document, key: KeyPath, text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _error(document, key, f"is not JSON: {error}") from None
    if not isinstance(config, dict) or set(config) - set(_CONFIG_KEYS):
        raise _error(
            document, key, f"{text.strip()!r} given; expected an object with metrics and threshold"
        )
    return config


def _error(document: Document, key: KeyPath, message: str) -> DocumentError:
    return DocumentError(
        message, file=document.path, line=document.line(key), field=".".join(map(str, key))
    )
