"""Loading what a Scorer runs: what the source is, what its task needs, and the runtime for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import CheckpointError, ImageError
from tintype.images.decode import decode_image
from tintype.images.preprocess import Preprocessor
from tintype.models.catalog import find_card
from tintype.models.checkpoint import Checkpoint, resolve_checkpoint
from tintype.models.families import TEXT_AND_IMAGE
from tintype.models.features import pooling_for
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.models.runtimes.agreement import Agreement
from tintype.models.runtimes.choice import TORCH, RuntimeChoice, choose_runtime
from tintype.models.runtimes.opening import OpenedNetwork, Runtime, open_network
from tintype.models.weights import count_parameters, stored_tensors
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import CLASSIFICATION_TASKS, EMBEDDINGS, ZERO_SHOT, Task, parse_task
from tintype.settings import get_settings

__all__ = ["LoadedModel", "ModelSource", "load_model", "open_source"]


@dataclass(frozen=True)
class LoadedModel:
    """A model that can run, and what has to be known of it."""

    runtime: Runtime
    preprocessor: Preprocessor
    task: Task
    choice: RuntimeChoice
    """Runtime, precision and device, and why these."""
    classes: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    """None where the weights were never on disk: then there is no text tower to open."""
    output: str = "logits"
    """What the network gives."""
    logit_scale: float | None = None
    logit_bias: float | None = None
    """Zero-shot: where there is one, probabilities are sigmoids of each label by itself."""
    prompt: str = "{}"
    """Zero-shot: the template for labels, where none is asked for."""
    agreement: Agreement | None = None
    """With torch in fp32, over a few images; None where that is what runs."""


@dataclass(frozen=True)
class ModelSource:
    """What is to be loaded."""

    checkpoint: Checkpoint
    task: Task | None = None
    """None: what the checkpoint was made for."""
    classes: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    examples: tuple[np.ndarray, ...] = ()


def load_model(source: str | Path, options: ScorerOptions) -> LoadedModel:
    """Load a model folder, a Hub-format checkpoint folder, or a Hub id; see `Scorer.load`."""
    settings = get_settings()
    opened_source = open_source(source)
    checkpoint = opened_source.checkpoint
    task = options.task or opened_source.task or checkpoint.default_task()
    output = _output(task, checkpoint, options.pooling)
    precision = options.precision or settings.precision
    choice = choose_runtime(
        options.runtime or settings.runtime,
        precision,
        options.device,
        parameters=count_parameters(stored_tensors(checkpoint.folder)),
        threads=options.threads or settings.cpu_threads,
    )
    if options.threads is not None and choice.runtime in TORCH:
        import torch

        torch.set_num_threads(options.threads)
    if choice.precision == "int8":
        opened = _open_int8(opened_source, output, choice, options)
    else:
        opened = open_network(
            checkpoint,
            output,
            choice,
            examples=opened_source.examples,
            may_fall_back=precision == "auto",
        )
    description = opened.description
    if task in CLASSIFICATION_TASKS and options.task is None and opened_source.task is None:
        # What the architecture itself says, now that it was read.
        task = parse_task(description.task or task)
    return LoadedModel(
        opened.runtime,
        opened.preprocessor,
        task,
        opened.choice,
        classes=opened_source.classes or tuple(description.labels),
        card=opened_source.card,
        checkpoint=checkpoint,
        output=output,
        logit_scale=description.logit_scale,
        logit_bias=description.logit_bias,
        prompt=TEXT_AND_IMAGE[checkpoint.family].prompt if task == ZERO_SHOT else "{}",
        agreement=opened.agreement,
    )


def open_source(source: str | Path) -> ModelSource:
    """What is to be loaded of a model folder, a Hub-format checkpoint folder, or a Hub id, which is downloaded.

    Raises:
        CheckpointError: missing, damaged, unsafe, or without trained weights.
    """
    path = Path(source).expanduser()
    if is_model_folder(path):
        folder = open_model_folder(path)
        return ModelSource(
            folder.checkpoint, folder.task, folder.classes, folder.card, _examples_in(path)
        )
    card = None if path.is_dir() else find_card(str(source))
    checkpoint = resolve_checkpoint(str(source))
    if checkpoint.from_scratch:
        raise CheckpointError(
            f"{checkpoint.name} has random weights: fine-tune it before predicting with it"
        )
    # A second card of one checkpoint differs by its task; else the config decides.
    task = card.task if card is not None and card.checkpoint else None
    return ModelSource(checkpoint, task)


def _output(task: Task, checkpoint: Checkpoint, pooling: str) -> str:
    if task == EMBEDDINGS:
        return pooling_for(checkpoint, pooling)
    if task == ZERO_SHOT:
        if checkpoint.family not in TEXT_AND_IMAGE:
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r} ({checkpoint.family}) cannot classify zero-shot: "
                "that needs a CLIP or SigLIP checkpoint, such as openai/clip-vit-base-patch32"
            )
        return pooling_for(checkpoint, "projection")
    return "logits"


def _open_int8(
    source: ModelSource,
    output: str,
    choice: RuntimeChoice,
    options: ScorerOptions,
) -> OpenedNetwork:
    from tintype.models.runtimes.quantization import open_quantized

    return open_quantized(
        source.checkpoint,
        output,
        choice,
        images=options.calibration,
        min_agreement=options.min_agreement,
        examples=source.examples,
    )


def _examples_in(folder: Path) -> tuple[np.ndarray, ...]:
    """The image of the model folder's example request, where it has one."""
    import json

    import pybase64

    try:
        content = json.loads((folder / "input_example.json").read_text("utf-8"))
        cell = content["input_data"]["data"][0]
        encoded = pybase64.b64decode(cell if isinstance(cell, str) else cell[0])
        return (decode_image(encoded),)
    except (OSError, ValueError, KeyError, TypeError, IndexError, ImageError):
        return ()
