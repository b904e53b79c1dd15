"""AutoML beside AutoGluon MultiModal: the same data, machine, minutes and checkpoint.

    ./run bench automl [--seconds 120] [--pretrain 180] [--datasets digits ...] [--no-peer]

Both get one checkpoint, a ResNet-18 that this script pretrains on formulas (formula.py), and the
same training and validation images; both are judged on held-out images. Tintype runs its automatic
mode. "To its accuracy" is when Tintype's best model by validation first did as well on the test
images as AutoGluon's final one. Then: the time to the first usable model for 1,000 photos, with the
backbones that are installed as packages and with a ViT-B/16, and the overhead of a sweep of 20 trials. AutoGluon lives in an environment of its own,
which this script makes (several gigabytes). Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from autogluon_peer import autogluon_python, fit_autogluon
from formula import write_formula_resnet
from machine import machine, photo_jpeg, quiet
from published import write_published
from sweep_leaders import sweep_leaders

REAL = Path(__file__).parents[2] / "shared" / "data"
SECTIONS = ("accuracy", "first", "overhead")


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120, help="budget of each job")
    parser.add_argument("--pretrain", type=float, default=180, help="seconds of pretraining")
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".cache" / "tintype-bench-automl",
        help="keeps the pretrained checkpoint and AutoGluon's environment for the next run",
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    home = options.folder / f"home-{int(time.time())}"
    os.environ["TINTYPE_HOME"] = str(home)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet()
    print(f"Machine: {machine()}\n")
    if "accuracy" in options.only:
        _accuracy(options)
    if "first" in options.only:
        _first(options)
    if "overhead" in options.only:
        _overhead(options)


# Accuracy and time ------------------------------------------------------------------------------


def _accuracy(options: argparse.Namespace) -> None:
    hub, timm = write_formula_resnet(options.folder / "resnet18", seconds=options.pretrain)
    peer = None if options.no_peer else autogluon_python(options.folder)
    minutes = options.seconds / 60
    print(
        f"| {options.seconds:.0f} s each, one ResNet-18 for both | test images | AutoGluon | in "
        "| Tintype | in | to AutoGluon's accuracy |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in options.datasets:
        folder = DATASETS[name](options.folder / "data" / name)
        if folder is None:
            print(f"| {name} | not at hand | | | | | |")
            continue
        theirs = fit_autogluon(peer, folder, timm, options.seconds) if peer else None
        ours = _ours(name, folder, hub, minutes)
        target = theirs["accuracy"] if theirs else ours["final"]
        reached = next((second for second, accuracy in ours["curve"] if accuracy >= target), None)
        print(
            f"| {name} | {ours['images']} | {_number(theirs, 'accuracy', '.4f')} | "
            f"{_number(theirs, 'seconds', '.0f')} s | {ours['final']:.4f} | {ours['seconds']:.0f} s | "
            + ("not reached" if reached is None else f"{reached:.0f} s")
            + " |",
            flush=True,
        )
    print()


def _number(result: dict[str, float] | None, key: str, form: str) -> str:
    return "–" if result is None else format(result[key], form)


def _ours(name: str, data: Path, checkpoint: Path, minutes: float) -> dict[str, Any]:
    import tintype
    from tintype import automl
    from tintype.workspace.runs import RunStore

    job = automl.image_classification(
        training_data=str(data / "train.csv"),
        validation_data=str(data / "validation.csv"),
        portfolio=[str(checkpoint)],
        name=f"{name}-{int(time.time())}",
        image_column_name="image",
    )
    # Whole minutes are all that Azure's documents know; the rest is taken off the margin below.
    job.set_limits(max_trials=40, timeout_minutes=max(1, round(minutes)))
    client = tintype.Client()
    begun = time.time()
    run = client.jobs.create_or_update(job)
    client.jobs.stream(run.name, lambda text: None)
    seconds = time.time() - begun
    rows = list(csv.DictReader((data / "test.csv").open()))
    targets = np.array([row["label"] for row in rows])
    curve = []
    for ended, folder in sweep_leaders(RunStore().path(run.name).parent, run.name):
        accuracy = _test_accuracy(folder, [row["image"] for row in rows], targets)
        curve.append((ended - begun, accuracy))
    final = _test_accuracy(
        RunStore().path(run.name) / "outputs" / "mlflow-model",
        [row["image"] for row in rows],
        targets,
    )
    return {"final": final, "seconds": seconds, "curve": curve, "images": len(rows)}


def _test_accuracy(folder: Path, images: list[str], targets: np.ndarray) -> float:
    import tintype

    scorer = tintype.Scorer.load(folder, runtime="torch", precision="fp32")
    predicted = np.array([p.top(1)[0][0] for p in scorer.predict(images)])
    return float((predicted == targets).mean())


# Datasets ---------------------------------------------------------------------------------------


def _split(rows: list[tuple[str, str]], folder: Path) -> Path:
    """Three fifths to learn from, a fifth to validate, a fifth to test."""
    order = np.random.default_rng(0).permutation(len(rows))
    for number, name in enumerate(("train", "train", "train", "validation", "test")):
        part = [rows[index] for index in order[number::5]]
        with (folder / f"{name}.csv").open("w" if number in (0, 3, 4) else "a", newline="") as file:
            writer = csv.writer(file)
            if number in (0, 3, 4):
                writer.writerow(("image", "label"))
            writer.writerows(part)
    return folder


def _digits(folder: Path) -> Path:
    from PIL import Image
    from sklearn.datasets import load_digits

    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    rows = []
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / f"{number}.png"
        Image.fromarray((image * 15.9).astype("uint8")).resize((64, 64)).convert("RGB").save(path)
        rows.append((str(path), f"digit {label}"))
    return _split(rows, folder)


def _sign_digits(folder: Path) -> Path | None:
    root = REAL / "sign-digits"
    if not root.is_dir():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(str(path), f"sign {path.parent.name}") for path in sorted(root.glob("*/*.JPG"))]
    return _split(rows, folder)


def _cards(folder: Path) -> Path | None:
    """The photos that show one rank only."""
    root = REAL / "playing-cards"
    if not root.is_dir():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with (root / "labels.csv").open() as file:
        found = [(row["filename"], row["labels"].split()) for row in csv.DictReader(file)]
    rows = [(str(root / "images" / name), labels[0]) for name, labels in found if len(labels) == 1]
    return _split(rows, folder)


DATASETS = {"digits": _digits, "sign-digits": _sign_digits, "playing-cards": _cards}


# First answer and overhead ----------------------------------------------------------------------


def _first(options: argparse.Namespace) -> None:
    checkpoint = write_published("google/vit-base-patch16-224", options.folder / "vit-base")
    photos = options.folder / "photos"
    for number in range(1000):
        path = photos / f"class {number % 5}" / f"{number}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo_jpeg(500, 375, number))
    print("| from submit to the first usable model | seconds |")
    print("|---|---|")
    for name, portfolio in (("installed backbones", None), ("ViT-B/16", [str(checkpoint)])):
        seconds = _seconds_to_first(photos, portfolio)
        print(f"| 1,000 photos of 500x375, {name}, nothing cached | {seconds:.0f} |", flush=True)
    print()


def _seconds_to_first(photos: Path, portfolio: list[str] | None) -> float:
    import re

    import tintype
    from tintype import automl
    from tintype.workspace.runs import RunStore

    job = automl.image_classification(
        training_data=str(photos), portfolio=portfolio, name=f"first-{int(time.time())}"
    )
    job.set_limits(max_trials=2, timeout_minutes=2)
    client = tintype.Client()
    begun, found = time.time(), None
    run = client.jobs.create_or_update(job)
    log = RunStore().path(run.name) / "log.txt"
    while found is None and time.time() - begun < 400:
        time.sleep(0.2)
        found = re.search(r"First usable model after", log.read_text()) if log.exists() else None
    seconds = time.time() - begun
    client.jobs.cancel(run.name)
    return seconds


def _overhead(options: argparse.Namespace) -> None:
    import tintype
    from tintype import automl
    from tintype.sweep import Choice, Uniform
    from tintype.workspace.runs import RunStore
    from tintype.workspace.tracking import mlflow_client

    # MLflow's database is made once for a workspace (three seconds), by whichever job comes first.
    mlflow_client()
    data = _digits(options.folder / "data" / "digits")
    job = automl.image_classification(
        training_data=str(data / "train.csv"),
        validation_data=str(data / "validation.csv"),
        image_column_name="image",
        name=f"overhead-{int(time.time())}",
    )
    job.set_limits(max_trials=20)
    job.set_training_parameters(early_stopping=False)
    job.extend_search_space(
        automl.SearchSpace(
            model_name="tintype/resnet-small",
            learning_rate=Uniform(0.0005, 0.004),
            number_of_epochs=Choice([6, 8]),
        )
    )
    job.set_sweep(sampling_algorithm="random")
    client = tintype.Client()
    run = client.jobs.create_or_update(job)
    client.jobs.stream(run.name, lambda text: None)
    record = client.jobs.get(run.name)
    sweep = json.loads((RunStore().path(run.name) / "sweep.json").read_text())
    trained = sum(trial["seconds"] for trial in sweep["trials"])
    first = min(trial["started"] for trial in sweep["trials"])
    last = max(trial["ended"] for trial in sweep["trials"])
    between = (last - first) - trained
    from datetime import datetime

    whole = (
        datetime.fromisoformat(record.ended_at or "")
        - datetime.fromisoformat(record.started_at or "")
    ).total_seconds()
    print(
        "| 20 trials of a small ResNet on the digits, one after the other | seconds | of the whole |"
    )
    print("|---|---|---|")
    print(f"| the whole job | {whole:.1f} | |")
    print(f"| inside trials | {trained:.1f} | {trained / whole:.1%} |")
    print(f"| between trials: asking, placing, telling | {between:.1f} | {between / whole:.1%} |")
    rest = whole - trained - between
    print(f"| before and after: data, evaluation, report | {rest:.1f} | {rest / whole:.1%} |\n")


if __name__ == "__main__":
    main()
