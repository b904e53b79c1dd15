"""Peers of the scoring benchmark, each as its own documents say to use it.

A peer is prepared from a checkpoint folder and gives a function from encoded images to answers.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["PEERS"]

Answer = Callable[[list[bytes]], Any]


def _pipeline(folder: Path, name: str, device: str, images: list[bytes]) -> Answer:
    """transformers' pipeline; for CLIP, whose pipeline would run the texts too, its image side."""
    import torch
    import transformers

    if name == "clip":
        return _torch_by_hand(folder, name, device, torch.float32)
    pipeline = transformers.pipeline("image-classification", model=str(folder), device=device)
    return lambda batch: pipeline([_open(data) for data in batch], batch_size=len(batch))


def _bf16_by_hand(folder: Path, name: str, device: str, images: list[bytes]) -> Answer:
    import torch

    return _torch_by_hand(folder, name, device, torch.bfloat16)


def _onnxruntime(folder: Path, name: str, device: str, images: list[bytes]) -> Answer:
    import onnxruntime
    import torch

    processor, model = _load(folder, name, torch.float32)
    path = folder.parent / f"{name}-peer.onnx"
    torch.onnx.export(
        _Plain(model, name),
        (torch.randn(2, 3, 224, 224),),
        str(path),
        dynamo=False,
        input_names=["pixels"],
        output_names=["out"],
        opset_version=17,
        dynamic_axes={"pixels": {0: "batch"}, "out": {0: "batch"}},
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"pixels": _pixels(processor, batch)})


def _openvino(precision: str) -> Callable[..., Answer]:
    def prepare(folder: Path, name: str, device: str, images: list[bytes]) -> Answer:
        import openvino
        import torch

        processor, model = _load(folder, name, torch.float32)
        with torch.no_grad():
            graph = openvino.convert_model(
                _Plain(model, name), example_input=torch.randn(2, 3, 224, 224)
            )
        if precision == "int8":
            import nncf

            own = [_pixels(processor, [data]) for data in images[:24]]
            graph = nncf.quantize(
                graph,
                nncf.Dataset(own),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(own),
            )
        hint = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}[precision]
        compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": hint})
        return lambda batch: compiled(_pixels(processor, batch))

    return prepare


def _torch_by_hand(folder: Path, name: str, device: str, dtype: Any) -> Answer:
    import torch

    processor, model = _load(folder, name, dtype)
    plain = _Plain(model, name).to(device)

    def answer(batch: list[bytes]) -> Any:
        pixels = torch.from_numpy(_pixels(processor, batch)).to(device, dtype)
        with torch.inference_mode():
            return plain(pixels).float().softmax(-1).cpu()

    return answer


def _load(folder: Path, name: str, dtype: Any) -> tuple[Any, Any]:
    import transformers

    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    if name == "clip":
        kind: Any = transformers.CLIPVisionModelWithProjection
    else:
        kind = transformers.AutoModelForImageClassification
    return processor, kind.from_pretrained(folder, dtype=dtype).eval()


def _Plain(model: Any, name: str) -> Any:  # noqa: N802
    """The model with one tensor in and one out, as exporters want it."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            found = self.model(pixel_values=pixels)
            return found.image_embeds if name == "clip" else found.logits

    return Plain().eval()


def _open(data: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def _pixels(processor: Any, batch: list[bytes]) -> np.ndarray:
    return processor([_open(data) for data in batch], return_tensors="np")["pixel_values"]


PEERS: list[tuple[str, str, Callable[..., Answer]]] = [
    ("transformers pipeline, its defaults", "fp32", _pipeline),
    ("transformers, bf16 by hand", "bf16", _bf16_by_hand),
    ("ONNX Runtime by hand", "fp32", _onnxruntime),
    ("OpenVINO by hand, fp32", "fp32", _openvino("fp32")),
    ("OpenVINO by hand, bf16", "bf16", _openvino("bf16")),
    ("OpenVINO by hand, int8 (NNCF)", "int8", _openvino("int8")),
]
