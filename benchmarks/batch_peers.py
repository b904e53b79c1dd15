"""One way to score a folder of images, in a process of its own; called by batch.py.

    python batch_peers.py SYSTEM CHECKPOINT IMAGES OUT LABELS

LABELS is a JSON list, empty for a classifier. Prints a line of JSON: `images`, `work` (seconds from
the loaded model to the last byte on disk) and `peak` (bytes of memory at most).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Labels = list[str]


def main(system: str, checkpoint: str, images: str, out: str, labels: Labels) -> None:
    """Run one system and print what it took."""
    work = SYSTEMS[system](Path(checkpoint), Path(images), Path(out), labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"images": len(os.listdir(images)), "work": work, "peak": peak}), flush=True)


def _tintype(form: str, precision: str = "auto") -> Callable[..., float]:
    def run(checkpoint: Path, images: Path, out: Path, labels: Labels) -> float:
        from tintype.batch.options import BatchOptions
        from tintype.batch.runner import run_batch
        from tintype.schemas.scorer_options import ScorerOptions
        from tintype.scoring.scorer import Scorer

        if precision == "int8":
            # Beforehand, as `tintype model quantize` does. Random weights have no classes to agree on.
            own = sorted(images.iterdir())[:32]
            Scorer.load(checkpoint, precision="int8", calibration=own, min_agreement=0.0)
        plain = Scorer.load.__func__  # type: ignore[attr-defined]
        loading = 0.0

        def load(kind: type[Scorer], *arguments: Any, **options: Any) -> Scorer:
            nonlocal loading
            begun = time.perf_counter()
            scorer: Scorer = plain(kind, *arguments, **options)
            loading = time.perf_counter() - begun
            return scorer

        Scorer.load = classmethod(load)  # type: ignore[assignment, method-assign]
        begun = time.perf_counter()
        run_batch(
            str(checkpoint),
            {"input": str(images)},
            out,
            options=BatchOptions(form=form, file_name=f"predictions.{form}"),  # type: ignore[arg-type]
            scoring=ScorerOptions.of(precision=precision, labels=tuple(labels) or None),
        )
        return time.perf_counter() - begun - loading

    return run


def _pipeline(batch_size: int) -> Callable[..., float]:
    def run(checkpoint: Path, images: Path, out: Path, labels: Labels) -> float:
        import transformers

        transformers.logging.set_verbosity_error()
        task: Any = "zero-shot-image-classification" if labels else "image-classification"
        pipeline = transformers.pipeline(task, model=str(checkpoint))
        named: dict[str, Any] = {"candidate_labels": labels} if labels else {}
        out.mkdir()
        begun = time.perf_counter()
        with (out / "predictions.jsonl").open("w") as stream:
            for found in pipeline(_paths(images), batch_size=batch_size, **named):
                stream.write(json.dumps(found) + "\n")
        return time.perf_counter() - begun

    return run


def _paths(images: Path) -> Iterator[str]:
    return (str(path) for path in sorted(images.iterdir()))


class _Actor:
    """transformers by hand, as Ray Data's guide to batch inference has it."""

    def __init__(self, checkpoint: str, labels: Labels, dtype: str, threads: int) -> None:
        import torch
        import transformers

        # Ray gives an actor's torch a single thread unless told otherwise.
        torch.set_num_threads(threads)
        self._dtype = getattr(torch, dtype)
        self._processor = transformers.AutoImageProcessor.from_pretrained(checkpoint)
        kind: Any = transformers.AutoModelForImageClassification
        self._texts: dict[str, Any] = {}
        if labels:
            kind = transformers.AutoModelForZeroShotImageClassification
            tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
            self._texts = dict(tokenizer(labels, padding=True, return_tensors="pt"))
        self._model = kind.from_pretrained(checkpoint, dtype=self._dtype).eval()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        import torch

        inputs = self._processor(list(batch["image"]), return_tensors="pt")
        pixels = inputs["pixel_values"].to(self._dtype)
        with torch.inference_mode():
            found = self._model(pixel_values=pixels, **self._texts)
        logits = found.logits_per_image if self._texts else found.logits
        return {"path": batch["path"], "probs": logits.float().softmax(-1).numpy()}


def _ray(dtype: str) -> Callable[..., float]:
    def run(checkpoint: Path, images: Path, out: Path, labels: Labels) -> float:
        import ray

        cores = len(os.sched_getaffinity(0))
        # One more than there are: reading has to be placed beside the actor.
        ray.init(
            num_cpus=cores + 1, include_dashboard=False, log_to_driver=False, logging_level="error"
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        # The model's loading belongs to the actor: an image first, then what is timed.
        begun = _ray_run(
            ray, checkpoint, [str(next(iter(images.iterdir())))], out, labels, dtype, cores
        )
        first = time.perf_counter() - begun
        begun = _ray_run(ray, checkpoint, str(images), out, labels, dtype, cores)
        return time.perf_counter() - begun - first

    return run


def _ray_run(
    ray: Any, checkpoint: Path, paths: Any, out: Path, labels: Labels, dtype: str, cores: int
) -> float:
    begun = time.perf_counter()
    data = ray.data.read_images(paths, mode="RGB", include_paths=True)
    data = data.map_batches(
        _Actor,
        fn_constructor_args=(str(checkpoint), labels, dtype, cores),
        batch_size=32,
        concurrency=1,
        num_cpus=cores,
    )
    data.write_parquet(str(out))
    return begun


def _scorer(checkpoint: Path, images: Path, out: Path, labels: Labels) -> float:
    """The model alone, over as many images as the others have."""
    from tintype.images.loading import pixels_of
    from tintype.scoring.scorer import Scorer

    scorer = Scorer.load(checkpoint, labels=labels or None)
    paths = sorted(images.iterdir())
    pixels = np.stack([pixels_of(path, scorer.preprocessor, exact=False) for path in paths[:32]])
    for _ in range(2):
        scorer.run(pixels)
    begun = time.perf_counter()
    for _ in range(len(paths) // 32):
        scorer.run(pixels)
    return (time.perf_counter() - begun) * len(paths) / (len(paths) // 32 * 32)


SYSTEMS: dict[str, Callable[..., float]] = {
    "tintype": _tintype("parquet"),
    "tintype-csv": _tintype("csv"),
    "tintype-int8": _tintype("parquet", "int8"),
    "pipeline": _pipeline(1),
    "pipeline-32": _pipeline(32),
    "ray": _ray("float32"),
    "ray-bf16": _ray("bfloat16"),
    "scorer": _scorer,
}


if __name__ == "__main__":
    main(*sys.argv[1:5], json.loads(sys.argv[5]))
