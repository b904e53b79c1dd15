"""The published sizes, with random weights, against transformers; `./run test -m slow`.

Bounds: fp32 within 1e-4 of transformers' logits or features (relative to the largest of them),
bf16 a mean cosine of 0.995, int8 (calibrated on 48 images) of 0.98.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import noise
from PIL import Image
from published import PUBLISHED, count_published, write_published

from tintype.models.runtimes.agreement import BOUNDS, compare_outputs
from tintype.scoring import Scorer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# One of each family and each input size; their larger kin differ by numbers alone.
NAMES = [
    "microsoft/beit-base-patch16-224-pt22k-ft22k",
    "google/vit-base-patch16-224",
    "facebook/deit-base-patch16-224",
    "microsoft/swinv2-base-patch4-window12-192-22k",
    "facebook/dinov2-base",
    "facebook/dinov2-base-imagenet1k-1-layer",
    "facebook/dinov3-vitb16-pretrain-lvd1689m",
    "facebook/dinov3-convnext-tiny-pretrain-lvd1689m",
    "openai/clip-vit-base-patch32",
    "google/siglip-base-patch16-224",
    "microsoft/resnet-50",
    "facebook/convnextv2-tiny-22k-224",
    "google/mobilenet_v2_1.0_224",
]
IMAGES = [noise(300 + 20 * n, 420 - 15 * n, seed=n) for n in range(4)]


def outputs_of_transformers(folder: Path, name: str) -> np.ndarray:
    import transformers

    kind: Any = getattr(transformers, PUBLISHED[name][2])
    if name.startswith("openai/clip"):
        kind = transformers.CLIPVisionModelWithProjection
    if name.startswith("google/siglip"):
        kind = transformers.SiglipVisionModel
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    inputs = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    if hasattr(outputs, "logits"):
        return outputs.logits.numpy()
    if hasattr(outputs, "image_embeds"):
        return outputs.image_embeds.numpy()
    if name.startswith("google/siglip"):
        return outputs.pooler_output.numpy()
    return outputs.last_hidden_state[:, 0].numpy()


@pytest.mark.parametrize("name", NAMES)
def test_full_size_in_every_runtime(tmp_path: Path, name: str) -> None:
    folder = write_published(name, tmp_path / "model")
    expected = outputs_of_transformers(folder, name)
    both = name.startswith(("openai/clip", "google/siglip"))
    task = "embeddings" if both else None
    pixels = None
    for runtime, precision in (
        ("torch", "fp32"),
        ("openvino", "fp32"),
        ("onnxruntime", "fp32"),
        ("torch", "bf16"),
        ("openvino", "bf16"),
        ("openvino", "int8"),
    ):
        own = [noise(240, 320, seed=50 + n) for n in range(48)] if precision == "int8" else None
        scorer = Scorer.load(
            folder,
            task=task,
            runtime=runtime,
            precision=precision,
            calibration=own,
            min_agreement=0.0 if own else None,
        )
        if pixels is None:
            pixels = np.stack([scorer.preprocessor.resize(image) for image in IMAGES])
        found = scorer.run(pixels)
        if precision == "fp32":
            assert np.abs(found - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max()), (
                runtime
            )
        else:
            bound = 0.98 if precision == "int8" else BOUNDS[precision]
            agreement = compare_outputs(expected, found)
            assert agreement.cosine >= bound, (runtime, precision, agreement)


def test_the_giant_answers_in_little_memory(tmp_path: Path) -> None:
    name = "facebook/dinov2-giant"
    folder = write_published(name, tmp_path / "giant")
    script = (
        "import re, sys, numpy as np; from tintype.scoring import Scorer; "
        # Not getrusage: its peak outlives exec, so it would be that of the process that wrote the model.
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024; "
        "scorer = Scorer.load(sys.argv[1], precision='bf16', runtime='auto'); loaded = peak(); "
        "features = scorer.predict([np.zeros((300, 400, 3), np.uint8)])[0].features; "
        "print(loaded, peak(), len(features), np.isfinite(features).all())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
    )
    loaded, answered, numbers, finite = answer.stdout.split()
    weights = count_published(name) * 2 / 2**20
    # The whole process counts, with the 370 MB that Python, torch and transformers take.
    assert float(loaded) <= 1.2 * weights
    assert float(answered) <= 1.22 * weights
    assert (numbers, finite) == ("1536", "True")
