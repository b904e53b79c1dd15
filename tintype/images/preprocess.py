"""Preprocessing as a checkpoint's `preprocessor_config.json` says, in two halves.

`resize` works on one image, in threads, and is bit-exact with transformers' Pillow processors
unless the faster kernel is asked for. `normalize` works on a whole batch, on the device that runs
the model; `scale_and_shift` is the same as one multiplication and addition inside a graph.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tintype.errors import CheckpointError, ImageError, ImageTooLarge
from tintype.images.resize import resize_pixels
from tintype.images.timm_preprocessing import is_timm_config, timm_preprocessing
from tintype.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch

__all__ = ["Preprocessor"]

# A strip of 1 x 10,000 pixels resized by its shorter edge would fill the memory.
_MAX_RESIZED_PIXELS = 32_000_000

_LEAST_DECODED = 256

_FILE = "preprocessor_config.json"

_AFTER_RESIZING = ("do_rescale", "do_normalize", "include_top")

# ConvNeXt's own rule: below this size the image is resized larger by 1 / crop_pct and cropped.
_CONVNEXT_CROP_BELOW = 384


# Processors that transformers has for torchvision alone, with their defaults. ViT's does the same
# in Pillow: DINOv3's scales before it resizes, which differs by Pillow's rounding to whole levels.
_BY_TORCHVISION_ALONE: Mapping[str, dict[str, Any]] = {
    "DINOv3ViTImageProcessor": {
        "size": {"height": 224, "width": 224},
        "resample": int(Image.Resampling.BILINEAR),
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
}


@dataclass(frozen=True)
class Preprocessor:
    """What happens between an RGB image and `pixel_values`. Make it with `from_folder`."""

    config: dict[str, Any] = field(hash=False)
    """As in preprocessor_config.json, with every default written out."""

    input_size: tuple[int, int]
    """(height, width) of the model's input."""

    processor: Any = field(default=None, compare=False, repr=False)
    """transformers' own processor, where its resizing is not one of those known here."""

    @classmethod
    def from_folder(cls, folder: Path) -> Preprocessor:
        """Read `folder/preprocessor_config.json`, or what timm's config.json has in its place.

        Raises:
            CheckpointError: missing or unreadable, or preprocessing that cannot be split in two.
        """
        path = Path(folder) / _FILE
        timm = None if path.is_file() else _timm_config(Path(folder))
        if timm is not None:
            return _from_processor(_as_vit(timm_preprocessing(timm)), path)
        if not path.is_file():
            raise CheckpointError(
                f"{folder} has no preprocessor_config.json; save the processor beside the model: "
                "AutoImageProcessor.from_pretrained(...).save_pretrained(folder)"
            )
        try:
            with quiet_transformers():
                processor = _processor_in(Path(folder), json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, ImportError, AttributeError) as error:
            raise CheckpointError(f"cannot read {path}: {error}") from None
        return _from_processor(processor, path)

    def to_config(self) -> dict[str, Any]:
        """The content of preprocessor_config.json."""
        return copy.deepcopy(self.config)

    def with_size(self, height: int, width: int) -> Preprocessor:
        """The same preprocessing for another input size; a crop keeps its share of the image.

        Raises:
            CheckpointError: the processor cannot be given another size, or not one that is not
                square.
        """
        config = self.to_config()
        if self.processor is not None:
            raise CheckpointError(
                f"{config.get('image_processor_type')} cannot be given another image size; "
                "leave image_width and image_height at -1"
            )
        if "crop_pct" in config:
            if height != width:
                raise CheckpointError("this checkpoint's images must be square: give equal sizes")
            config["size"] = {"shortest_edge": height}
        elif config.get("do_center_crop"):
            share = self._resize_target_short() / min(self.input_size)
            config["crop_size"] = {"height": height, "width": width}
            if "shortest_edge" in config["size"]:
                config["size"] = {"shortest_edge": round(min(height, width) * share)}
            else:
                config["size"] = {"height": round(height * share), "width": round(width * share)}
        else:
            config["do_resize"] = True
            config["size"] = {"height": height, "width": width}
        return Preprocessor(config, (height, width))

    def with_crop(self, resize: int, crop: int) -> Preprocessor:
        """The same scaling of values, after resizing the shorter side to `resize` pixels and
        cropping a centred square of side `crop`.

        Raises:
            CheckpointError: the processor cannot be given another size.
        """
        if self.processor is not None:
            raise CheckpointError(
                f"{self.config.get('image_processor_type')} cannot be given another image size; "
                "leave the crop sizes out"
            )
        config = self.to_config()
        if config.pop("crop_pct", None) is not None:
            # ConvNeXt's processor has no plain crop; ViT's scales values the same way.
            config["image_processor_type"] = "ViTImageProcessor"
        config |= {
            "do_resize": True,
            "size": {"shortest_edge": resize},
            "do_center_crop": True,
            "crop_size": {"height": crop, "width": crop},
        }
        return Preprocessor(config, (crop, crop))

    def resize(self, image: np.ndarray, *, exact: bool = True) -> np.ndarray:
        """Resize and crop one image: uint8 (h, w, 3) -> uint8 (*input_size, 3).

        Args:
            exact: False takes the faster kernel of `resize_pixels`.

        Raises:
            ImageTooLarge: the sides are so unequal that resizing would fill the memory.
            ImageError: the processor refuses the image.
        """
        if self.processor is not None:
            return self._resize_by_processor(image)
        config = self.config
        if config.get("do_resize"):
            height, width = self._resized_size(image.shape[0], image.shape[1])
            if height * width > _MAX_RESIZED_PIXELS:
                raise ImageTooLarge(
                    f"{image.shape[1]} x {image.shape[0]} is too elongated: resized it would be "
                    f"{width} x {height} pixels"
                )
            image = resize_pixels(image, (height, width), config["resample"], exact=exact)
        if image.shape[:2] != self.input_size:
            image = _center_crop(image, *self.input_size)
        return image

    def normalize(self, batch: torch.Tensor) -> torch.Tensor:
        """uint8 (n, height, width, 3) on any device -> float32 (n, 3, height, width)."""
        import torch

        config = self.config
        pixels = batch.permute(0, 3, 1, 2).to(torch.float32).mul_(self._rescale_factor())
        if config.get("do_normalize"):
            mean, deviation = (
                torch.as_tensor(config[name], dtype=torch.float32, device=batch.device).view(
                    -1, 1, 1
                )
                for name in ("image_mean", "image_std")
            )
            pixels = pixels.sub_(mean).div_(deviation)
            if config.get("include_top"):
                # EfficientNet's processor divides a second time for classifiers.
                pixels = pixels.div_(deviation)
        return pixels

    def scale_and_shift(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 (3,) each: `normalize` is pixels × scale + shift, up to rounding."""
        config = self.config
        if not config.get("do_normalize"):
            return np.full(3, self._rescale_factor(), np.float32), np.zeros(3, np.float32)
        mean = np.asarray(config["image_mean"], np.float64)
        divisor = np.asarray(config["image_std"], np.float64)
        shift = -mean / divisor
        if config.get("include_top"):
            # EfficientNet's processor divides a second time for classifiers.
            divisor, shift = divisor**2, shift / divisor
        return (self._rescale_factor() / divisor).astype(np.float32), shift.astype(np.float32)

    def decode_size(self) -> tuple[int, int] | None:
        """The least size a decoder may scale an image down to: twice the resized size, and more
        for small inputs, whose every pixel counts."""
        if self.processor is not None or not self.config.get("do_resize"):
            return None
        size = self.config["size"]
        short = self._resize_target_short()
        sides = (short, short) if "shortest_edge" in size else (size["height"], size["width"])
        return max(2 * sides[0], _LEAST_DECODED), max(2 * sides[1], _LEAST_DECODED)

    def _rescale_factor(self) -> float:
        return self.config.get("rescale_factor", 1 / 255) if self.config.get("do_rescale") else 1.0

    def _resize_target_short(self) -> int:
        size = self.config["size"]
        short = size.get("shortest_edge") or min(size["height"], size["width"])
        crop_pct = self.config.get("crop_pct")
        return int(short / crop_pct) if crop_pct and short < _CONVNEXT_CROP_BELOW else short

    def _resized_size(self, height: int, width: int) -> tuple[int, int]:
        size = self.config["size"]
        if "shortest_edge" not in size:
            return size["height"], size["width"]
        short = self._resize_target_short()
        if "crop_pct" in self.config and short >= _CONVNEXT_CROP_BELOW:
            return short, short
        # The longer side is truncated, as in transformers' get_resize_output_image_size.
        if width <= height:
            return int(short * height / width), short
        return short, int(short * width / height)

    def _resize_by_processor(self, image: np.ndarray) -> np.ndarray:
        # Everything after the resizing is `normalize`'s.
        off = {name: False for name in _AFTER_RESIZING if name in self.config}
        try:
            pixels = self.processor(Image.fromarray(image), return_tensors="np", **off)[
                "pixel_values"
            ][0]
        except (ValueError, TypeError) as error:
            raise ImageError(f"the processor refuses the image: {error}") from None
        return np.ascontiguousarray(
            np.rint(pixels).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        )


def _processor_in(folder: Path, config: dict[str, Any]) -> Any:
    """transformers' processor for `folder`, whose preprocessor_config.json is `config`."""
    from transformers import AutoImageProcessor

    kind = str(config.get("image_processor_type", "")).removesuffix("Fast")
    if kind in _BY_TORCHVISION_ALONE:
        given = {key: value for key, value in config.items() if value is not None}
        return _as_vit({**_BY_TORCHVISION_ALONE[kind], **given})
    # By Pillow even where torchvision is installed: the same bits on every machine. The file is
    # named because beside timm's config.json it would not be looked at.
    return AutoImageProcessor.from_pretrained(
        str(folder), backend="pil", image_processor_filename=_FILE, trust_remote_code=False
    )


def _as_vit(config: dict[str, Any]) -> Any:
    from transformers import ViTImageProcessorPil

    return ViTImageProcessorPil(**config)


def _timm_config(folder: Path) -> dict[str, Any] | None:
    """timm's config.json in `folder`; None where it is another's, or none."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) and is_timm_config(config) else None


def _from_processor(processor: Any, path: Path) -> Preprocessor:
    config = processor.to_dict()
    config.pop("processor_class", None)
    config["size"] = _plain_size(config.get("size"))
    if config.get("do_center_crop"):
        config["crop_size"] = _plain_size(config.get("crop_size"))
    else:
        config.pop("crop_size", None)
    if not _is_known(processor, config):
        preprocessor = Preprocessor(config, _probed_size(processor), processor)
        _check_split(preprocessor, path)
        return preprocessor
    if "crop_pct" in config:
        side = config["size"]["shortest_edge"]
        return Preprocessor(config, (side, side))
    final = config["crop_size"] if config.get("do_center_crop") else config["size"]
    return Preprocessor(config, (final["height"], final["width"]))


def _is_known(processor: Any, config: dict[str, Any]) -> bool:
    """Whether the processor resizes by the common code (or ConvNeXt's) to one fixed size."""
    from transformers.image_processing_backends import PilBackend
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    kind = type(processor)
    if not isinstance(processor, PilBackend) or config.get("do_pad") or not config.get("do_resize"):
        return False
    size, crop = config["size"], config.get("crop_size", {})
    if kind is ConvNextImageProcessorPil:
        return set(size) == {"shortest_edge"} and not config.get("do_center_crop")
    steps = ["resize", "center_crop", "rescale", "normalize"]
    if "do_reduce_labels" not in config:
        # Processors with that key override `_preprocess` for segmentation maps alone.
        steps.append("_preprocess")
    if "crop_pct" in config or any(
        getattr(kind, step) is not getattr(PilBackend, step) for step in steps
    ):
        return False
    fixed = {"height", "width"}
    if config.get("do_center_crop"):
        return set(crop) == fixed and set(size) in (fixed, {"shortest_edge"})
    return set(size) == fixed


def _plain_size(size: Any) -> dict[str, int]:
    return {key: int(value) for key, value in dict(size or {}).items() if value is not None}


def _probed_size(processor: Any) -> tuple[int, int]:
    probe = Image.new("RGB", (320, 240))
    height, width = processor(probe, return_tensors="np")["pixel_values"].shape[-2:]
    return int(height), int(width)


def _check_split(preprocessor: Preprocessor, path: Path) -> None:
    """Refuse a processor whose result is not resize followed by normalise."""
    import torch

    noise = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    try:
        expected = preprocessor.processor(Image.fromarray(noise), return_tensors="np")
        resized = torch.from_numpy(preprocessor.resize(noise))[None]
        difference = np.abs(
            preprocessor.normalize(resized).numpy() - expected["pixel_values"]
        ).max()
    except (ImageError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"the preprocessing of {path} is not supported: {error}") from None
    if difference > 0.02:
        raise CheckpointError(
            f"the preprocessing of {path} ({preprocessor.config.get('image_processor_type')}) is "
            "not supported: it is not resizing followed by normalising"
        )


def _center_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of `image`, padded with black where it is too small, as transformers does."""
    rows, columns = image.shape[:2]
    top, left = (rows - height) // 2, (columns - width) // 2
    if top >= 0 and left >= 0:
        return image[top : top + height, left : left + width]
    new_rows, new_columns = max(height, rows), max(width, columns)
    padded = np.zeros((new_rows, new_columns, image.shape[2]), image.dtype)
    pad_top, pad_left = -((rows - new_rows) // 2), -((columns - new_columns) // 2)
    padded[pad_top : pad_top + rows, pad_left : pad_left + columns] = image
    top, left = max(0, top + pad_top), max(0, left + pad_left)
    return padded[top : top + height, left : left + width]
