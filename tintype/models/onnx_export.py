"""ONNX export: the classifier with its normalisation inside, checked against torch on the spot."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tintype.errors import CheckpointError, MissingExtraError
from tintype.files import atomic_folder, write_json, write_text
from tintype.images.preprocess import Preprocessor
from tintype.models.classifier import load_classifier
from tintype.models.model_folder import ModelFolder, open_model_folder
from tintype.schemas.task import MULTILABEL

__all__ = ["export_onnx"]

_OPSET = 17
_TOLERANCE = 1e-3


class _WithPreprocessing(nn.Module):
    """uint8-valued pixels in, probabilities out: nothing is left for the caller but resizing."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, model: nn.Module, preprocessor: Preprocessor, *, multilabel: bool) -> None:
        super().__init__()
        self.model = model
        config = preprocessor.config
        factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale") else 1.0
        normalize = config.get("do_normalize")
        mean = torch.tensor(config["image_mean"] if normalize else [0.0] * 3)
        deviation = torch.tensor(config["image_std"] if normalize else [1.0] * 3)
        # EfficientNet's processor divides twice.
        divisor = deviation**2 if normalize and config.get("include_top") else deviation
        self.register_buffer("scale", (factor / divisor).view(1, 3, 1, 1))
        self.register_buffer("shift", (-mean / divisor).view(1, 3, 1, 1))
        self.multilabel = multilabel

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = self.model(pixel_values=image * self.scale + self.shift).logits
        return logits.sigmoid() if self.multilabel else logits.softmax(-1)


def export_onnx(model_folder: Path, output: Path) -> Path:
    """Write `output/model.onnx`, `labels.json` and `preprocessing.json`, and a README.

    The graph takes `image` float32 (n, 3, height, width) with values 0 to 255, RGB, resized as
    preprocessing.json says, and gives `probs` float32 (n, classes). Any batch size.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
        CheckpointError: not a model folder, or ONNX Runtime and torch disagree by more than 1e-3.
        OutputError: `output` cannot be written.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        raise MissingExtraError("ONNX export", "onnx") from None
    folder = open_model_folder(model_folder)
    preprocessor = Preprocessor.from_folder(folder.checkpoint.folder)
    module = _WithPreprocessing(
        load_classifier(folder.checkpoint), preprocessor, multilabel=folder.task == MULTILABEL
    ).eval()
    with atomic_folder(output) as temporary:
        path = temporary / "model.onnx"
        _export(module, preprocessor.input_size, path)
        difference = _largest_difference(module, preprocessor.input_size, path)
        if not difference <= _TOLERANCE:
            raise CheckpointError(
                f"the exported model disagrees with torch by {difference:.2g}; nothing was written"
            )
        write_json(temporary / "labels.json", list(folder.classes))
        write_json(temporary / "preprocessing.json", _description(folder, preprocessor, difference))
        write_text(temporary / "README.md", _readme(folder, preprocessor))
    return output / "model.onnx"


def _export(module: nn.Module, size: tuple[int, int], path: Path) -> None:
    example = torch.rand(2, 3, *size) * 255
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # The older exporter: the dynamo one fails on BEiT with a free batch size (docs/design.md).
        torch.onnx.export(
            module,
            (example,),
            str(path),
            input_names=["image"],
            output_names=["probs"],
            dynamic_axes={"image": {0: "batch"}, "probs": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )


def _largest_difference(module: nn.Module, size: tuple[int, int], path: Path) -> float:
    """Between torch and ONNX Runtime, over batches of other sizes than the exported one."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch in (1, 3):
        image = torch.randint(0, 256, (batch, 3, *size), generator=generator).float()
        with torch.no_grad():
            expected = module(image).numpy()
        probabilities = session.run(["probs"], {"image": image.numpy()})[0]
        worst = max(worst, float(np.abs(probabilities - expected).max()))
    return worst


def _description(
    folder: ModelFolder, preprocessor: Preprocessor, difference: float
) -> dict[str, Any]:
    height, width = preprocessor.input_size
    return {
        "task": folder.task,
        "input": {
            "name": "image",
            "type": "float32",
            "shape": ["batch", 3, height, width],
            "values": "0 to 255, RGB",
            "inside_the_graph": "rescaling and normalising",
        },
        "before_the_graph": {
            key: preprocessor.config[key]
            for key in ("do_resize", "size", "resample", "do_center_crop", "crop_size", "crop_pct")
            if key in preprocessor.config
        },
        "output": {
            "name": "probs",
            "type": "float32",
            "shape": ["batch", len(folder.classes)],
            "values": "sigmoid" if folder.task == MULTILABEL else "softmax",
            # From which probability on the model predicts each label, where that was tuned.
            **({"thresholds": tuned} if (tuned := folder.card.get("thresholds")) else {}),
        },
        "largest_difference_from_torch": difference,
    }


def _readme(folder: ModelFolder, preprocessor: Preprocessor) -> str:
    height, width = preprocessor.input_size
    config = preprocessor.config
    resample = f"Image.Resampling({int(config['resample'])})" if "resample" in config else ""
    # Spelled out for the common case; a crop is described by preprocessing.json.
    plain = set(config.get("size", {})) == {"height", "width"} and not config.get("do_center_crop")
    shown = f".resize(({width}, {height}), {resample})" if plain else ""
    step = "" if plain else "\n    # here: resize and crop as preprocessing.json says"
    return f"""# ONNX classifier, {len(folder.classes)} classes

Before: decode to RGB, apply EXIF orientation, resize as `preprocessing.json` says (Pillow, with
antialiasing) to {width} x {height}, as float32 from 0 to 255, channels first. Normalisation is in the graph.
After: `probs` are probabilities in the order of `labels.json`.

    import json, numpy, onnxruntime
    from PIL import Image
    image = Image.open("photo.jpg").convert("RGB"){shown}{step}
    pixels = numpy.asarray(image, numpy.float32).transpose(2, 0, 1)[None]
    probs = onnxruntime.InferenceSession("model.onnx").run(["probs"], {{"image": pixels}})[0]
    print(json.load(open("labels.json"))[probs[0].argmax()])
"""
