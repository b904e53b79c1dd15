"""Azure's pipeline documents around its fine-tune component or an AutoML node, as one job.

Only the shapes that Azure's own samples have are understood: `type: pipeline` with one node whose
component is `transformers_image_classification_pipeline` (or `image_classification_pipeline`,
under which the samples' YAML files it), or with one `type: automl` node and, after it, a node that
registers its best model; and `${{parent.inputs.x}}` references.
"""

from __future__ import annotations

import re
from typing import Any

from tintype.errors import DocumentError
from tintype.schemas.document import Document

__all__ = ["SAME", "flatten_pipeline", "is_pipeline", "resolved"]

_REFERENCE = re.compile(r"\$\{\{\s*parent\.(inputs|outputs)\.(\w+)\s*\}\}")

_NODE_OUTPUT = re.compile(r"\$\{\{\s*parent\.jobs\.(?P<node>\w+)\.outputs\.\w+\s*\}\}")

# Component inputs that are keys of the job itself here.
_JOB_KEYS = (
    "training_data",
    "validation_data",
    "test_data",
    "label_column_name",
    "input_column_names",
)

# Component inputs that say where and how Azure runs things.
_WITHOUT_EFFECT = (
    "compute_model_import",
    "compute_finetune",
    "compute_model_evaluation",
    "instance_count",
    "process_count_per_instance",
    "model_family",
    "download_from_source",
    "test_batch_size",
    "evaluation_config",
    "evaluation_config_params",
)

SAME = ("$schema", "name", "display_name", "experiment_name", "description", "tags", "properties")
"""Keys of a pipeline that are keys of any job."""


def is_pipeline(document: Document) -> bool:
    """Whether the document is a pipeline."""
    return document.data.get("type") == "pipeline"


def flatten_pipeline(document: Document) -> Document:
    """The fine-tuning or AutoML job that the pipeline's node asks for.

    Raises:
        DocumentError: no such node, several, or a reference to an input that is not there.
    """
    nodes = document.data.get("jobs")
    if not isinstance(nodes, dict):
        raise _error(document, ("jobs",), "expected a mapping of nodes")
    wanted = [
        name
        for name, node in nodes.items()
        if isinstance(node, dict)
        and (
            node.get("type") == "automl"
            or "image_classification_pipeline" in str(node.get("component", ""))
        )
    ]
    others = [name for name in nodes if name not in wanted]
    registered = [_registered_name(document, name, nodes[name], wanted) for name in others]
    if len(wanted) != 1 or None in registered:
        raise _error(
            document,
            ("jobs",),
            "a pipeline runs here when it is one automl node, or one with the component "
            "transformers_image_classification_pipeline, and nodes that register its best_model; "
            f"this one has {', '.join(nodes) or 'none'}",
        )
    names = [name for name in registered if name]
    key = ("jobs", wanted[0])
    node = nodes[wanted[0]]
    if node.get("type") == "automl":
        return _automl(document, key, node, names)
    inputs = {
        name: resolved(document, (*key, "inputs", name), value, document.data.get("inputs") or {})
        for name, value in (node.get("inputs") or {}).items()
    }
    return Document(_job(document, key, inputs, names), document.path, _lines(document, key))


def _registered_name(document: Document, name: str, node: Any, trained: list[str]) -> str | None:
    """The model name of a node that registers what a training node gives; None for other nodes."""
    inputs = node.get("inputs") if isinstance(node, dict) else None
    if not isinstance(inputs, dict):
        return None
    for value in inputs.values():
        match = _NODE_OUTPUT.fullmatch(str(value).strip())
        if match is not None and match["node"] in trained:
            base = inputs.get("model_base_name") or inputs.get("model_name")
            if base is None:
                return None
            key = ("jobs", name, "inputs", "model_base_name")
            return str(resolved(document, key, base, document.data.get("inputs") or {}))
    return None


def _automl(
    document: Document, key: tuple[str, ...], node: dict[str, Any], registered: list[str]
) -> Document:
    given = document.data.get("inputs") or {}
    job = {name: resolved(document, (*key, name), value, given) for name, value in node.items()}
    # The SDK names each node; a job's name is the pipeline's own.
    job.pop("name", None)
    job = {**{name: document.data[name] for name in SAME if name in document.data}, **job}
    # What a node's outputs say is where Azure keeps them.
    job["outputs"] = {
        name: value if isinstance(value, dict) else {}
        for name, value in (job.get("outputs") or {}).items()
    }
    for name in registered:
        job["outputs"][f"registered_{name}"] = {"name": name}
    job["without_effect"] = [name for name in ("settings", "compute") if name in document.data]
    lines = dict(document.lines)
    lines |= {
        place[len(key) :]: line
        for place, line in document.lines.items()
        if place[: len(key)] == key and len(place) > len(key)
    }
    return Document(job, document.path, lines)


def _job(
    document: Document, key: tuple[str, ...], inputs: dict[str, Any], registered: list[str]
) -> dict[str, Any]:
    job: dict[str, Any] = {name: document.data[name] for name in SAME if name in document.data}
    job["type"] = "finetuning"
    ignored = [name for name in _WITHOUT_EFFECT if inputs.pop(name, None) is not None]
    ignored += [name for name in ("settings", "compute") if name in document.data]
    job["without_effect"] = ignored
    for name in _JOB_KEYS:
        value = inputs.pop(name, None)
        if value is not None:
            job[name] = value
    job["task"] = inputs.pop("task_name", None)
    # The component's precedence: a PyTorch model wins over an MLflow model over a name.
    models = [inputs.pop(name, None) for name in ("pytorch_model", "mlflow_model", "model_name")]
    chosen = next((model for model in models if model), None)
    if chosen is None:
        raise _error(
            document, (*key, "inputs"), "one of model_name, pytorch_model, mlflow_model is required"
        )
    job["model_name"] = chosen.get("path") if isinstance(chosen, dict) else chosen
    if registered:
        job["outputs"] = {f"registered_{name}": {"name": name} for name in registered}
    # Should one of the rest be unknown, validation will name it, with its line.
    job["hyperparameters"] = inputs
    return job


def _lines(document: Document, key: tuple[str, ...]) -> dict[tuple[str | int, ...], int]:
    lines = dict(document.lines)
    for place, line in document.lines.items():
        if place[: len(key) + 1] == (*key, "inputs") and len(place) > len(key) + 1:
            rest = place[len(key) + 1 :]
            lines[rest if rest[0] in _JOB_KEYS else ("hyperparameters", *rest)] = line
    return lines


def resolved(document: Document, key: tuple[str, ...], value: Any, inputs: dict[str, Any]) -> Any:
    """What a node's input stands for: the pipeline's own input that it refers to, or itself.

    Raises:
        DocumentError: it refers to one that the pipeline does not have.
    """
    if isinstance(value, dict) and set(value) == {"path"}:
        # As the SDK writes the reference.
        return resolved(document, key, value["path"], inputs) if _refers(value["path"]) else value
    if not isinstance(value, str):
        return value
    match = _REFERENCE.fullmatch(value.strip())
    if match is None:
        return value
    kind, name = match.groups()
    if kind == "outputs":
        return None
    if name not in inputs:
        raise _error(document, key, f"{value} refers to an input that the pipeline does not have")
    return inputs[name]


def _refers(value: Any) -> bool:
    return isinstance(value, str) and _REFERENCE.fullmatch(value.strip()) is not None


def _error(document: Document, key: tuple[str, ...], message: str) -> DocumentError:
    return DocumentError(message, file=document.path, line=document.line(key), field=".".join(key))
