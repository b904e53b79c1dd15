"""Fine-tuning speed on ViT-B/16 beside transformers' Trainer, in one run on one machine.

    ./run bench finetune [--images 96] [--steps 6] [--repeats 3] [--quick]

Three tables: full fine-tuning (images/s, with the chip's GEMM ceiling), head-only training (first
run, and another head on the same images), and the accuracy both reach from the same start with
the same parameters on scikit-learn's digits. Weights are random, in the real Hub format: speed
does not depend on their values. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Run the three comparisons and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, default=96, help="images of 500x375 in the speed tables"
    )
    parser.add_argument("--steps", type=int, default=6, help="timed optimizer steps of 16 images")
    parser.add_argument("--repeats", type=int, default=3, help="repeats; medians are reported")
    parser.add_argument("--head-epochs", type=int, default=3, help="epochs of head-only training")
    parser.add_argument("--skip-accuracy", action="store_true", help="leave out the third table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tintype-bench-") as scratch:
        os.environ["TINTYPE_HOME"] = str(Path(scratch) / "home")
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        _quiet()
        print(f"Machine: {_machine()}\n")
        folder = Path(scratch)
        checkpoint = _vit_base(folder / "vit-base")
        table = _photos(folder / "photos", options.images)
        _full(folder, checkpoint, table, options)
        _head(folder, checkpoint, table, options)
        if not options.skip_accuracy:
            _accuracy(folder)


# The three tables -----------------------------------------------------------------------------


def _full(folder: Path, checkpoint: Path, table: Any, options: argparse.Namespace) -> None:
    ours, trainer = [], []
    for repeat in range(options.repeats):
        seconds = _our_steps(folder / f"full-{repeat}", checkpoint, table, options.steps)
        ours.append(16 / seconds)
        trainer.append(8 / _trainer_steps(folder, checkpoint, table, options.steps))
    rate, peer = statistics.median(ours), statistics.median(trainer)
    # Forward 17.6 GMAC (timm's table), twice that in operations, backward twice the forward.
    ceiling = _gemm_rate() / (3 * 2 * 17.6e9)
    print("| full fine-tuning, ViT-B/16 at 224 | images/s | against Trainer | of the ceiling |")
    print("|---|---|---|---|")
    print(
        f"| transformers Trainer, its defaults (fp32, batch 8) | {peer:.2f} | 1.0x "
        f"| {peer / ceiling:.0%} |"
    )
    print(f"| Tintype, its defaults | {rate:.2f} | {rate / peer:.1f}x | {rate / ceiling:.0%} |")
    print(f"| ceiling: bf16 GEMM rate over the model's operations | {ceiling:.2f} | | |\n")


def _head(folder: Path, checkpoint: Path, table: Any, options: argparse.Namespace) -> None:
    first, later = [], []
    epochs = options.head_epochs
    for repeat in range(options.repeats):
        os.environ["TINTYPE_HOME"] = str(folder / f"head-home-{repeat}")
        first.append(_our_head(folder / f"head-{repeat}-a", checkpoint, table, epochs, seed=1))
        later.append(_our_head(folder / f"head-{repeat}-b", checkpoint, table, epochs, seed=2))
    peer = _trainer_head(folder, checkpoint, table, epochs)
    one, two = statistics.median(first), statistics.median(later)
    print(
        f"| head only, {epochs} epochs of {len(table)} images | seconds | images/s "
        "| against Trainer |"
    )
    print("|---|---|---|---|")
    for name, seconds in (
        ("transformers Trainer, backbone frozen", peer),
        ("Tintype, first head", one),
        ("Tintype, another head on the same images", two),
    ):
        rate = epochs * len(table) / seconds
        print(f"| {name} | {seconds:.2f} | {rate:.1f} | {peer / seconds:.1f}x |")
    print()


def _accuracy(folder: Path) -> None:
    """Both from the same small ViT, same batch, rate, schedule and epochs, without augmentation."""
    from sklearn.datasets import load_digits
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    from tintype.data import read_image_table
    from tintype.data.splits import split_validation

    digits = load_digits()
    images = [np.repeat((d * 15.9).astype(np.uint8)[..., None], 3, -1) for d in digits.images]
    table = read_image_table(_write_images(folder / "digits", images, digits.target))
    train, held_out = split_validation(table, fraction=0.2, seed=0)
    path = folder / "vit-small"
    config = ViTConfig(
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=256,
        image_size=32,
        patch_size=8,
        num_labels=10,
    )
    ViTForImageClassification(config).save_pretrained(path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
    ours = [_our_accuracy(folder / f"accuracy-{s}", path, train, held_out, s) for s in (1, 2, 3)]
    peer = [_trainer_accuracy(folder, path, train, held_out, s) for s in (1, 2, 3)]
    print("| accuracy on 359 held-out digits, small ViT, 15 epochs, three seeds | median | all |")
    print("|---|---|---|")
    for name, values in (("transformers Trainer, fp32", peer), ("Tintype, its precision", ours)):
        shown = ", ".join(f"{value:.3f}" for value in values)
        print(f"| {name} | {statistics.median(values):.3f} | {shown} |")


# Tintype --------------------------------------------------------------------------------------


def _our_steps(output: Path, checkpoint: Path, table: Any, steps: int) -> float:
    """Median seconds of one optimizer step of 16 images, loading and augmentation included."""
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.training import finetune

    times: list[float] = []

    def stamp(event: dict[str, Any]) -> None:
        if event["event"] == "training":
            times.append(time.perf_counter())

    parameters = FinetuningParameters(
        training_batch_size=16,
        max_steps=steps + 2,
        logging_strategy="steps",
        logging_steps=1,
        evaluation_strategy="steps",
        save_strategy="steps",
        evaluation_steps=10_000,
        save_steps=10_000,
    )
    few = table.select(np.arange(8))
    finetune(
        checkpoint=str(checkpoint),
        train=table,
        validation=few,
        task="image_classification",
        parameters=parameters,
        output_folder=output,
        log=stamp,
    )
    return statistics.median(np.diff(times[1:-1]))


def _our_head(output: Path, checkpoint: Path, table: Any, epochs: int, seed: int) -> float:
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.training import finetune

    parameters = FinetuningParameters(method="head", number_of_epochs=epochs, random_seed=seed)
    few = table.select(np.arange(8))
    start = time.perf_counter()
    finetune(
        checkpoint=str(checkpoint),
        train=table,
        validation=few,
        task="image_classification",
        parameters=parameters,
        output_folder=output,
    )
    return time.perf_counter() - start


def _our_accuracy(output: Path, checkpoint: Path, train: Any, held_out: Any, seed: int) -> float:
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.training import finetune

    parameters = FinetuningParameters(
        training_batch_size=32,
        number_of_epochs=15,
        learning_rate=1e-3,
        warmup_steps=0,
        learning_rate_scheduler="warmup_linear",
        weight_decay=0.0,
        apply_augmentations=False,
        random_seed=seed,
    )
    result = finetune(
        checkpoint=str(checkpoint),
        train=train,
        validation=held_out,
        task="image_classification",
        parameters=parameters,
        output_folder=output,
    )
    # The last evaluation, not the best: Trainer's defaults keep the last weights.
    return float(result.history[-1]["accuracy"])


# The peer -------------------------------------------------------------------------------------


class _PeerDataset:
    """Images through transformers' own processor, one at a time, as its documentation shows."""

    def __init__(self, table: Any, checkpoint: Path) -> None:
        from transformers import AutoImageProcessor

        self._table = table
        self._targets = table.targets()
        self._processor = AutoImageProcessor.from_pretrained(checkpoint)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, row: int) -> dict[str, Any]:
        from PIL import Image

        image = Image.open(self._table.location(row)).convert("RGB")
        pixels = self._processor(image, return_tensors="pt")["pixel_values"][0]
        return {"pixel_values": pixels, "labels": int(self._targets[row])}


def _peer_trainer(
    folder: Path, checkpoint: Path, table: Any, callbacks: list[Any], **arguments: Any
) -> Any:
    from transformers import AutoModelForImageClassification, Trainer, TrainingArguments

    model = AutoModelForImageClassification.from_pretrained(
        checkpoint, num_labels=len(table.classes), ignore_mismatched_sizes=True
    )
    settings = TrainingArguments(
        output_dir=str(folder / "trainer"),
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_strategy="no",
        **arguments,
    )
    return Trainer(
        model=model,
        args=settings,
        train_dataset=_PeerDataset(table, checkpoint),
        callbacks=callbacks,
    )


def _trainer_steps(folder: Path, checkpoint: Path, table: Any, steps: int) -> float:
    """Median seconds of one step of 8 images, Trainer's default batch."""
    from transformers import TrainerCallback

    times: list[float] = []

    class Stamp(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    _peer_trainer(folder, checkpoint, table, [Stamp()], max_steps=steps + 1).train()
    return statistics.median(np.diff(times))


def _trainer_head(folder: Path, checkpoint: Path, table: Any, epochs: int) -> float:
    trainer = _peer_trainer(folder, checkpoint, table, [], num_train_epochs=epochs)
    trainer.model.base_model.requires_grad_(False)
    start = time.perf_counter()
    trainer.train()
    return time.perf_counter() - start


def _trainer_accuracy(
    folder: Path, checkpoint: Path, train: Any, held_out: Any, seed: int
) -> float:
    trainer = _peer_trainer(
        folder,
        checkpoint,
        train,
        [],
        num_train_epochs=15,
        learning_rate=1e-3,
        seed=seed,
        per_device_train_batch_size=32,
    )
    trainer.train()
    logits = trainer.predict(_PeerDataset(held_out, checkpoint)).predictions
    return float((logits.argmax(-1) == held_out.targets()).mean())


# Data, checkpoint, machine --------------------------------------------------------------------


def _vit_base(path: Path) -> Path:
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    ViTForImageClassification(ViTConfig(num_labels=4)).save_pretrained(path)
    ViTImageProcessor().save_pretrained(path)
    return path


def _photos(folder: Path, count: int) -> Any:
    """Smooth random 500x375 JPEGs in four classes."""
    from PIL import Image

    from tintype.data import read_image_table

    random = np.random.default_rng(0)
    images = []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        images.append(np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC)))
    return read_image_table(_write_images(folder, images, np.arange(count) % 4))


def _write_images(folder: Path, images: list[np.ndarray], labels: np.ndarray) -> Path:
    from PIL import Image

    folder.mkdir(parents=True)
    with (folder / "rows.jsonl").open("w") as rows:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            name = f"{number}.png" if image.shape[0] < 64 else f"{number}.jpg"
            Image.fromarray(image).save(folder / name, quality=90)
            rows.write(json.dumps({"image_url": name, "label": f"class-{label}"}) + "\n")
    return folder / "rows.jsonl"


def _gemm_rate() -> float:
    """Operations/s of the bf16 matrix product at the shape of ViT-B's MLP, 16 images."""
    import torch

    left = torch.randn(16 * 197, 768, dtype=torch.bfloat16)
    right = torch.randn(3072, 768, dtype=torch.bfloat16)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        torch.nn.functional.linear(left, right)
        times.append(time.perf_counter() - start)
    return 2 * left.shape[0] * 768 * 3072 / statistics.median(times[2:])


def _machine() -> str:
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.split(":")[1].strip() for line in lines if "model name" in line), "CPU")
    flags = next((line for line in lines if line.startswith("flags")), "")
    extras = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags]
    threads = torch.get_num_threads()
    bf16 = ", ".join(extras) or "no bf16"
    return f"{name}, {threads} threads, {bf16}, {platform.system()}, torch {torch.__version__}"


def _quiet() -> None:
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


if __name__ == "__main__":
    main()
