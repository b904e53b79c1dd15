"""Fine-tuning for a step or two through the public API, for tests of single families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pictures import write_class_folders

from tintype.data import read_image_table
from tintype.schemas.finetuning import FinetuningParameters
from tintype.training import FinetuneResult, finetune


def fine_tune_once(checkpoint: Path, folder: Path, **parameters: Any) -> FinetuneResult:
    """One epoch of two steps over a dozen pictures of two classes, `level` and `upright`.

    Args:
        checkpoint: a folder in Hub format, or a model folder.
        folder: receives pictures and results.
        parameters: as in a job's document.
    """
    given = {
        "number_of_epochs": 1,
        "training_batch_size": 8,
        "precision": "32",
        "learning_rate": 1e-3,
        **parameters,
    }
    return finetune(
        checkpoint=str(checkpoint),
        train=read_image_table(write_class_folders(folder / "pictures", per_class=8)),
        task="image_classification",
        parameters=FinetuningParameters.model_validate(given),
        output_folder=folder / "out",
    )
