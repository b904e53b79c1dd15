"""The model inside a peer's server: transformers as its documents use it, or Tintype's Scorer.

A model prepares each image by itself (a server may do that in threads) and then runs many at once.
Requests are `{"image": <base64>, "labels": [...]}`; labels only for zero-shot classification.
Answers are lists of `{"label", "score"}`, the likeliest first.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

__all__ = ["KINDS", "Model", "answer_all", "open_model"]

_TOP = 5
Answer = list[dict[str, Any]]


class Model(Protocol):
    """What a server needs of a model."""

    def prepare(self, image: str) -> Any:
        """One image, from base64 to what `run` takes."""

    def run(self, prepared: Sequence[Any], labels: Sequence[str] | None) -> list[Answer]:
        """Answers for prepared images that share their labels."""


def open_model(folder: Path, kind: str) -> Model:
    """The checkpoint in `folder` as `kind`, one of KINDS."""
    return KINDS[kind](folder)


def answer_all(
    model: Model, prepared: Sequence[Any], labels: Sequence[Sequence[str] | None]
) -> list[Answer]:
    """Answers for prepared images of which each may have labels of its own."""
    places: dict[tuple[str, ...] | None, list[int]] = {}
    for place, names in enumerate(labels):
        places.setdefault(tuple(names) if names else None, []).append(place)
    found: dict[int, Answer] = {}
    for key, rows in places.items():
        found.update(zip(rows, model.run([prepared[row] for row in rows], key), strict=True))
    return [found[place] for place in range(len(prepared))]


class _Pipeline:
    """transformers' pipeline with its defaults."""

    def __init__(self, folder: Path) -> None:
        import transformers

        self._zero_shot = _is_clip(folder)
        task: Any = "zero-shot-image-classification" if self._zero_shot else "image-classification"
        self._pipeline = transformers.pipeline(task, model=str(folder))

    def prepare(self, image: str) -> Any:
        return _opened(image)

    def run(self, prepared: Sequence[Any], labels: Sequence[str] | None) -> list[Answer]:
        named: dict[str, Any] = {}
        if self._zero_shot:
            # The labels as they are, so that every server does the same work.
            named = {"candidate_labels": list(labels or ()), "hypothesis_template": "{}"}
        return [
            found[:_TOP]
            for found in self._pipeline(list(prepared), batch_size=len(prepared), **named)
        ]


class _ByHand:
    """A processor and a model, called directly."""

    def __init__(self, folder: Path, precision: str) -> None:
        import torch
        import transformers

        self._dtype = getattr(torch, precision)
        self._processor = transformers.AutoImageProcessor.from_pretrained(folder)
        self._tokenizer = None
        kind: Any = transformers.AutoModelForImageClassification
        if _is_clip(folder):
            kind = transformers.AutoModelForZeroShotImageClassification
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self._model = kind.from_pretrained(folder, dtype=self._dtype).eval()

    def prepare(self, image: str) -> Any:
        return self._processor(_opened(image), return_tensors="pt")["pixel_values"][0]

    def run(self, prepared: Sequence[Any], labels: Sequence[str] | None) -> list[Answer]:
        import torch

        pixels = torch.stack(list(prepared)).to(self._dtype)
        with torch.inference_mode():
            if self._tokenizer is not None:
                names = list(labels or ())
                texts = self._tokenizer(names, padding=True, return_tensors="pt")
                logits = self._model(pixel_values=pixels, **texts).logits_per_image
            else:
                names = self._model.config.id2label
                logits = self._model(pixel_values=pixels).logits
            scores, codes = logits.float().softmax(-1).topk(min(_TOP, logits.shape[-1]))
        return [
            [{"label": names[code], "score": score} for code, score in zip(*row, strict=True)]
            for row in zip(codes.tolist(), scores.tolist(), strict=True)
        ]


class _OpenVino:
    """transformers' processor and OpenVINO in bf16: our runtime and precision, set up by hand."""

    def __init__(self, folder: Path) -> None:
        import openvino
        import torch
        import transformers

        self._processor = transformers.AutoImageProcessor.from_pretrained(folder)
        self._tokenizer = None
        # Examples of two: a batch of one would be traced as a constant.
        example: dict[str, Any] = {"pixel_values": torch.randn(2, 3, 224, 224)}
        if _is_clip(folder):
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            texts = self._tokenizer(["a", "a b"], padding=True, return_tensors="pt")
            example |= {name: texts[name] for name in ("input_ids", "attention_mask")}
            model = transformers.AutoModelForZeroShotImageClassification.from_pretrained(folder)
        else:
            model = transformers.AutoModelForImageClassification.from_pretrained(folder)
        model = model.eval()
        self._names = model.config.id2label
        with torch.no_grad():
            inputs = tuple(example.values())
            graph = openvino.convert_model(_Logits(model, tuple(example)), example_input=inputs)
        hint = {"INFERENCE_PRECISION_HINT": "bf16"}
        self._compiled = openvino.Core().compile_model(graph, "CPU", hint)

    def prepare(self, image: str) -> Any:
        return self._processor(_opened(image), return_tensors="np")["pixel_values"][0]

    def run(self, prepared: Sequence[Any], labels: Sequence[str] | None) -> list[Answer]:
        inputs = [np.stack(list(prepared))]
        names: Any = self._names
        if self._tokenizer is not None:
            names = list(labels or ())
            texts = self._tokenizer(names, padding=True, return_tensors="np")
            inputs += [texts["input_ids"], texts["attention_mask"]]
        logits = self._compiled(inputs)[0].astype(np.float32)
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        return [
            [{"label": names[code], "score": float(row[code])} for code in np.argsort(-row)[:_TOP]]
            for row in shares
        ]


def _Logits(model: Any, names: Sequence[str]) -> Any:  # noqa: N802
    """The model with its inputs in the order of `names` and one tensor out."""
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            found = self.model(**dict(zip(names, inputs, strict=True)))
            return found.logits_per_image if "input_ids" in names else found.logits

    return Logits().eval()


class _Ours:
    """Tintype's Scorer with its defaults, so that only the serving differs."""

    def __init__(self, folder: Path) -> None:
        from tintype.scoring import Scorer

        self._scorer = Scorer.load(folder, runtime="auto", precision="auto")

    def prepare(self, image: str) -> Any:
        return base64.b64decode(image)

    def run(self, prepared: Sequence[Any], labels: Sequence[str] | None) -> list[Answer]:
        return [
            [{"label": label, "score": float(score)} for label, score in found.top(_TOP)]
            for found in self._scorer.predict(prepared, labels=labels)
        ]


KINDS: dict[str, Callable[[Path], Model]] = {
    "pipeline": _Pipeline,
    "fp32": lambda folder: _ByHand(folder, "float32"),
    "bf16": lambda folder: _ByHand(folder, "bfloat16"),
    "openvino": _OpenVino,
    "scorer": _Ours,
}


def _is_clip(folder: Path) -> bool:
    import transformers

    return transformers.AutoConfig.from_pretrained(folder).model_type == "clip"


def _opened(image: str) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB")
