"""Is each training recipe worth it? One change at a time on real photos, judged on their test split.

    ./run bench recipes [--tables heads tail full] [--recipes plain ema] [--seeds 5] [--epochs 60]

heads: a head on tintype/efficientnet-lite0, on samples/photos/clothing (one class a photo) and cards
(several). tail: the same on clothing of which the classes have 50, 28, 16, 9, 5 and 3 training photos.
full: full fine-tuning on clothing at --side pixels for --full-epochs. A fifth of the training photos
chooses epochs, temperature and thresholds. Means over seeds. Prints Markdown for RESULTS.md.
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

Recipes = dict[str, dict[str, Any]]

# What every row has but for its own changes.
PLAIN: dict[str, Any] = {"temperature_scaling": False, "multilabel_threshold": 0.5}
AVERAGES: Recipes = {
    "ema": {"ema_decay": 0.98},
    "soup": {"checkpoint_averaging": "greedy"},
}
ONE_LABEL: Recipes = {
    "plain": {},
    "temperature": {"temperature_scaling": True},
    **AVERAGES,
    "flip": {"tta": "flip"},
}
SEVERAL: Recipes = {
    "plain": {},
    "temperature": {"temperature_scaling": True},
    "thresholds": {"multilabel_threshold": None},
    "asymmetric": {"loss": "asymmetric"},
    "asymmetric, thresholds": {"loss": "asymmetric", "multilabel_threshold": None},
    **AVERAGES,
}
TAIL: Recipes = {
    "plain": {},
    "weighted_loss 2": {"weighted_loss": 2},
    "sampling": {"class_balance": "sampling"},
    "logit adjustment": {"class_balance": "logit_adjustment"},
}
FULL: Recipes = {
    "plain": {},
    "temperature": {"temperature_scaling": True},
    **AVERAGES,
    "head first": {"head_first": True},
    "layer rates": {"layer_wise_lr_decay": 0.85},
    "mixup": {"mixup_alpha": 0.2},
    "cutmix": {"cutmix_alpha": 1.0},
    "erasing": {"random_erasing": 0.25},
    "randaugment": {"randaugment": True},
}
TAIL_COUNTS = (50, 28, 16, 9, 5, 3)


def main() -> None:
    """Train and print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=["heads", "tail", "full"])
    parser.add_argument("--recipes", nargs="+", help="names of rows; default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60, help="of heads")
    parser.add_argument("--full-epochs", type=int, default=8)
    parser.add_argument("--side", type=int, default=160, help="pixels of full fine-tuning's input")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet()
    print(f"Machine: {machine()}\n", flush=True)
    head = {"method": "head", "number_of_epochs": options.epochs}
    full = {
        "number_of_epochs": options.full_epochs,
        "learning_rate": 1e-3,
        "learning_rate_scheduler": "warmup_cosine",
        "training_batch_size": 16,
        "image_width": options.side,
        "image_height": options.side,
    }
    with tempfile.TemporaryDirectory(prefix="tintype-bench-") as home:
        os.environ["TINTYPE_HOME"] = home
        one, several = ("accuracy", "log_loss"), ("iou", "f1_score_macro", "log_loss")
        rare = ("accuracy", "balanced_accuracy", "log_loss")
        if "heads" in options.tables:
            _table(Path(home), "clothing", ONE_LABEL, one, head, options)
            _table(Path(home), "cards", SEVERAL, several, head, options)
        if "tail" in options.tables:
            _table(Path(home), "clothing", TAIL, rare, head, options, long_tail=True)
        if "full" in options.tables:
            _table(Path(home), "clothing", FULL, one, full, options)


def _table(
    home: Path,
    data: str,
    recipes: Recipes,
    names: tuple[str, ...],
    common: dict[str, Any],
    options: argparse.Namespace,
    *,
    long_tail: bool = False,
) -> None:
    """A row for each recipe: the mean over seeds of each metric on the test photos."""
    from tintype.data import read_image_table

    train, test = (read_image_table(PHOTOS / data / part) for part in ("train", "test"))
    if long_tail:
        targets = train.targets()
        rows = [np.flatnonzero(targets == code)[:most] for code, most in enumerate(TAIL_COUNTS)]
        train = train.select(np.concatenate(rows))
    shown = [*names, "calibration error"]
    kind = common.get("method", "full")
    print(
        f"| {data}, {len(train)} photos to train on, {len(test)} to test on; {kind}, "
        f"{common['number_of_epochs']} epochs | {' | '.join(shown)} | seconds |"
    )
    print(f"|---|{'---|' * (len(shown) + 1)}")
    for recipe, changes in recipes.items():
        if options.recipes and recipe not in options.recipes:
            continue
        results, seconds = [], 0.0
        for seed in range(1, options.seeds + 1):
            start = time.perf_counter()
            folder = home / f"{data}-{kind}-{long_tail}-{recipe}-{seed}"
            values = {**PLAIN, **common, **changes, "random_seed": seed}
            evaluation = _trained(folder, train, test, values)
            seconds += (time.perf_counter() - start) / options.seeds
            results.append([evaluation[name] for name in shown])
        means = " | ".join(f"{value:.3f}" for value in np.mean(results, 0))
        print(f"| {recipe} | {means} | {seconds:.0f} |", flush=True)
    print()


def _trained(folder: Path, train: Any, test: Any, values: dict[str, Any]) -> dict[str, float]:
    """Metrics on `test` of what was trained on `train`."""
    from tintype.evaluation.curves import calibration
    from tintype.evaluation.report import evaluate_predictions
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.scoring import Scorer
    from tintype.training import finetune

    tta = values.pop("tta", "none")
    result = finetune(
        checkpoint=CHECKPOINT,
        train=train,
        task=train.task,
        output_folder=folder,
        parameters=FinetuningParameters.model_validate(values),
    )
    scorer = Scorer.load(result.model_folder, precision="fp32", runtime="torch", tta=tta)
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
