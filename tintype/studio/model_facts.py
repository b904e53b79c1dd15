"""What there is to say of a registered version beside the registry: its card, evaluations, and what serves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tintype.errors import TintypeError, UsageError
from tintype.workspace.batch_endpoints import BatchEndpointStore
from tintype.workspace.endpoints import EndpointStore
from tintype.workspace.model_versions import ModelVersion
from tintype.workspace.registry import resolve_model
from tintype.workspace.run_index import RunIndex, RunQuery
from tintype.workspace.runs import RunStore

__all__ = ["ModelFacts", "evaluations_of", "facts_of", "served_by"]

_MOST_LABELS = 1000

# Evaluation jobs that are looked through for those of a model, the newest first.
_MOST_EVALUATIONS = 500


@dataclass(frozen=True)
class ModelFacts:
    """What a version's files say."""

    card: dict[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    label_count: int = 0
    bytes: int = 0
    missing: str | None = None
    """Why they cannot be had."""
    folder: str | None = None


def facts_of(model: ModelVersion) -> ModelFacts:
    """Read a version's card and labels. Checksums are for who loads the weights: they take a second."""
    try:
        folder = Path(resolve_model(model.id))
        data = folder / "data" / "model"
        card = yaml.safe_load((data / "card.yaml").read_text("utf-8"))
        labels = [str(each) for each in json.loads((data / "labels.json").read_text("utf-8"))]
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except (TintypeError, OSError, ValueError, TypeError, yaml.YAMLError) as error:
        return ModelFacts(missing=f"its files cannot be read: {error}")
    return ModelFacts(
        card=_plain(card) if isinstance(card, dict) else {},
        labels=labels[:_MOST_LABELS],
        label_count=len(labels),
        bytes=size,
        folder=str(folder),
    )


def evaluations_of(model: ModelVersion, facts: ModelFacts, runs: RunIndex) -> list[dict[str, Any]]:
    """What its own run measured, and every evaluation job of it, newest first."""
    found = []
    made_by = model.tags.get("tintype.job")
    if made_by is not None:
        for run in _with_best_child(runs, made_by):
            for title, folder in (("validation", "evaluation"), ("test", "test-evaluation")):
                found += _evaluation(run, title, f"outputs/{folder}")
            if found:
                break
    names = {facts.folder, *_output_of(made_by)}
    page = runs.page(RunQuery(types=("evaluation",), statuses=("Completed",)), 0, _MOST_EVALUATIONS)
    for record in page.runs:
        document = _json(RunStore().path(record.name) / "job.json")
        if document.get("model") in names:
            found += _evaluation(record.name, record.display_name, "outputs/evaluation")
    return found


def served_by(model: ModelVersion, facts: ModelFacts) -> list[dict[str, Any]]:
    """Deployments, online and batch, whose model it is."""
    found = []
    for batch, store in ((False, EndpointStore()), (True, BatchEndpointStore())):
        for endpoint in store.endpoints():
            for one in store.deployments(endpoint.name):
                if one.model == facts.folder or one.document.get("model") == model.id:
                    found.append(
                        {"endpoint": endpoint.name, "deployment": one.name, "batch": batch}
                    )
    return found


def _with_best_child(runs: RunIndex, name: str) -> Iterator[str]:
    try:
        record = runs.get(name)
    except UsageError:
        # Its folder was deleted by hand.
        return
    yield name
    if record.best_child is not None:
        yield record.best_child


def _output_of(run: str | None) -> list[str]:
    """Places that an evaluation may have named the model by before it was registered."""
    if run is None:
        return []
    try:
        return [str(RunStore().path(run) / "outputs" / "mlflow-model")]
    except UsageError:
        return []


def _evaluation(run: str, title: str, folder: str) -> list[dict[str, Any]]:
    content = _json(RunStore().path(run) / folder / "metrics.json")
    metrics = content.get("metrics")
    if not isinstance(metrics, dict):
        return []
    return [
        {
            "run": run,
            "title": title,
            "report": f"{folder}/evaluation.html",
            "rows": content.get("rows", 0),
            "metrics": metrics,
            "intervals": content.get("intervals") or {},
        }
    ]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _plain(value: Any) -> Any:
    """YAML's dates as texts."""
    return json.loads(json.dumps(value, default=str))
