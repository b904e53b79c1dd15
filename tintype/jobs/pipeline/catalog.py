"""Components of Azure's registry that stand for jobs of Tintype's: how their inputs become documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tintype.schemas.document import Document, KeyPath
from tintype.schemas.evaluation_component import evaluation_document
from tintype.schemas.finetuning_components import finetuning_document, image_pipeline_document

__all__ = ["TRANSLATORS", "Translator"]

Translator = Callable[[Document, KeyPath, dict[str, Any], Path], Document]
"""(document in which the node stands, its place, its inputs, folder of relative paths) -> the job's."""


def _finetuning(document: Document, key: KeyPath, inputs: dict[str, Any], base: Path) -> Document:
    return finetuning_document(document, key, inputs)


def _image_pipeline(
    document: Document, key: KeyPath, inputs: dict[str, Any], base: Path
) -> Document:
    return image_pipeline_document(document, key, inputs)


TRANSLATORS: dict[str, Translator] = {
    "transformers_image_classification_pipeline": _finetuning,
    "transformers_image_classification_finetune": _finetuning,
    "image_classification_pipeline": _image_pipeline,
    "model_evaluation_pipeline": evaluation_document,
}
"""By the component's name."""
