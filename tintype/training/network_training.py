"""A network trained: all weights, the last layers', or LoRA's adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from tintype.models.families import CONVOLUTIONAL
from tintype.training.activation_inputs import ActivationInputs
from tintype.training.adaptation import add_lora, freeze_layers, merge_lora
from tintype.training.augmentation import make_augmenter
from tintype.training.checkpoints import latest_checkpoint, load_best
from tintype.training.depthwise import fast_depthwise
from tintype.training.frozen_layers import FrozenLayers, frozen_runner
from tintype.training.head_training import train_head_first
from tintype.training.image_sizes import preprocessor_for_training
from tintype.training.inputs import Inputs, PixelInputs
from tintype.training.training_job import Trained, TrainingJob

__all__ = ["train_network"]

_Forward = Callable[[nn.Module, torch.Tensor], torch.Tensor]


def train_network(job: TrainingJob, model: Any) -> Trained:
    """Train all weights of `model`, those after `layers_to_freeze`, or LoRA's adapters."""
    parameters = job.plan.parameters
    if job.plan.head_first and latest_checkpoint(job.checkpoints) is None:
        model = train_head_first(job, model)
    freeze_layers(model, parameters.layers_to_freeze)
    learner: nn.Module = model
    if parameters.method == "lora":
        learner = add_lora(
            model,
            rank=parameters.lora_rank,
            alpha=parameters.lora_alpha,
            dropout=parameters.lora_dropout,
            seed=parameters.random_seed,
        )
    pixels = _pixels(job)
    if job.source.family in CONVOLUTIONAL:
        # Channels last is how convolutions are computed on either chip: a quarter faster on a CPU,
        # twice as fast on a GPU (benchmarks/RESULTS.md).
        learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with _inputs(job, model, pixels) as (inputs, forward), fast_depthwise(learner):
        loop = job.loop(
            learner,
            inputs,
            forward,
            # A head that fits these classes already was fitted to features normalised so: other
            # statistics would undo it before anything is learnt.
            keep_statistics=job.plan.head_first or job.fitted_head,
        )
        state = loop.run()
        logits = load_best(job.checkpoints, learner)
    learner.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    trained = merge_lora(learner) if parameters.method == "lora" else model
    return Trained(trained, state, logits)


def _pixels(job: TrainingJob) -> tuple[PixelInputs, PixelInputs]:
    """Training and validation images."""
    parameters = job.plan.parameters
    augmenter = make_augmenter(parameters)
    train, validation = (
        PixelInputs(table, digests, preprocessor, settings=job.settings, augmenter=augmenter)
        for table, digests, preprocessor in zip(
            (job.train, job.validation),
            job.digests,
            (preprocessor_for_training(job.source, job.preprocessor, parameters), job.preprocessor),
            strict=True,
        )
    )
    return train, validation


@contextmanager
def _inputs(
    job: TrainingJob, model: Any, pixels: tuple[PixelInputs, PixelInputs]
) -> Iterator[tuple[tuple[Inputs, Inputs], _Forward]]:
    """What the loop feeds, and how logits come of it: pixels, or what frozen layers make of them."""
    frozen = _frozen_layers(job, model)
    if frozen is None:
        yield pixels, lambda network, pixel_values: network(pixel_values=pixel_values).logits
        return
    size = job.preprocessor.input_size
    run = frozen_runner(frozen, size, job.device)
    augmented = job.plan.parameters.apply_augmentations
    names = ("training", "validation")
    kept = [
        ActivationInputs(
            source,
            len(table),
            run,
            file=job.checkpoints / f"{name}-activations.f16",
            augmented=augmented and name == "training",
            most_bytes=job.settings.cache_bytes // 2,
        )
        for source, table, name in zip(pixels, (job.train, job.validation), names, strict=True)
    ]
    message = (
        f"the first {job.plan.parameters.layers_to_freeze} layers are frozen: they run once for each "
        f"of {kept[0].views} views of a training image, and only the rest is trained"
    )
    job.log({"event": "notice", "message": message})
    try:
        with frozen.taken_out(size) as logits_of:
            yield (kept[0], kept[1]), lambda network, activations: logits_of(activations)
    finally:
        for inputs in kept:
            inputs.close()


def _frozen_layers(job: TrainingJob, model: Any) -> FrozenLayers | None:
    """The layers that learn nothing, where they can run apart from the rest."""
    parameters = job.plan.parameters
    # Adapters learn in every layer, and mixed images are mixed before the first.
    mixed = parameters.mixup_alpha or parameters.cutmix_alpha
    if parameters.method != "full" or not parameters.layers_to_freeze or mixed:
        return None
    if preprocessor_for_training(job.source, job.preprocessor, parameters) != job.preprocessor:
        return None
    model.to(job.device).eval()
    return FrozenLayers.of(model, parameters.layers_to_freeze, job.preprocessor.input_size)
