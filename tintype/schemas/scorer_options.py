"""How a model scores: one value for the SDK, commands, deployments, batches and evaluations."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from tintype.errors import UsageError
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.task import ZERO_SHOT, Task, parse_task

__all__ = ["ScorerOptions"]


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
        raise ValueError(f"{value!r} given; expected auto, cpu, cuda or cuda:<number>")
    return value


class ScorerOptions(StrictModel):
    """Everything that `Scorer.load` is told beside the model."""

    runtime: Literal["auto", "torch", "torch-compile", "openvino", "onnxruntime"] | None = None
    """auto, torch, torch-compile, openvino or onnxruntime. None: the setting of the machine."""

    precision: Literal["auto", "fp32", "bf16", "int8"] | None = None
    """auto, fp32, bf16 or int8 (after `tintype model quantize`). None: the setting of the
    machine. fp32 agrees with transformers to 1e-4."""

    device: Annotated[str, AfterValidator(_device)] = "auto"
    """auto, cpu or cuda; cuda:1 is the second one."""

    threads: int | None = Field(None, ge=1, le=4096)
    """CPU threads of decoding and of the model; in torch they are the whole process's. None: the
    setting of the machine."""

    batch_size: int = Field(32, ge=1, le=4096)
    """Most images in one pass of the model."""

    task: Task | None = None
    """image_classification, image_classification_multilabel, zero_shot_image_classification or
    embeddings. None: the model's own."""

    labels: list[str] | None = None
    """Zero-shot: labels for requests without their own; a list, or 'a cat, a dog'."""

    prompt: str | None = None
    """Zero-shot: a template, 'a photo of a {}'. None: the family's own, which for CLIP is the label as it
    is, for SigLIP 'This is a photo of {}.'."""

    pooling: Literal["auto", "cls", "mean", "projection"] = "auto"
    """Embeddings: auto (the family's own), cls, mean or projection."""

    normalize: bool = False
    """Embeddings: scaled to length 1."""

    tta: Literal["none", "flip"] = "none"
    """flip: each image is seen mirrored left to right as well, and probabilities (or features) are
    averaged: twice the time of the model, often a little more right. Not where a mirrored image means
    something else: letters, traffic signs."""

    exact: bool | None = None
    """true: images bit for bit as transformers reads them; false: up to 4x faster. None: exact in
    fp32."""

    min_agreement: float | None = Field(None, ge=0)
    """int8: the least share of images that keep their top label (for embeddings: the least cosine);
    below it, loading is refused. None: 0.98, or what was accepted at calibration."""

    calibration: Any = Field(None, exclude=True)
    """int8, from Python only: a few hundred of your own images (`images.loading.ImageSource`). The
    result is kept on disk, so that later calls need none."""

    @classmethod
    def of(cls, **given: Any) -> ScorerOptions:
        """The options by name.

        Raises:
            UsageError: names every option that is unknown or cannot be used.
        """
        return validate(cls, Document(given))

    def identity(self) -> dict[str, Any]:
        """What of it may decide an answer, JSON-able."""
        # Written only where it is set: batches that were begun before there was one go on.
        left_out = {"threads"} if self.tta != "none" else {"threads", "tta"}
        return self.model_dump(mode="json", exclude=left_out, exclude_none=True)

    @field_validator("task", mode="before")
    @classmethod
    def _task(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse_task(value)
        except UsageError as error:
            raise ValueError(str(error)) from None

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        # How many there may be, and how long, is checked where they are embedded.
        if isinstance(value, str) and value.strip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise ValueError("begins like a JSON list but is none") from None
        elif isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list | tuple):
            return value
        trimmed = [item.strip() if isinstance(item, str) else item for item in value]
        labels = [item for item in trimmed if item != ""]
        if not labels:
            raise ValueError("holds no label")
        return labels

    @field_validator("prompt")
    @classmethod
    def _prompt(cls, value: str | None) -> str | None:
        if value is not None and "{}" not in value:
            raise ValueError(f"{value!r} given; it must hold '{{}}' where the label goes")
        return value

    @field_validator("labels", "prompt")
    @classmethod
    def _for_zero_shot(cls, value: Any, info: ValidationInfo) -> Any:
        task = info.data.get("task")
        if value is not None and task not in (None, ZERO_SHOT):
            raise ValueError(f"is for {ZERO_SHOT}, not for {task}")
        return value
