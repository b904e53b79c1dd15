"""Steps of Azure's registry that are no jobs of ours: what their components' commands run.

python -m tintype.jobs.registry_steps STEP --INPUT VALUE ... --OUTPUT PATH ...

Source of their inputs, outputs and layouts: docs/contracts.md §4.2 and §5.1.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import TintypeError, UsageError
from tintype.files import write_json, write_text

__all__ = ["main"]

# Beside the probabilities: which class each column is of.
_CLASSES = ".classes.json"

Given = dict[str, str]
"""Values of a step's inputs and paths of its outputs, by name; those without a value are not there."""


def import_model(given: Given) -> None:
    """`output_dir` becomes the checkpoint that the inputs name, with a note of what they were."""
    from tintype.models.checkpoint import CHECKPOINT_PATTERNS, resolve_checkpoint
    from tintype.workspace.registry import resolve_model

    # The component's precedence.
    named = next(
        (
            given[name]
            for name in ("pytorch_model", "mlflow_model", "model_name")
            if given.get(name)
        ),
        None,
    )
    if named is None:
        raise UsageError("one of model_name, pytorch_model, mlflow_model is required")
    checkpoint = resolve_checkpoint(resolve_model(named))
    target = Path(given["output_dir"])
    for pattern in CHECKPOINT_PATTERNS:
        for file in sorted(checkpoint.folder.glob(pattern)):
            shutil.copyfile(file, target / file.name)
    inputs = {name: value for name, value in given.items() if name != "output_dir"}
    write_json(target / "model_selector_args.json", inputs)


def predict(given: Given) -> None:
    """Score `test_data`: predictions, probabilities and ground truth as JSON lines, and how long it took."""
    from tintype.data.reading import read_image_table
    from tintype.schemas.task import MULTILABEL
    from tintype.scoring.scorer import Scorer

    begun, started = _now(), time.monotonic()
    scorer = Scorer.load(given["mlflow_model"])
    label = given.get("label_column_name", "label")
    table = read_image_table(
        given["test_data"],
        label_column=label,
        image_column=given.get("input_column_names", "image_url"),
        split="test",
    )
    scores = scorer.score_table(table)
    seconds = time.monotonic() - started
    for row, reason in scores.failures:
        print(f"{table.location(row)} is left out: {reason}", flush=True)
    multilabel = scorer.task == MULTILABEL
    classes = [str(name) for name in scorer.classes]
    threshold = 0.5 if scorer.thresholds is None else scorer.thresholds
    predicted: list[Any] = (
        [_names(row >= threshold, classes) for row in scores.probabilities]
        if multilabel
        else [classes[code] for code in scores.probabilities.argmax(axis=1)]
    )
    known = table.with_classes(classes)
    targets = known.targets(scores.rows)
    truth = [
        _names(target > 0, classes) if multilabel else classes[int(target)] for target in targets
    ]
    _write_lines(given["predictions"], ({"predictions": value} for value in predicted))
    _write_lines(
        given["prediction_probabilities"],
        (
            {str(column): float(value) for column, value in enumerate(row)}
            for row in scores.probabilities
        ),
    )
    write_json(Path(given["prediction_probabilities"] + _CLASSES), classes)
    _write_lines(given["ground_truth"], ({label: value} for value in truth))
    write_json(
        Path(given["performance_metadata"]),
        {
            "batch_size": int(given.get("batch_size") or 1),
            "start_time_iso": begun,
            "end_time_iso": _now(),
            "time_taken_ms": seconds * 1000,
        },
    )


def compute(given: Given) -> None:
    """Hold predictions against ground truth: metrics and a report in `evaluation_result`."""
    from tintype.evaluation.report import evaluate_predictions
    from tintype.schemas.task import MULTILABEL, parse_training_task
    from tintype.workspace.tracking import MlflowRun, mlflow_client

    task = parse_training_task(given["task"])
    truth = _column(given["ground_truth"], given.get("ground_truth_column_name"))
    predicted = _column(given["prediction"], given.get("prediction_column_name"))
    if len(truth) != len(predicted):
        raise UsageError(f"{len(predicted)} predictions for {len(truth)} rows of ground truth")
    multilabel = task == MULTILABEL
    classes = _classes(given, [*truth, *predicted])
    probabilities = _probabilities(given, predicted, classes)
    codes = {name: code for code, name in enumerate(classes)}
    if multilabel:
        targets = np.zeros((len(truth), len(classes)), np.float32)
        for row, names in enumerate(truth):
            targets[row, [codes[str(name)] for name in names]] = 1
    else:
        targets = np.array([codes[str(name)] for name in truth], np.int64)
    config = _config(given)
    evaluation = evaluate_predictions(
        task,
        probabilities,
        targets,
        classes,
        metrics=config.get("metrics"),
        threshold=config.get("threshold", 0.5),
    )
    evaluation.write(Path(given["evaluation_result"]) / "evaluationResult")
    run_id = os.environ.get("MLFLOW_RUN_ID")
    if run_id is not None:
        MlflowRun(mlflow_client(), run_id).log_metrics(evaluation.metrics, step=0)


def select_framework(given: Given) -> None:
    """`output` says whether AutoML's own trainer takes the model, or transformers'."""
    from tintype.schemas.automl_parameters import NATIVE_MODELS

    name = given.get("model_name", "")
    native = not name or name.lower() in NATIVE_MODELS
    write_text(Path(given["output"]), "true\n" if native else "false\n")


def select_output(given: Given) -> None:
    """The models of the branch that `condition` says ran."""
    said = Path(given["condition"]).read_text("utf-8").strip().lower()
    if said not in ("true", "false"):
        raise UsageError(f"{given['condition']} holds {said!r}; expected true or false")
    for kind in ("mlflow_model", "pytorch_model"):
        source = given.get(f"{kind}_{said[0]}")
        if source is not None:
            shutil.copytree(source, given[f"{kind}_folder"], dirs_exist_ok=True)


_STEPS: dict[str, Callable[[Given], None]] = {
    "model_import": import_model,
    "model_prediction": predict,
    "compute_metrics": compute,
    "framework_selector": select_framework,
    "model_output_selector": select_output,
}


def main(arguments: Sequence[str]) -> int:
    """Run a step; the process's exit code."""
    parser = argparse.ArgumentParser(prog="tintype.jobs.registry_steps")
    parser.add_argument("step", choices=list(_STEPS))
    known, rest = parser.parse_known_args(list(arguments))
    names, values = rest[::2], rest[1::2]
    given = {name.removeprefix("--"): value for name, value in zip(names, values, strict=True)}
    try:
        _STEPS[known.step](given)
    except TintypeError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _names(chosen: np.ndarray, classes: Sequence[str]) -> list[str]:
    return [name for name, there in zip(classes, chosen, strict=True) if there]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()


def _write_lines(path: str, rows: Any) -> None:
    write_text(Path(path), "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _column(path: str, name: str | None) -> list[Any]:
    """One column of a JSON lines file: the one that is named, or the only one."""
    values = []
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            values.append(row[name] if name is not None else next(iter(row.values())))
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
            column = f"the key {name!r}" if name else "one key"
            raise UsageError(f"{path}:{number}: expected a JSON object with {column}") from None
    return values


def _classes(given: Given, labels: list[Any]) -> list[str]:
    """Names of the classes: as the prediction wrote them, or those that the labels have."""
    path = given.get("prediction_probabilities")
    if path is not None:
        beside = Path(f"{Path(path).resolve()}{_CLASSES}")
        if beside.is_file():
            return [str(name) for name in json.loads(beside.read_text("utf-8"))]
    names: set[str] = set()
    for label in labels:
        names |= {str(each) for each in label} if isinstance(label, list) else {str(label)}
    return sorted(names)


def _probabilities(given: Given, predicted: list[Any], classes: list[str]) -> np.ndarray:
    """(rows, classes): as they were written, or 1 for what was predicted."""
    path = given.get("prediction_probabilities")
    if path is not None:
        rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
        found = np.array([[row[str(c)] for c in range(len(row))] for row in rows], np.float32)
        if found.shape != (len(predicted), len(classes)):
            raise UsageError(
                f"{path}: {found.shape} probabilities for {len(predicted)} rows of "
                f"{len(classes)} classes"
            )
        return found
    codes = {name: code for code, name in enumerate(classes)}
    certain = np.zeros((len(predicted), len(classes)), np.float32)
    for row, names in enumerate(predicted):
        for name in names if isinstance(names, list) else [names]:
            certain[row, codes[str(name)]] = 1
    return certain


def _config(given: Given) -> dict[str, Any]:
    path, text = given.get("evaluation_config"), given.get("evaluation_config_params")
    if path is not None:
        text = Path(path).read_text("utf-8")
    if text is None:
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise UsageError(f"evaluation_config is not JSON: {error}") from None
    if not isinstance(config, dict) or set(config) - {"metrics", "threshold"}:
        raise UsageError(
            f"evaluation_config {text!r}: expected an object with metrics and threshold"
        )
    return config


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
