"""The model folder: an MLflow model that holds a checkpoint, its labels and its card, no pickle.

MLmodel, requirements.txt, ...   MLflow's own files, naming `tintype.scoring.mlflow_loader`
data/model/config.json, model.safetensors, preprocessor_config.json   the checkpoint, Hub format
data/model/labels.json           the labels, in the order of the probabilities
data/model/card.yaml             what it is and how it was made
data/model/checksums.json        SHA-256 of each of these files
"""

from __future__ import annotations

import datetime
import errno
import hashlib
import importlib.metadata
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from safetensors import SafetensorError

from tintype.errors import CheckpointError
from tintype.files import atomic_folder, write_json, write_text
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import CHECKPOINT_PATTERNS, Checkpoint, open_checkpoint_folder
from tintype.models.families import TEXT_AND_IMAGE
from tintype.quiet import quiet_transformers
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT, ClassificationTask, Task, parse_task

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = [
    "ModelFolder",
    "is_model_folder",
    "note_mlflow_run",
    "open_model_folder",
    "write_checkpoint_folder",
    "write_model_folder",
]

_LIBRARIES = ("torch", "transformers", "safetensors", "pillow", "numpy")
_PICKLES = ("*.pkl", "*.pickle", "*.pt", "*.pth", "*.bin", "*.joblib")


@dataclass(frozen=True)
class ModelFolder:
    """An opened model folder whose files were checked against their checksums."""

    path: Path
    task: Task
    classes: tuple[str, ...]
    card: dict[str, Any] = field(hash=False)
    checkpoint: Checkpoint = field(hash=False)


def is_model_folder(path: Path) -> bool:
    """Whether `path` looks like a model folder: it has an MLmodel file."""
    return (path / "MLmodel").is_file()


def write_model_folder(
    path: Path,
    *,
    model: PreTrainedModel,
    preprocessor: Preprocessor,
    task: ClassificationTask,
    classes: Sequence[str],
    card: dict[str, Any],
    input_example: bytes | None = None,
) -> ModelFolder:
    """Write a trained model to `path`, whole or not at all; what was there before is replaced.

    Args:
        card: facts about the making of the model; task, size and library versions are added.
        input_example: an encoded image that is stored as the model's example request.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """

    def fill(data: Path) -> None:
        with quiet_transformers():
            model.cpu().save_pretrained(data)
        write_json(data / "preprocessor_config.json", preprocessor.to_config())

    whole_card = {
        "family": model.config.model_type,
        "input_size": list(preprocessor.input_size),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "limits": "Judges images like those it was trained on; its probabilities are not "
        "calibrated for others, and it inherits the biases of its training images.",
        **card,
    }
    return _write(path, fill, task, classes, whole_card, input_example)


def write_checkpoint_folder(
    path: Path,
    checkpoint: Checkpoint,
    *,
    task: Task,
    classes: Sequence[str],
    card: dict[str, Any],
    input_example: bytes | None = None,
) -> ModelFolder:
    """Write a checkpoint as it is to `path`, whole or not at all, as a model folder for `task`.

    Args:
        classes: of a classifier, in the order of its logits; empty for other tasks.
        card: its catalog card, or facts about where it came from.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """

    def fill(data: Path) -> None:
        data.mkdir()
        for pattern in CHECKPOINT_PATTERNS:
            for file in sorted(checkpoint.folder.glob(pattern)):
                shutil.copyfile(file, data / file.name)

    return _write(path, fill, task, classes, {"family": checkpoint.family, **card}, input_example)


def _write(
    path: Path,
    fill: Callable[[Path], None],
    task: Task,
    classes: Sequence[str],
    card: dict[str, Any],
    input_example: bytes | None,
) -> ModelFolder:
    with atomic_folder(path) as temporary, tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        data = Path(scratch) / "model"
        try:
            fill(data)
        except SafetensorError as error:
            # It wraps the system's error, a full disk above all, in a type of its own.
            raise OSError(errno.ENOSPC, str(error)) from None
        write_json(data / "labels.json", list(classes))
        whole_card = {
            "task": task,
            "classes": len(classes),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
            **card,
        }
        write_text(data / "card.yaml", yaml.safe_dump(_plain(whole_card), sort_keys=False))
        sums = {file.name: _sha256(file) for file in sorted(data.iterdir())}
        write_json(data / "checksums.json", sums)
        texts_too = task == EMBEDDINGS and card["family"] in TEXT_AND_IMAGE
        _save_mlflow_model(temporary, data, task, input_example, texts_too=texts_too)
    checkpoint = open_checkpoint_folder(path / "data" / "model", str(path))
    return ModelFolder(path, task, tuple(classes), whole_card, checkpoint)


def open_model_folder(path: Path) -> ModelFolder:
    """Open a model folder after checking that it is whole, unchanged and free of pickles.

    Raises:
        CheckpointError: missing, incomplete, changed since it was written, or unsafe.
    """
    path = Path(path)
    data = path / "data" / "model"
    if not is_model_folder(path) or not (data / "labels.json").is_file():
        raise CheckpointError(
            f"{path} is not a model folder of Tintype's: it has no MLmodel with data/model/labels.json"
        )
    for pattern in _PICKLES:
        for file in path.rglob(pattern):
            raise CheckpointError(f"{file} is a pickle, which can run code when loaded: refused")
    try:
        sums = json.loads((data / "checksums.json").read_text("utf-8"))
        for name, expected in sums.items():
            if Path(name).name != name or _sha256(data / name) != expected:
                raise CheckpointError(
                    f"{data / name} has changed since the model was written: refused"
                )
        card = yaml.safe_load((data / "card.yaml").read_text("utf-8"))
        classes = tuple(str(name) for name in json.loads((data / "labels.json").read_text("utf-8")))
        task = parse_task(card["task"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise CheckpointError(f"the model folder {path} is damaged: {error}") from None
    return ModelFolder(path, task, classes, card, open_checkpoint_folder(data, str(path)))


def note_mlflow_run(path: Path, run_id: str) -> None:
    """Write into a model folder which run in MLflow made it, as MLflow's own `log_model` does.

    Raises:
        OutputError: it cannot be written.
    """
    file = path / "MLmodel"
    content = yaml.safe_load(file.read_text("utf-8"))
    write_text(file, yaml.safe_dump({**content, "run_id": run_id}, sort_keys=True))


def _save_mlflow_model(
    path: Path, data: Path, task: Task, input_example: bytes | None, *, texts_too: bool
) -> None:
    """MLflow's files around `data`, which is copied to `path/data/model`.

    Args:
        texts_too: whether embeddings are of texts as well as of images.
    """
    import logging
    import warnings

    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    inputs: list[Any] = [ColSpec(DataType.string, "image", required=not texts_too)]
    outputs: list[Any] = [
        ColSpec(Array(DataType.float), "probs"),
        ColSpec(Array(DataType.string), "labels"),
    ]
    if task == ZERO_SHOT or texts_too:
        inputs.append(ColSpec(DataType.string, "text", required=False))
    if task == EMBEDDINGS:
        kinds = ("image", "text") if texts_too else ("image",)
        outputs = [
            ColSpec(Array(DataType.float), f"{kind}_features", required=not texts_too)
            for kind in kinds
        ]
    signature = ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))
    requirements = [
        f"tintype=={importlib.metadata.version('tintype')}",
        *(f"{name}=={importlib.metadata.version(name).split('+')[0]}" for name in _LIBRARIES),
    ]
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # It warns that no example is given; ours is written below, without loading the model.
            warnings.simplefilter("ignore")
            mlflow.pyfunc.save_model(
                path,
                loader_module="tintype.scoring.mlflow_loader",
                data_path=str(data),
                signature=signature,
                pip_requirements=requirements,
            )
    finally:
        logger.setLevel(level)
    if input_example is not None:
        import pybase64

        cell = pybase64.b64encode(input_example).decode()
        request: dict[str, Any] = {"columns": ["image"], "data": [cell]}
        if task == ZERO_SHOT:
            request = {"columns": ["image", "text"], "data": [[cell, "one thing, another thing"]]}
        elif texts_too:
            request = {"columns": ["image", "text"], "data": [[cell, "a photo of a thing"]]}
        write_json(path / "input_example.json", {"input_data": request})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    """`value` with tuples and numpy scalars as YAML's safe dumper knows them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value
