"""Bringing a checkpoint into the workspace: from the Hub or a folder to a registered model."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.models.bin_weights import convert_bin_weights
from tintype.models.catalog import Card, find_card
from tintype.models.checkpoint import (
    CHECKPOINT_PATTERNS,
    Checkpoint,
    classes_in,
    download_checkpoint,
    open_checkpoint_folder,
    resolve_checkpoint,
)
from tintype.models.model_folder import write_checkpoint_folder
from tintype.models.weights import count_parameters, stored_tensors
from tintype.progress import working
from tintype.schemas.task import CLASSIFICATION_TASKS, Task, parse_task
from tintype.settings import get_settings
from tintype.workspace.imported import remember_import
from tintype.workspace.model_versions import ModelVersion
from tintype.workspace.registry import register_model

__all__ = ["import_model"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

# Any picture serves as the example of a request.
_EXAMPLE_SIDE = 64


@dataclass(frozen=True)
class _Found:
    checkpoint: Checkpoint
    card: Card | None


def import_model(
    source: str,
    *,
    name: str | None = None,
    revision: str | None = None,
    task: str | None = None,
    allow_bin: bool = False,
) -> ModelVersion:
    """Register a checkpoint as the next version of `name`, after checking that it can be used.

    Args:
        source: a name of the catalog, a Hub id, or a folder in Hub format.
        name: None takes the last part of `source`. A Hub id or a name of the catalog makes it found
            by every name of that card, wherever a model is named; "/" becomes "-".
        revision: Hub branch, tag or commit; the commit it means is written into the model's card.
        task: None takes the catalog's, or what the checkpoint was made for.
        allow_bin: weights in a `.bin` file are read by torch's restricted unpickler and converted.

    Raises:
        CheckpointError: missing, incomplete, damaged or of an unknown family.
        UsageError: no such task, or a name that is not allowed.
        OutputError: the workspace cannot be written.
    """
    from_folder = Path(source).expanduser().is_dir()
    # A name that stands for a checkpoint; a folder stands for one only by the name that it is given.
    meant = name if from_folder or name else source
    card = find_card((name or "") if from_folder else source)
    source_files = _find(source, revision, allow_bin, card)
    checkpoint, card = source_files.checkpoint, source_files.card
    if card is not None and card.family != checkpoint.family:
        raise CheckpointError(
            f"{source} holds a checkpoint of the family {checkpoint.family!r}, but {card.name!r} is "
            f"{card.family!r}; give it another --name"
        )
    chosen = _task(task, source_files)
    # Whatever would fail at the first prediction fails here.
    config = checkpoint.transformers_config()
    preprocessor = Preprocessor.from_folder(checkpoint.folder)
    tensors = stored_tensors(checkpoint.folder)
    labels: tuple[str, ...] = ()
    if chosen in CLASSIFICATION_TASKS:
        labels = classes_in(config.id2label)
    facts: dict[str, Any] = card.shown() if card else {}
    facts |= {
        "task": chosen,
        "source": checkpoint.name,
        "revision": checkpoint.revision,
        "family": checkpoint.family,
        "input_size": list(preprocessor.input_size),
        "parameters": count_parameters(tensors),
        "weights_digest": checkpoint.weights_digest,
    }
    facts["classes"] = len(labels)
    with (
        working(f"registering {checkpoint.name}"),
        tempfile.TemporaryDirectory(dir=_scratch()) as scratch,
    ):
        folder = write_checkpoint_folder(
            Path(scratch) / "model",
            checkpoint,
            task=chosen,
            classes=labels,
            card={key: value for key, value in facts.items() if value is not None},
            input_example=_example(),
        )
        model = register_model(
            _registered_name(name or _name_of(source)),
            folder.path,
            description=card.description if card else None,
            tags={"tintype.source": checkpoint.name, "tintype.revision": checkpoint.revision or ""},
        )
    if meant is not None and (_is_hub_id(meant) or find_card(meant) is not None):
        remember_import(meant, model.name)
    return model


def _find(source: str, revision: str | None, allow_bin: bool, card: Card | None) -> _Found:
    path = Path(source).expanduser()
    if not allow_bin:
        return _Found(resolve_checkpoint(source, revision=revision), card)
    if path.is_dir():
        folder = path
    else:
        hub_id = card.hub_id if card else source
        folder = download_checkpoint(hub_id, revision)
        if not any(folder.glob("*.safetensors")):
            folder = download_checkpoint(hub_id, revision, patterns=(*CHECKPOINT_PATTERNS, "*.bin"))
    commit = None if path.is_dir() else folder.name
    if any(folder.glob("*.safetensors")):
        return _Found(open_checkpoint_folder(folder, source, revision=commit), card)
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    converted = convert_bin_weights(folder, _scratch() / f"converted-{place}", source)
    return _Found(open_checkpoint_folder(converted, source, revision=commit), card)


def _task(task: str | None, source_files: _Found) -> Task:
    chosen = parse_task(task) if task else None
    if chosen is None and source_files.card is not None:
        chosen = source_files.card.task
    chosen = chosen or source_files.checkpoint.default_task()
    made_for = source_files.checkpoint.default_task()
    if chosen in CLASSIFICATION_TASKS and made_for not in CLASSIFICATION_TASKS:
        raise CheckpointError(
            f"checkpoint {source_files.checkpoint.name!r} has no classification head; it was made for "
            f"{made_for}. Fine-tune it first, or import it with --task {made_for}"
        )
    return chosen


def _name_of(source: str) -> str:
    last = source.rstrip("/").rsplit("/", 1)[-1]
    match = re.search(r"/models/([^/]+)", source)
    return re.sub(r"[^A-Za-z0-9_.-]", "-", match[1] if match else last)


def _registered_name(called: str) -> str:
    return called.replace("/", "-") if _is_hub_id(called) else called


def _is_hub_id(name: str) -> bool:
    return _HUB_ID.fullmatch(name) is not None


def _scratch() -> Path:
    folder = get_settings().home / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _example() -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.linear_gradient("L").resize((_EXAMPLE_SIDE, _EXAMPLE_SIDE)).convert("RGB").save(
        stream, "PNG"
    )
    return stream.getvalue()
