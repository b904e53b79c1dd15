"""How good the automatic mode is in given minutes, on real photos that nothing was learnt from.

    ./run bench accuracy [--sets clothing sign-digits playing-cards digits] [--seeds 0 1 2] [--budget 5m]

Beside it: scikit-learn's logistic regression on features of tintype/efficientnet-lite0, its C by five
folds; and AutoGluon MultiModal with the same weights (timm_lite0.py) and time. It has no task of several
labels: there each set of labels is a class. Sets: photo_sets.py. A seed draws another test part (clothing
has one of its own) and another split of the rest. Everything is computed anew: no cache outlives a row.
"To its value" is when the best model that lay ready first did as well on the test photos as AutoGluon's
final one: the ranking's first, of a sample of the photos, or the best by validation so far. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from autogluon_peer import autogluon_python, fit_autogluon
from machine import machine, quiet
from photo_sets import NAMES, PhotoSet, photo_set
from pydantic import TypeAdapter
from sweep_leaders import FirstModels, sweep_leaders
from timm_lite0 import write_timm_lite0

from tintype.schemas.duration import Duration

BACKBONE = "tintype/efficientnet-lite0"
PEERS = ("regression", "autogluon")


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".cache" / "tintype-bench-automl",
        help="keeps AutoGluon's environment and checkpoint for the next run",
    )
    options = parser.parse_args()
    quiet()
    print(f"Machine: {machine()}\n")
    print(
        f"| budget {options.budget} | seed | photos: train, test | metric | logistic regression | "
        "AutoGluon | in | Tintype | its 95 % interval | by | in | to AutoGluon's value | "
        "first usable model |"
    )
    print("|---" * 13 + "|", flush=True)
    for name in options.sets:
        for seed in options.seeds:
            with tempfile.TemporaryDirectory(prefix="tintype-accuracy-") as folder:
                print(_row(name, seed, Path(folder), options), flush=True)


def _row(name: str, seed: int, folder: Path, options: argparse.Namespace) -> str:
    found = photo_set(name, seed, folder)
    if found is None:
        return f"| {name} | {seed} | not at hand " + "| " * 10 + "|"
    os.environ["TINTYPE_HOME"] = str(folder / "home")
    begun = time.time()
    with FirstModels(folder / "home" / "runs", folder / "first") as first:
        ours = _tintype(found, folder, options.budget)
    regression = f"{_regression(found):.3f}" if "regression" in options.peers else "–"
    autogluon, took, reached = "–", "–", "–"
    if "autogluon" in options.peers:
        try:
            value, seconds = _autogluon(found, folder, options)
        except RuntimeError as error:
            # Our own minutes are not lost for it.
            print(error, file=sys.stderr)
            autogluon = "failed"
        else:
            autogluon, took = f"{value:.3f}", f"{seconds:.0f} s"
            leaders = sweep_leaders(folder / "home" / "runs", "job")
            after = _reached(found, [*first.found, *leaders], value)
            reached = "not reached" if after is None else f"{after - begun:.0f} s"
    low, high = ours["interval"]
    sizes = ", ".join(str(len(_read(path, found)[0])) for path in (found.train, found.test))
    return (
        f"| {name} | {seed} | {sizes} | {found.metric} | {regression} | {autogluon} | {took} | "
        f"**{ours['value']:.3f}** | {low:.3f} to {high:.3f} | {ours['by']} | {ours['seconds']:.0f} s | "
        f"{reached} | {ours['first']} |"
    )


def _tintype(found: PhotoSet, folder: Path, budget: str) -> dict[str, Any]:
    """The command line, as anyone would use it."""
    document = {
        "type": "automl",
        "task": "image_classification" + ("_multilabel" if found.multilabel else ""),
        "primary_metric": found.metric,
        "training_data": {"type": "uri_file", "path": str(found.train)},
        "test_data": {"type": "uri_file", "path": str(found.test)},
        "image_column_name": "image",
        "target_column_name": found.label,
        "group_column_name": "group",
        "budget": budget,
    }
    path = folder / "job.yml"
    path.write_text(yaml.safe_dump(document))
    command = [str(Path(sys.executable).with_name("tintype")), "job", "create", "--stream"]
    begun = time.monotonic()
    result = subprocess.run(
        [*command, "--file", str(path), "--name", "job"],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    if result.returncode:
        raise SystemExit(f"{result.stdout[-2000:]}\n{result.stderr[-2000:]}")
    outputs = folder / "home" / "runs" / "job" / "outputs"
    metrics = json.loads((outputs / "test-evaluation" / "metrics.json").read_text())
    said = result.stdout + result.stderr
    first = re.search(r"First usable model after ([\d.]+ s)", said)
    by = re.search(r"by trial \d+ \(([^)]*)\)", said)
    return {
        "value": metrics["metrics"][found.metric],
        "interval": metrics["intervals"][found.metric],
        "seconds": seconds,
        "first": first[1] if first else "–",
        "by": by[1] if by else "–",
    }


def _autogluon(found: PhotoSet, folder: Path, options: argparse.Namespace) -> tuple[float, float]:
    """AutoGluon's metric on the test photos, and seconds of its fitting."""
    data = folder / "autogluon"
    data.mkdir()
    for path, name in ((found.train, "train"), (found.test, "test")):
        with (data / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "label"))
            writer.writerows(zip(*_read(path, found), strict=True))
    seconds = float(TypeAdapter(Duration).validate_python(options.budget))
    checkpoint = write_timm_lite0(options.folder / "timm-lite0")
    theirs = fit_autogluon(autogluon_python(options.folder), data, checkpoint, seconds)
    return _score(found, theirs["predicted"]), theirs["seconds"]


def _reached(found: PhotoSet, models: Sequence[tuple[float, Path]], value: float) -> float | None:
    """When the best model so far first had `value` on the test photos: time.time().

    Args:
        models: when each was there, and its folder; in time's order.
    """
    import tintype

    images, _ = _read(found.test, found)
    for ended, folder in models:
        scorer = tintype.Scorer.load(folder)
        answers = [_labels(scorer, prediction) for prediction in scorer.predict(images)]
        if _score(found, answers) >= value:
            return ended
    return None


def _labels(scorer: Any, prediction: Any) -> str:
    """The predicted label, or of several those above their thresholds, separated by blanks."""
    if scorer.thresholds is None and scorer.task == "image_classification":
        return str(prediction.top(1)[0][0])
    thresholds = 0.5 if scorer.thresholds is None else scorer.thresholds
    chosen = np.array(prediction.labels)[prediction.probs >= thresholds]
    return " ".join(chosen)


def _score(found: PhotoSet, answers: list[str]) -> float:
    """Accuracy of labels, or the mean IoU of sets of labels."""
    _, labels = _read(found.test, found)
    if not found.multilabel:
        return float(np.mean(np.array(answers) == np.array(labels)))
    shares = []
    for answer, label in zip(answers, labels, strict=True):
        predicted, true = set(answer.split()), set(label.split())
        shares.append(len(predicted & true) / max(1, len(predicted | true)))
    return float(np.mean(shares))


def _regression(found: PhotoSet) -> float:
    """scikit-learn's logistic regression on the backbone's features, on the test photos."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

    import tintype
    from tintype.evaluation.metrics import compute_metrics

    scorer = tintype.Scorer.load(BACKBONE, task="embeddings")
    features, targets = [], []
    for path in (found.train, found.test):
        images, labels = _read(path, found)
        features.append(np.stack([one.features for one in scorer.predict(images)]))
        targets.append(labels)
    model: Any = LogisticRegression(max_iter=500)
    step = "logisticregression__C"
    if found.multilabel:
        model, step = OneVsRestClassifier(model), "onevsrestclassifier__estimator__C"
        binarizer = MultiLabelBinarizer().fit([label.split() for label in targets[0]])
        targets = [binarizer.transform([label.split() for label in part]) for part in targets]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model), {step: [0.0001, 0.001, 0.01, 0.1]}, cv=5
    )
    search.fit(features[0], targets[0])
    if not found.multilabel:
        return float(search.score(features[1], targets[1]))
    predicted = search.predict_proba(features[1]).astype(np.float32)
    scores = compute_metrics(
        "image_classification_multilabel",
        predicted,
        targets[1].astype(np.float32),
        metrics=[found.metric],
    )
    return scores[found.metric]


def _read(path: Path, found: PhotoSet) -> tuple[list[str], list[str]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["image"] for row in rows], [row[found.label] for row in rows]


if __name__ == "__main__":
    main()
