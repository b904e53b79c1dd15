"""Two models on the same pictures: which, what the runs found, and where they differ."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tintype.batch.inputs import find_inputs
from tintype.data.reading import read_image_table
from tintype.errors import DataError, UsageError
from tintype.jobs import submit
from tintype.jobs.batch import score_folder
from tintype.jobs.run import Run
from tintype.schemas.batch_job import read_batch_job
from tintype.schemas.document import Document
from tintype.workspace.comparisons import Comparison, ComparisonStore
from tintype.workspace.data_assets import resolve_data

__all__ = ["MOST_PICTURES", "begin_comparison", "compared"]

MOST_PICTURES = 100

# Of each answer.
_SHOWN_LABELS = 5


def begin_comparison(first: str, second: str, data: str) -> Comparison:
    """Submit a batch run of each model over the same pictures, at most a hundred, evenly chosen.

    Raises:
        UsageError: a model or the data cannot be used; nothing was started.
        OutputError: the workspace cannot be written.
    """
    id_ = secrets.token_hex(6)
    locations, labels = _chosen(data)
    store = ComparisonStore()
    pictures = store.write_pictures(id_, locations)
    jobs = [
        read_batch_job(
            Document(
                {
                    "type": "batch",
                    "display_name": f"{model}, compared",
                    "experiment_name": "model-comparisons",
                    "model": model,
                    "inputs": {"input": {"path": str(pictures)}},
                    "settings": {"output_format": "jsonl"},
                    "tags": {"tintype.comparison": id_},
                }
            ),
            Path.cwd(),
        )
        for model in (first, second)
    ]
    for job in jobs:
        # Both, before either is started.
        submit.check_job(submit.settled_job(job))
    runs = [submit.submit_job(job).name for job in jobs]
    comparison = Comparison(id_, (first, second), data, (runs[0], runs[1]), labels)
    store.save(comparison)
    return comparison


def compared(comparison: Comparison) -> list[dict[str, Any]]:
    """A row for each picture, those first where the models differ, and most.

    Each has `row`, `picture` (its path or URL), `label`, `answers` (of both models: `labels` with their `probs`, the
    likeliest first, or `error`; None while there is none) and `difference`, 0 to 1.
    """
    pictures = ComparisonStore().pictures(comparison.id)
    answers = [_answers(run, len(pictures)) for run in comparison.runs]
    rows = [
        {
            "row": row,
            "picture": picture,
            "label": comparison.labels[row] if row < len(comparison.labels) else None,
            "answers": [_shown(of_model[row]) for of_model in answers],
            "agree": _first(answers[0][row]) == _first(answers[1][row]),
            "difference": _difference(answers[0][row], answers[1][row]),
        }
        for row, picture in enumerate(pictures)
    ]
    return sorted(rows, key=lambda row: (bool(row["agree"]), -float(row["difference"])))


def _chosen(data: str) -> tuple[list[str], list[Any]]:
    place = resolve_data(data)
    try:
        table = read_image_table(place, check_files=False)
    except DataError:
        # Pictures without labels.
        found = [each.path for each in find_inputs(place, Counter()) if each.kind == "image"]
        if not found:
            raise
        return [found[row] for row in _evenly(len(found))], [None] * min(len(found), MOST_PICTURES)
    rows = _evenly(len(table))
    labels = [None if table.task is None else table.label(int(row)) for row in rows]
    return list(table.locations(rows)), labels


def _evenly(count: int) -> np.ndarray:
    """int (n,): all of `count` rows, or a hundred of them."""
    if count == 0:
        raise UsageError("there are no pictures in these data")
    return np.unique(np.linspace(0, count - 1, min(count, MOST_PICTURES)).astype(int))


def _answers(run: str, count: int) -> list[dict[str, Any] | None]:
    """A run's answers by row; None where there is none (yet)."""
    found: list[dict[str, Any] | None] = [None] * count
    try:
        file = score_folder(Run(run)) / "predictions.jsonl"
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UsageError):
        return found
    for line in lines:
        answer = json.loads(line)
        if 0 <= answer["row"] < count:
            found[answer["row"]] = answer
    return found


def _shown(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    if "error" in answer:
        return {"error": answer["error"], "labels": [], "probs": []}
    probs, labels = answer.get("probs", []), answer.get("labels", [])
    best = sorted(range(len(probs)), key=lambda at: -probs[at])[:_SHOWN_LABELS]
    return {
        "error": None,
        "labels": [labels[at] for at in best],
        "probs": [probs[at] for at in best],
    }


def _first(answer: dict[str, Any] | None) -> str | None:
    return None if answer is None else answer.get("label")


def _difference(one: dict[str, Any] | None, other: dict[str, Any] | None) -> float:
    """Total variation distance of both distributions; of multi-label answers the greatest difference."""
    if not one or not other or "probs" not in one or "probs" not in other:
        return 0.0
    first, second = (dict(zip(each["labels"], each["probs"], strict=True)) for each in (one, other))
    apart = [abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in {*first, *second}]
    # Probabilities of one label sum to 1.
    single = all(abs(sum(each.values()) - 1) < 0.01 for each in (first, second))
    return float(sum(apart) / 2 if single else max(apart, default=0.0))
