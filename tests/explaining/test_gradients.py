"""White box: against Captum, the `saliency` package and the papers' own steps, each called by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import FAMILIES, write_checkpoint, write_clip
from pictures import noise
from siglip import write_siglip

import tintype
from tintype.explaining.methods import valid_methods
from tintype.models.checkpoint import resolve_checkpoint

IMAGE = noise(40, 50, seed=1)
LABELS = ("can", "carton", "jug")


class Logits(torch.nn.Module):
    """A model of transformers as Captum takes it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values=pixel_values).logits


def by_hand(folder: Path, **loading: Any) -> tuple[Logits, torch.Tensor]:
    """transformers' own model and the image as its own processor makes it."""
    import transformers

    model = transformers.AutoModelForImageClassification.from_pretrained(folder, **loading).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    values = processor(torch.from_numpy(IMAGE).numpy(), return_tensors="pt")["pixel_values"]
    return Logits(model), values


def ours(folder: Path, method: str, **options: Any) -> tuple[np.ndarray, int]:
    """Attributions (3, h, w), and the class that they explain."""
    found = tintype.Scorer.load(folder).explain([IMAGE], method=method, **options)[0]
    return found.attributions[0].values, LABELS.index(found.attributions[0].label)


@pytest.mark.parametrize("approximation", ["riemann_middle", "gausslegendre"])
@pytest.mark.parametrize("family", ["vit", "resnet", "swin"])
def test_integrated_gradients_equal_captums(
    tmp_path: Path, family: str, approximation: str
) -> None:
    from captum.attr import IntegratedGradients

    folder = write_checkpoint(tmp_path, family)
    found, label = ours(
        folder,
        "integrated_gradients",
        n_steps=12,
        approximation_method=approximation,
        batch_size=5,
    )
    model, values = by_hand(folder)
    expected = IntegratedGradients(model).attribute(
        values, target=label, n_steps=12, method=approximation
    )
    assert np.abs(found - expected[0].detach().numpy()).max() < 1e-4
    assert np.abs(found).max() > 1e-2


def test_integrated_gradients_add_up_to_the_difference_of_logits(vit_checkpoint: Path) -> None:
    found, label = ours(vit_checkpoint, "integrated_gradients", n_steps=200)
    model, values = by_hand(vit_checkpoint)
    with torch.no_grad():
        difference = (model(values) - model(torch.zeros_like(values)))[0, label]
    assert found.sum() == pytest.approx(float(difference), abs=1e-2)


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_guided_methods_equal_captums_where_activations_are_relu(tmp_path: Path) -> None:
    from captum.attr import GuidedBackprop, LayerAttribution, LayerGradCam

    folder = write_checkpoint(tmp_path, "resnet")
    model, values = by_hand(folder)
    found, label = ours(folder, "guided_backprop")
    expected = GuidedBackprop(model).attribute(values.clone(), target=label)
    assert np.abs(found - expected[0].numpy()).max() < 1e-4
    assert np.abs(found).max() > 1e-3
    layer = model.model.resnet.encoder.stages[-1]
    heat = LayerGradCam(model, layer).attribute(values, target=label, relu_attributions=True)
    heat = LayerAttribution.interpolate(heat, values.shape[2:], "bilinear")
    found, _ = ours(folder, "guided_gradcam")
    assert np.abs(found - (heat * expected)[0].detach().numpy()).max() < 1e-4
    assert np.abs(found).max() > 1e-4


@pytest.mark.parametrize("family", ["efficientnet_lite", "mobilenet_v2", "convnextv2", "vit"])
def test_activations_beyond_relu_are_guided_too(tmp_path: Path, family: str) -> None:
    folder = write_checkpoint(tmp_path, family)
    found, label = ours(folder, "guided_backprop")
    model, values = by_hand(folder)
    values.requires_grad_()
    (plain,) = torch.autograd.grad(model(values)[0, label], values)
    assert np.abs(found - plain[0].numpy()).max() > 1e-4


@pytest.mark.parametrize(("fast", "algorithm"), [(True, "fast"), (False, "full")])
def test_xrai_equals_the_saliency_packages(
    vit_checkpoint: Path, fast: bool, algorithm: str
) -> None:
    from saliency.core import XRAI, XRAIParameters

    found, label = ours(vit_checkpoint, "xrai", n_steps=6, xrai_fast=fast, batch_size=4)
    model, values = by_hand(vit_checkpoint)

    def gradients(images: np.ndarray, call_model_args: Any, expected_keys: Any) -> dict[str, Any]:
        inputs = torch.from_numpy(images).float().permute(0, 3, 1, 2).requires_grad_()
        (found,) = torch.autograd.grad(model(inputs)[:, label].sum(), inputs)
        return {expected_keys[0]: found.permute(0, 2, 3, 1).numpy()}

    expected = XRAI().GetMask(
        values[0].permute(1, 2, 0).numpy(),
        gradients,
        batch_size=1,
        extra_parameters=XRAIParameters(steps=6, algorithm=algorithm),
    )
    assert np.abs(found.sum(0) - expected).max() < 1e-4
    assert len(np.unique(found[0])) > 1
    assert (found[0] == found[2]).all()


def relevance_by_matrices(folder: Path, label: int, *, rollout: bool) -> np.ndarray:
    """Of the patches for [CLS], with the whole matrix as the papers write it."""
    model, values = by_hand(folder, attn_implementation="eager")
    outputs = model.model(pixel_values=values.requires_grad_(), output_attentions=True)
    gradients = torch.autograd.grad(outputs.logits[0, label], outputs.attentions)
    tokens = outputs.attentions[0].shape[-1]
    matrix = torch.eye(tokens)
    for weights, gradient in zip(outputs.attentions, gradients, strict=True):
        if rollout:
            mixed = 0.5 * weights[0].mean(0) + 0.5 * torch.eye(tokens)
            matrix = mixed @ matrix
        else:
            matrix = matrix + (weights * gradient)[0].clamp(min=0).mean(0) @ matrix
    return matrix[0, 1:].detach().numpy()


@pytest.mark.parametrize("method", ["attention", "attention_rollout"])
def test_attention_follows_the_papers_matrices(vit_checkpoint: Path, method: str) -> None:
    found, label = ours(vit_checkpoint, method)
    expected = relevance_by_matrices(vit_checkpoint, label, rollout=method != "attention")
    patches = torch.from_numpy(expected).view(1, 1, 4, 4)
    enlarged = torch.nn.functional.interpolate(patches, (32, 32), mode="bilinear")[0, 0].numpy()
    assert np.abs(found.sum(0) - enlarged).max() < 1e-6
    assert enlarged.std() > 1e-5


def test_attention_is_seen_where_fused_kernels_hide_it_and_they_come_back(
    vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype.explaining.gradient_network._MOST_PATCHES_STEP_BY_STEP", 3)
    scorer = tintype.Scorer.load(vit_checkpoint)
    before = scorer.predict([IMAGE])[0].probs
    scorer.explain([IMAGE], method="attention")
    model = scorer.explainer._network.network.model
    assert model.config._attn_implementation == "sdpa"
    assert not any(module._forward_hooks for module in model.modules())
    assert (scorer.predict([IMAGE])[0].probs == before).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_valid_method_explains_every_family(tmp_path: Path, family: str) -> None:
    folder = write_checkpoint(tmp_path, family)
    scorer = tintype.Scorer.load(folder)
    for method in valid_methods(resolve_checkpoint(str(folder))):
        if method.name == "xrai":
            continue  # as slow for a small image; above
        found = scorer.explain([IMAGE], method=method.name, n_steps=2, masks=8, batch_size=8)[0]
        values = found.attributions[0].values
        assert (values.shape, values.dtype) == ((3, 32, 32), np.float32)
        assert np.isfinite(values).all() and np.ptp(values) > 0, method.name


@pytest.mark.parametrize("method", ["attention", "attention_rollout"])
def test_attention_of_siglip_goes_through_its_pooling(tmp_path: Path, method: str) -> None:
    scorer = tintype.Scorer.load(write_siglip(tmp_path, version=2))
    found = scorer.explain([IMAGE], method=method, labels=["a cat", "a dog"])[0]
    assert found.attributions[0].map.shape == (32, 32)
    assert found.attributions[0].map.min() >= 0 and np.ptp(found.attributions[0].map) > 0


@pytest.mark.parametrize(
    ("family", "method"),
    [
        ("vit", "integrated_gradients"),
        ("vit", "attention"),
        ("resnet", "guided_backprop"),
        ("resnet", "guided_gradcam"),
        ("resnet", "occlusion"),
        ("resnet", "rise"),
    ],
)
def test_randomised_weights_change_the_map(tmp_path: Path, family: str, method: str) -> None:
    """The sanity check of Adebayo et al. 2018: a map that weights do not change explains no model."""
    folder = write_checkpoint(tmp_path / "trained", family)
    other = write_checkpoint(tmp_path / "randomised", family)
    import safetensors.torch

    weights = safetensors.torch.load_file(other / "model.safetensors")
    generator = torch.Generator().manual_seed(1)
    for tensor in weights.values():
        if tensor.ndim > 1:
            tensor.copy_(
                tensor.flatten()[torch.randperm(tensor.numel(), generator=generator)].view_as(
                    tensor
                )
            )
    safetensors.torch.save_file(weights, other / "model.safetensors", {"format": "pt"})
    maps = [
        tintype.Scorer.load(each)
        .explain([IMAGE], method=method, target="can", masks=200, n_steps=8)[0]
        .attributions[0]
        .map.ravel()
        for each in (folder, other, folder)
    ]
    assert np.corrcoef(maps[0], maps[2])[0, 1] == pytest.approx(1)
    assert abs(np.corrcoef(maps[0], maps[1])[0, 1]) < 0.9


def test_gradients_of_a_graph_runtime_come_from_a_copy_in_torch(vit_checkpoint: Path) -> None:
    expected, _ = ours(vit_checkpoint, "integrated_gradients", n_steps=4)
    scorer = tintype.Scorer.load(vit_checkpoint, runtime="onnxruntime")
    found = scorer.explain([IMAGE], method="integrated_gradients", n_steps=4)[0]
    assert np.abs(found.attributions[0].values - expected).max() < 1e-4
    assert json.dumps(scorer.describe())


def test_clip_towers_take_texts_and_pictures(tmp_path: Path) -> None:
    folder = write_clip(tmp_path)
    other = noise(44, 44, seed=7)
    scorer = tintype.Scorer.load(folder, task="embeddings")
    picture = scorer.explain([IMAGE], method="integrated_gradients", like=other, n_steps=300)[0]
    features = np.stack([each.features for each in scorer.predict([IMAGE, other])])
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    found = picture.attributions[0]
    assert found.label == "picture"
    assert found.confidence == pytest.approx(float(features[0] @ features[1]), abs=1e-5)
    text = scorer.explain([IMAGE], method="attention", texts=["a cat", "a red dog"])[0]
    assert [each.label for each in text.attributions] == ["a cat", "a red dog"]
    assert not np.allclose(text.attributions[0].map, text.attributions[1].map)


@pytest.mark.parametrize("method", ["guided_backprop", "integrated_gradients"])
def test_a_map_is_of_the_sizes_of_gradients_and_of_what_speaks_for_and_against(
    vit_checkpoint: Path, method: str
) -> None:
    (found,) = tintype.Scorer.load(vit_checkpoint).explain([IMAGE], method=method, n_steps=4)
    values = found.attributions[0].values
    assert values.min() < 0 < values.max()
    expected = np.abs(values) if method == "guided_backprop" else values
    assert (found.attributions[0].map == expected.sum(0)).all()
