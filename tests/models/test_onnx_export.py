from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import noise

from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.model_folder import write_model_folder
from tintype.models.onnx_export import export_onnx
from tintype.scoring import Scorer


@pytest.mark.parametrize("family", ["vit", "beit", "dinov2", "swin", "resnet", "convnext"])
def test_onnx_agrees_with_the_scorer(tmp_path: Path, family: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    multilabel = family == "beit"
    checkpoint = resolve_checkpoint(
        str(write_checkpoint(tmp_path / "source", family, multilabel=multilabel))
    )
    folder = write_model_folder(
        tmp_path / "folder",
        model=load_classifier(checkpoint),
        preprocessor=Preprocessor.from_folder(checkpoint.folder),
        task="image_classification_multilabel" if multilabel else "image_classification",
        classes=("can", "carton", "jug"),
        card={},
    )
    path = export_onnx(folder.path, tmp_path / "onnx")
    scorer = Scorer.load(folder.path)
    images = [noise(50, 60, seed=n) for n in range(3)]
    pixels = np.stack([scorer.preprocessor.resize(image) for image in images])
    session = onnxruntime.InferenceSession(str(path))
    found = session.run(["probs"], {"image": pixels.transpose(0, 3, 1, 2).astype(np.float32)})[0]
    expected = np.stack([prediction.probs for prediction in scorer.predict(images)])
    assert np.abs(found - expected).max() < 1e-4
    assert json.loads((path.parent / "labels.json").read_text()) == ["can", "carton", "jug"]
    description = json.loads((path.parent / "preprocessing.json").read_text())
    assert description["largest_difference_from_torch"] < 1e-3
