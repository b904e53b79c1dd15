"""Every family in every runtime, against transformers' own processor and model.

Bounds: fp32 within 1e-4 of transformers; bf16 a mean cosine of at least 0.995, int8 of 0.98.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import FAMILIES, write_checkpoint
from pictures import noise
from PIL import Image

from tintype.errors import AgreementError, CheckpointError, MissingExtraError, UsageError
from tintype.models.runtimes.agreement import BOUNDS, compare_outputs
from tintype.models.runtimes.choice import choose_runtime
from tintype.models.runtimes.graph_folder import graph_folder_for
from tintype.scoring import Scorer

IMAGES = [noise(40 + 7 * n, 90 - 9 * n, seed=n) for n in range(5)]


def logits_of(folder: Path) -> np.ndarray:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    processor = AutoImageProcessor.from_pretrained(folder)
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    inputs = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.no_grad():
        return model(**inputs).logits.numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(-1).numpy()


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
@pytest.mark.parametrize("family", FAMILIES)
def test_fp32_equals_transformers(tmp_path: Path, family: str, runtime: str) -> None:
    folder = write_checkpoint(tmp_path, family)
    scorer = Scorer.load(folder, runtime=runtime, precision="fp32")
    found = np.stack([prediction.probs for prediction in scorer.predict(IMAGES)])
    assert np.abs(found - softmax(logits_of(folder))).max() < 1e-4
    assert scorer.exact


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compiled_torch_equals_transformers(vit_checkpoint: Path) -> None:
    scorer = Scorer.load(vit_checkpoint, runtime="torch-compile", precision="fp32")
    assert scorer.choice.runtime == "torch-compile"
    found = np.stack([prediction.probs for prediction in scorer.predict(IMAGES)])
    assert np.abs(found - softmax(logits_of(vit_checkpoint))).max() < 1e-4
    assert len(scorer.predict(IMAGES[:1])) == 1


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_stays_within_its_bound(tmp_path: Path, family: str, runtime: str) -> None:
    folder = write_checkpoint(tmp_path, family)
    scorer = Scorer.load(folder, runtime=runtime, precision="bf16")
    pixels = np.stack([scorer.preprocessor.resize(image) for image in IMAGES])
    found, expected = scorer.run(pixels), logits_of(folder)
    agreement = compare_outputs(expected, found)
    assert agreement.cosine >= BOUNDS["bf16"]
    assert agreement.top1 == 1.0
    assert (found != expected).any(), "that was fp32"
    assert scorer.agreement is not None
    assert scorer.agreement.cosine >= BOUNDS["bf16"]


def test_auto_takes_openvino_and_says_why(vit_checkpoint: Path) -> None:
    scorer = Scorer.load(vit_checkpoint, runtime="auto", precision="auto")
    shown = scorer.describe()
    assert shown["runtime"] == "openvino"
    assert shown["precision"] in ("fp32", "bf16")
    assert "OpenVINO is the fastest" in shown["reason"]
    assert shown["agreement"]["cosine"] > 0.99


def test_auto_without_openvino_is_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    choice = choose_runtime("auto", "fp32", "cpu")
    assert choice.runtime == "torch"
    assert "tintype[openvino]" in choice.reason
    with pytest.raises(MissingExtraError, match="openvino"):
        choose_runtime("openvino", "fp32", "cpu")


def test_a_very_large_model_is_not_held_twice() -> None:
    assert choose_runtime("auto", "bf16", "cpu", parameters=1_136_480_768).runtime == "torch"
    assert choose_runtime("auto", "bf16", "cpu", parameters=427_616_513).runtime == "openvino"


@pytest.mark.parametrize(
    ("runtime", "precision", "message"),
    [
        ("tensorrt", "auto", "expected auto, torch, torch-compile, openvino, onnxruntime"),
        ("auto", "fp8", "expected auto, fp32, bf16, int8"),
        ("torch", "int8", "needs the runtime openvino"),
        ("onnxruntime", "bf16", "no bf16"),
    ],
)
def test_choices_that_do_not_exist(runtime: str, precision: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose_runtime(runtime, precision, "cpu")


def test_a_second_start_needs_neither_torch_models_nor_transformers(vit_checkpoint: Path) -> None:
    import os
    import subprocess
    import sys

    expected = Scorer.load(vit_checkpoint, runtime="openvino", precision="fp32").predict(IMAGES)
    script = (
        "import sys, numpy as np; from tintype.scoring import Scorer; "
        f"s = Scorer.load({str(vit_checkpoint)!r}, runtime='openvino', precision='fp32'); "
        "p = s.predict([np.zeros((40, 50, 3), np.uint8)]); "
        "print('transformers' in sys.modules, len(p[0].probs))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ, check=True
    )
    assert answer.stdout.split() == ["False", "3"]
    again = Scorer.load(vit_checkpoint, runtime="openvino", precision="fp32").predict(IMAGES)
    for first, second in zip(expected, again, strict=True):
        assert (first.probs == second.probs).all()


def test_the_cache_goes_by_content(vit_checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from tintype.models.checkpoint import resolve_checkpoint

    before = graph_folder_for(resolve_checkpoint(str(vit_checkpoint)), "logits", "openvino").path
    first = Scorer.load(vit_checkpoint, runtime="openvino", precision="fp32").predict(IMAGES)
    weights = load_file(vit_checkpoint / "model.safetensors")
    weights["classifier.bias"] += 1.0 * torch.arange(3)
    save_file(weights, vit_checkpoint / "model.safetensors", {"format": "pt"})
    after = graph_folder_for(resolve_checkpoint(str(vit_checkpoint)), "logits", "openvino").path
    assert before != after
    second = Scorer.load(vit_checkpoint, runtime="openvino", precision="fp32").predict(IMAGES)
    assert np.abs(first[0].probs - second[0].probs).max() > 0.01
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in vit_checkpoint.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert graph_folder_for(resolve_checkpoint(str(copy)), "logits", "openvino").path == after


def test_a_damaged_graph_is_a_typed_error(vit_checkpoint: Path) -> None:
    from tintype.models.checkpoint import resolve_checkpoint

    Scorer.load(vit_checkpoint, runtime="openvino", precision="fp32")
    folder = graph_folder_for(resolve_checkpoint(str(vit_checkpoint)), "logits", "openvino").path
    (folder / "image.xml").write_text("<net")
    with pytest.raises(CheckpointError, match="cannot be used"):
        Scorer.load(vit_checkpoint, runtime="openvino", precision="fp32")


def test_bf16_that_strays_falls_back_to_fp32(
    vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BOUNDS, "bf16", 1.5)
    monkeypatch.setattr("tintype.models.runtimes.choice.has_fast_bf16", lambda device: True)
    for runtime in ("torch", "openvino"):
        scorer = Scorer.load(vit_checkpoint, runtime=runtime, precision="auto")
        assert scorer.choice.precision == "fp32"
        assert "fp32 instead" in scorer.choice.reason
        asked_for = Scorer.load(vit_checkpoint, runtime=runtime, precision="bf16")
        assert asked_for.choice.precision == "bf16"


def test_int8_on_the_users_own_images(tmp_path: Path) -> None:
    # Wide enough that eight bits are enough: the reduced size of other tests is not.
    folder = write_checkpoint(tmp_path / "vit", "vit")
    own = [noise(60, 70, seed=100 + n) for n in range(24)]
    with pytest.raises(UsageError, match="needs a few hundred of your own images"):
        Scorer.load(folder, precision="int8", runtime="auto")
    with pytest.raises(UsageError, match="at least 8"):
        Scorer.load(folder, precision="int8", runtime="auto", calibration=own[:3])
    scorer = Scorer.load(
        folder, precision="int8", runtime="auto", calibration=own, min_agreement=0.8
    )
    assert scorer.choice.precision == "int8"
    pixels = np.stack([scorer.preprocessor.resize(image) for image in IMAGES])
    assert compare_outputs(logits_of(folder), scorer.run(pixels)).cosine > 0.98
    # Found again without images, unless more is asked of it than it gives.
    again = Scorer.load(folder, precision="int8", runtime="auto", min_agreement=0.8)
    # What was accepted when it was made holds for those who name no bound.
    Scorer.load(folder, precision="int8", runtime="auto")
    assert (again.run(pixels) == scorer.run(pixels)).all()
    with pytest.raises(AgreementError, match="strays too far"):
        Scorer.load(folder, precision="int8", runtime="auto", min_agreement=1.01)


def test_int8_is_refused_and_not_kept(vit_checkpoint: Path) -> None:
    own = [noise(60, 70, seed=100 + n) for n in range(12)]
    with pytest.raises(AgreementError, match=r"keep their top label, the bound is 1\.5"):
        Scorer.load(
            vit_checkpoint, precision="int8", runtime="auto", calibration=own, min_agreement=1.5
        )
    with pytest.raises(UsageError, match="needs a few hundred"):
        Scorer.load(vit_checkpoint, precision="int8", runtime="auto")


def test_outputs_that_are_not_finite_never_agree() -> None:
    agreement = compare_outputs(np.ones((2, 3)), np.array([[1, 1, np.nan], [1, 1, 1]]))
    assert agreement.cosine == -1.0
