"""Is each training recipe worth it? One change at a time on real photos, judged on their test split.

    ./run bench recipes [--recipes plain ema soup] [--seeds 3] [--epochs 8] [--side 160]

Full fine-tuning of tintype/efficientnet-lite0 on samples/photos/clothing (one class a photo) and
samples/photos/cards (several); a fifth of the training photos chooses epochs, temperature and
thresholds. Means over seeds. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine, quiet

PHOTOS = Path(__file__).parents[1] / "samples" / "photos"
CHECKPOINT = "tintype/efficientnet-lite0"

# What each recipe changes; "plain" is without any.
PLAIN: dict[str, Any] = {"temperature_scaling": False, "multilabel_threshold": 0.5}
ONE_LABEL: dict[str, dict[str, Any]] = {
    "plain": {},
    "temperature": {"temperature_scaling": True},
    "ema": {"ema_decay": 0.98},
    "soup": {"checkpoint_averaging": "greedy"},
    "layer rates": {"layer_wise_lr_decay": 0.85},
    "mixup": {"mixup_alpha": 0.2},
    "cutmix": {"cutmix_alpha": 1.0},
    "erasing": {"random_erasing": 0.25},
    "randaugment": {"randaugment": True},
}
SEVERAL: dict[str, dict[str, Any]] = {
    "plain": {},
    "temperature": {"temperature_scaling": True},
    "thresholds": {"multilabel_threshold": None},
    "asymmetric": {"loss": "asymmetric"},
    "asymmetric, thresholds": {"loss": "asymmetric", "multilabel_threshold": None},
}


def main() -> None:
    """Train and print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recipes", nargs="+", help="names of rows; default: all")
    parser.add_argument("--sets", nargs="+", default=["clothing", "cards"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--side", type=int, default=160, help="pixels of the input")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet()
    print(f"Machine: {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="tintype-bench-") as home:
        os.environ["TINTYPE_HOME"] = home
        if "clothing" in options.sets:
            _table(Path(home), "clothing", ONE_LABEL, ("accuracy", "log_loss"), options)
        if "cards" in options.sets:
            names = ("iou", "f1_score_macro", "log_loss")
            _table(Path(home), "cards", SEVERAL, names, options)


def _table(
    home: Path,
    data: str,
    recipes: dict[str, dict[str, Any]],
    names: tuple[str, ...],
    options: argparse.Namespace,
) -> None:
    """A row for each recipe: the mean over seeds of each metric on the test photos."""
    from tintype.data import read_image_table

    train, test = (read_image_table(PHOTOS / data / part) for part in ("train", "test"))
    shown = [*names, "calibration error"]
    print(
        f"| {data}, {len(train)} photos to train on, {len(test)} to test on, {options.epochs} "
        f"epochs at {options.side} px | {' | '.join(shown)} | seconds |"
    )
    print(f"|---|{'---|' * (len(shown) + 1)}")
    for recipe, changes in recipes.items():
        if options.recipes and recipe not in options.recipes:
            continue
        rows, seconds = [], 0.0
        for seed in range(1, options.seeds + 1):
            start = time.perf_counter()
            folder = home / f"{data}-{recipe}-{seed}"
            evaluation = _trained(folder, train, test, {**PLAIN, **changes}, seed, options)
            seconds += (time.perf_counter() - start) / options.seeds
            rows.append([evaluation[name] for name in shown])
        means = " | ".join(f"{value:.3f}" for value in np.mean(rows, 0))
        print(f"| {recipe} | {means} | {seconds:.0f} |", flush=True)
    print()


def _trained(
    folder: Path, train: Any, test: Any, changes: dict[str, Any], seed: int, options: Any
) -> dict[str, float]:
    """Metrics on `test` of what was trained on `train`."""
    from tintype.evaluation.curves import calibration
    from tintype.evaluation.report import evaluate_predictions
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.scoring import Scorer
    from tintype.training import finetune

    result = finetune(
        checkpoint=CHECKPOINT,
        train=train,
        task=train.task,
        output_folder=folder,
        parameters=FinetuningParameters(
            number_of_epochs=options.epochs,
            learning_rate=1e-3,
            learning_rate_scheduler="warmup_cosine",
            training_batch_size=16,
            image_width=options.side,
            image_height=options.side,
            random_seed=seed,
            **changes,
        ),
    )
    scorer = Scorer.load(result.model_folder, precision="fp32", runtime="torch", exact=True)
    table = test.with_classes(scorer.classes)
    scores = scorer.score_table(table)
    evaluation = evaluate_predictions(
        scorer.task,  # type: ignore[arg-type]
        scores.probabilities,
        table.targets(scores.rows),
        scorer.classes,
        threshold=0.5 if scorer.thresholds is None else scorer.thresholds,
    )
    error = calibration(evaluation.predictions)["expected_calibration_error"]
    return {**evaluation.metrics, "calibration error": error}


if __name__ == "__main__":
    main()
