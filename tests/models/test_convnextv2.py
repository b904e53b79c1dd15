"""ConvNeXt V2: its classifiers are tested with the other families; here is what else it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from one_step import fine_tune_once
from pictures import noise
from PIL import Image

from tintype.errors import UsageError
from tintype.scoring import Scorer

IMAGES = [noise(40 + 9 * n, 80 - 7 * n, seed=n) for n in range(4)]


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_embeddings_are_the_pooled_map(tmp_path: Path, runtime: str) -> None:
    from transformers import AutoImageProcessor, AutoModel

    folder = write_checkpoint(tmp_path, "convnextv2")
    processor = AutoImageProcessor.from_pretrained(folder)
    inputs = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder).eval()(**inputs).pooler_output.numpy()
    scorer = Scorer.load(folder, task="embeddings", runtime=runtime, precision="fp32")
    found = np.stack([embedding.features for embedding in scorer.predict(IMAGES)])
    assert found.shape == (4, 32)
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "full", "training_crop_size": 64, "layers_to_freeze": 2},
        {"method": "head"},
        {"method": "head", "pooling": "mean"},
    ],
)
def test_fine_tuning(tmp_path: Path, parameters: dict[str, Any]) -> None:
    folder = write_checkpoint(tmp_path / "source", "convnextv2")
    result = fine_tune_once(folder, tmp_path, **parameters)
    scorer = Scorer.load(result.model_folder)
    assert scorer.classes == ("level", "upright")
    assert np.isfinite([p.probs for p in scorer.predict(IMAGES)]).all()


def test_lora_has_nothing_to_adapt(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "source", "convnextv2")
    with pytest.raises(UsageError, match="'convnextv2' has none"):
        fine_tune_once(folder, tmp_path, method="lora")


def test_int8_is_calibrated_as_a_convolutional_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nncf

    asked: list[Any] = []
    quantize = nncf.quantize

    def note(*arguments: Any, **options: Any) -> Any:
        asked.append(options["model_type"])
        return quantize(*arguments, **options)

    monkeypatch.setattr(nncf, "quantize", note)
    own = [noise(40, 50, seed=100 + n) for n in range(16)]
    scorer = Scorer.load(
        write_checkpoint(tmp_path, "convnextv2"),
        precision="int8",
        runtime="openvino",
        calibration=own,
        min_agreement=0.0,
    )
    assert asked == [None]
    assert scorer.choice.precision == "int8"
    assert len(scorer.predict(IMAGES)) == 4
