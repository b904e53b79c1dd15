"""Loading a Scorer: what the source is, what its task needs, and the runtime for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tintype.errors import CheckpointError, ImageError
from tintype.images.decode import decode_image
from tintype.images.loading import ImageSource
from tintype.models.catalog import find_card
from tintype.models.checkpoint import Checkpoint, resolve_checkpoint
from tintype.models.features import pooling_for
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.models.runtimes.choice import RuntimeChoice, choose_runtime
from tintype.models.runtimes.opening import OpenedNetwork, open_network
from tintype.models.weights import count_parameters, stored_tensors
from tintype.schemas.task import CLASSIFICATION_TASKS, EMBEDDINGS, ZERO_SHOT, Task, parse_task
from tintype.settings import get_settings

if TYPE_CHECKING:
    from tintype.scoring.scorer import Scorer

__all__ = ["load_scorer"]


@dataclass(frozen=True)
class _Source:
    """What `Scorer.load` was pointed at."""

    checkpoint: Checkpoint
    task: Task | None = None
    classes: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    examples: tuple[np.ndarray, ...] = ()


def load_scorer(
    kind: type[Scorer],
    source: str | Path,
    *,
    task: str | None,
    pooling: str,
    runtime: str | None,
    precision: str | None,
    device: str,
    calibration: Sequence[ImageSource] | None,
    min_agreement: float | None,
    **options: Any,
) -> Scorer:
    """See `Scorer.load`; `options` go to the Scorer as they are."""
    settings = get_settings()
    found = _open_source(source)
    checkpoint = found.checkpoint
    chosen_task = parse_task(task) if task else found.task or checkpoint.default_task()
    output = _output(chosen_task, checkpoint, pooling)
    wanted = precision or settings.precision
    choice = choose_runtime(
        runtime or settings.runtime,
        wanted,
        device,
        parameters=count_parameters(stored_tensors(checkpoint.folder)),
    )
    if choice.precision == "int8":
        opened = _open_int8(found, output, choice, calibration, min_agreement)
    else:
        opened = open_network(
            checkpoint, output, choice, examples=found.examples, may_fall_back=wanted == "auto"
        )
    description = opened.description
    if chosen_task in CLASSIFICATION_TASKS and task is None and found.task is None:
        # What the architecture itself says, now that it was read.
        chosen_task = parse_task(description.task or chosen_task)
    return kind(
        opened.runtime,
        opened.preprocessor,
        task=chosen_task,
        choice=opened.choice,
        classes=found.classes or description.labels,
        card=found.card,
        checkpoint=checkpoint,
        logit_scale=description.logit_scale,
        agreement=opened.agreement,
        **options,
    )


def _open_source(source: str | Path) -> _Source:
    path = Path(source).expanduser()
    if is_model_folder(path):
        folder = open_model_folder(path)
        return _Source(
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
    return _Source(checkpoint, task)


def _output(task: Task, checkpoint: Checkpoint, pooling: str) -> str:
    if task == EMBEDDINGS:
        return pooling_for(checkpoint, pooling)
    if task == ZERO_SHOT:
        if checkpoint.family != "clip":
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r} ({checkpoint.family}) cannot classify zero-shot: "
                "that needs a CLIP checkpoint, such as openai/clip-vit-base-patch32"
            )
        return "projection"
    return "logits"


def _open_int8(
    found: _Source,
    output: str,
    choice: RuntimeChoice,
    calibration: Sequence[ImageSource] | None,
    min_agreement: float | None,
) -> OpenedNetwork:
    from tintype.models.runtimes.quantization import open_quantized

    return open_quantized(
        found.checkpoint,
        output,
        choice,
        images=calibration,
        min_agreement=min_agreement,
        examples=found.examples,
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
