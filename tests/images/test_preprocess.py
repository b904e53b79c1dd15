from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import ARCHITECTURES, FAMILIES
from pictures import noise
from PIL import Image

from tintype.errors import CheckpointError, ImageError, ImageTooLarge
from tintype.images.preprocess import Preprocessor

SIZES = [(50, 70), (70, 50), (33, 31), (1, 1), (1, 9), (300, 40), (32, 32), (375, 500)]


def save_processor(folder: Path, family: str) -> Path:
    import transformers

    ARCHITECTURES[family][3](transformers).save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": family}))
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_pixel_values_equal_transformers(tmp_path: Path, family: str) -> None:
    from transformers import AutoImageProcessor

    folder = save_processor(tmp_path, family)
    ours, theirs = Preprocessor.from_folder(folder), AutoImageProcessor.from_pretrained(folder)
    assert ours.processor is None, "should need no processor of transformers' own"
    for height, width in SIZES:
        image = noise(height, width, seed=height)
        resized = torch.from_numpy(ours.resize(image).copy())[None]
        expected = theirs(Image.fromarray(image), return_tensors="np")["pixel_values"]
        assert np.abs(ours.normalize(resized).numpy() - expected).max() < 1e-6, (height, width)


@pytest.mark.parametrize("name", ["EfficientNetImageProcessor", "LevitImageProcessor"])
def test_other_processors_run_as_they_are(tmp_path: Path, name: str) -> None:
    import transformers

    processor = getattr(transformers, name)(size={"height": 32, "width": 32})
    processor.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "efficientnet"}))
    ours = Preprocessor.from_folder(tmp_path)
    image = noise(60, 80)
    expected = processor(Image.fromarray(image), return_tensors="np")["pixel_values"]
    resized = torch.from_numpy(ours.resize(image).copy())[None]
    assert np.abs(ours.normalize(resized).numpy() - expected).max() < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_another_size_survives_saving(tmp_path: Path, family: str) -> None:
    resized = Preprocessor.from_folder(save_processor(tmp_path, family)).with_size(48, 48)
    assert resized.resize(noise(61, 90)).shape == (48, 48, 3)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(resized.to_config()))
    again = Preprocessor.from_folder(tmp_path)
    assert again.input_size == (48, 48)
    assert np.array_equal(again.resize(noise(61, 90)), resized.resize(noise(61, 90)))


def test_elongated_images_do_not_fill_the_memory(tmp_path: Path) -> None:
    import transformers

    transformers.BitImageProcessor().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dinov2"}))
    with pytest.raises(ImageTooLarge, match="elongated"):
        Preprocessor.from_folder(tmp_path).resize(np.zeros((1, 60_000, 3), np.uint8))


def test_a_checkpoint_without_processor_says_how_to_add_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="save the processor"):
        Preprocessor.from_folder(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot read"):
        Preprocessor.from_folder(tmp_path)


def test_arrays_of_other_shapes_are_refused(tmp_path: Path) -> None:
    from tintype.images.loading import pixels_of

    preprocessor = Preprocessor.from_folder(save_processor(tmp_path, "vit"))
    for wrong in (np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ImageError, match="expected uint8"):
            pixels_of(wrong, preprocessor)
