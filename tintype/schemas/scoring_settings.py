"""How a deployed model is loaded and how it answers: `settings` online, `scoring` in batch."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo, field_validator

from tintype.errors import UsageError
from tintype.schemas.document import StrictModel
from tintype.schemas.task import ZERO_SHOT, Task, parse_task
from tintype.schemas.wire import Style, parse_style

__all__ = ["ScoringSettings"]


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
        raise ValueError(f"{value!r} given; expected auto, cpu, cuda or cuda:<number>")
    return value


class ScoringSettings(StrictModel):
    """`settings`: how the model is loaded and how it answers, as the options of `tintype serve`."""

    runtime: Literal["auto", "torch", "torch-compile", "openvino", "onnxruntime"] | None = None
    """auto, torch, torch-compile, openvino or onnxruntime. None: the setting of the machine."""

    precision: Literal["auto", "fp32", "bf16", "int8"] | None = None
    """auto, fp32, bf16 or int8 (after `tintype model quantize`). None: the setting of the
    machine."""

    device: Annotated[str, AfterValidator(_device)] = "auto"
    """auto, cpu or cuda; cuda:1 is the second one."""

    task: Task | None = None
    """image_classification, image_classification_multilabel, zero_shot_image_classification or
    embeddings. None: the model's own."""

    labels: list[str] | None = None
    """Zero-shot: labels for requests without their own; a list, or 'a cat, a dog'."""

    prompt: str | None = None
    """Zero-shot: a template, 'a photo of a {}'."""

    pooling: Literal["auto", "cls", "mean", "projection"] = "auto"
    """Embeddings: auto (the family's own), cls, mean or projection."""

    normalize: bool = False
    """Embeddings: scaled to length 1."""

    exact: bool | None = None
    """true: images bit for bit as transformers reads them; false: up to 4x faster. None: exact in
    fp32."""

    response_style: Style = "probs"
    """For requests that name none: probs (A, all classes), list (B) or ranked (C)."""

    on_row_error: Literal["fail", "skip"] = "fail"
    """fail: one bad row fails its request, with the row's index. skip: the other rows are
    answered."""

    @field_validator("task", mode="before")
    @classmethod
    def _task(cls, value: Any) -> Any:
        return _parsed(parse_task, value)

    @field_validator("response_style", mode="before")
    @classmethod
    def _style(cls, value: Any) -> Any:
        return _parsed(parse_style, value)

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
        found = [item for item in trimmed if item != ""]
        if not found:
            raise ValueError("holds no label")
        return found

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

    def loading(self) -> dict[str, Any]:
        """The options of `Scorer.load`."""
        return self.model_dump(exclude={"response_style", "on_row_error"})


def _parsed(parse: Any, value: Any) -> Any:
    """What `parse` makes of a text, its UsageError as one of pydantic's."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
