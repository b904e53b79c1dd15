from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import write_checkpoint, write_clip
from siglip import write_siglip
from torch import nn

from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import head_of, load_classifier
from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.finetuning import FinetuningParameters
from tintype.training.adaptation import add_lora, freeze_layers, layer_scales
from tintype.training.optimizers import make_optimizer, make_schedule
from tintype.training.plan import TrainingPlan, make_plan

# Names of what each of the tests' checkpoints consists of, in the order an image passes it: what
# stands in the first has the lowest rate.
FAMILIES = {
    "vit": ["embeddings", "layers.0.", "layers.1."],
    "beit": ["embeddings", "layers.0.", "layers.1."],
    "deit": ["embeddings", "layers.0.", "layers.1."],
    "dinov2": ["embeddings", "layer.0.", "layer.1."],
    "swin": ["embeddings", "layers.0.", "layers.1."],
    "resnet": ["embedder.", "stages.0.", "stages.1."],
    "convnext": ["embeddings", "stages.0.", "stages.1.", "stages.2.", "stages.3."],
    "convnextv2": ["embeddings", "stages.0.", "stages.1.", "stages.2.", "stages.3."],
    "mobilenet_v2": [
        "first_conv.",
        "conv_stem.",
        *(f"layer.{n}." for n in range(16)),
        "conv_1x1.",
    ],
    "efficientnet_lite": ["stem", *(f"blocks.{n}." for n in range(8))],
}


def classifier(folder: Path, family: str) -> Any:
    return load_classifier(resolve_checkpoint(str(write_checkpoint(folder / family, family))))


def plan(**parameters: object) -> TrainingPlan:
    return make_plan(
        FinetuningParameters.model_validate(parameters),
        task="image_classification",
        rows=100,
        from_scratch=False,
        model_parameters=1_000,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_rate_for_each_block(tmp_path: Path, family: str) -> None:
    model = classifier(tmp_path, family)
    names = FAMILIES[family]
    scales = layer_scales(model, 0.5)
    named = dict(model.named_parameters())
    assert len(scales) == len(named)
    for name, parameter in named.items():
        places = [place for place, part in enumerate(names) if part in name]
        expected = 0.5 ** (len(names) - places[0]) if places else 1.0
        assert scales[id(parameter)] == expected, name
    for parameter in head_of(model).parameters():
        assert scales[id(parameter)] == 1


@pytest.mark.parametrize("write", [write_clip, write_siglip])
def test_image_towers_have_their_embeddings_first(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    checkpoint = resolve_checkpoint(str(write(tmp_path / "tower")))
    model: Any = load_classifier(checkpoint, task="image_classification", classes=("a", "b"))
    scales = layer_scales(model, 0.5)
    names = ["embeddings", "layers.0.", "layers.1."]
    for name, parameter in model.named_parameters():
        places = [place for place, part in enumerate(names) if part in name]
        # CLIP normalises between its embeddings and its first block.
        first = 0 if "pre_layrnorm" in name else None
        place = places[0] if places else first
        assert scales[id(parameter)] == (1.0 if place is None else 0.5 ** (3 - place)), name
    freeze_layers(model, 1)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen
    assert all(".embeddings." in name for name in frozen)


def test_blocks_count_through_stages(tmp_path: Path) -> None:
    from transformers import ConvNextConfig, ConvNextForImageClassification, SwinConfig
    from transformers import SwinForImageClassification as Swin

    model: Any = ConvNextForImageClassification(
        ConvNextConfig(depths=[1, 2, 3, 1], hidden_sizes=[4, 4, 8, 8])
    )
    scales = layer_scales(model, 0.5)
    depths = {name: scales[id(p)] for name, p in model.named_parameters()}
    stage = "convnext.encoder.stages"
    # Stem 0, blocks 1 to 7, head 8: a downsampling goes with the block after it.
    assert depths["convnext.embeddings.patch_embeddings.weight"] == 0.5**8
    assert depths[f"{stage}.0.layers.0.dwconv.weight"] == 0.5**7
    assert depths[f"{stage}.1.downsampling_layer.1.weight"] == 0.5**6
    assert depths[f"{stage}.1.layers.1.dwconv.weight"] == 0.5**5
    assert depths[f"{stage}.3.layers.0.dwconv.weight"] == 0.5
    assert depths["convnext.layernorm.weight"] == depths["classifier.weight"] == 1
    swin: Any = Swin(
        SwinConfig(
            image_size=32, patch_size=4, embed_dim=8, depths=[2, 1], num_heads=[1, 1], window_size=4
        )
    )
    scales = layer_scales(swin, 0.5)
    depths = {name: scales[id(p)] for name, p in swin.named_parameters()}
    # In Swin it goes with the block before it.
    assert depths["swin.encoder.layers.0.downsample.reduction.weight"] == 0.5**2
    assert depths["swin.encoder.layers.1.blocks.0.layernorm_before.weight"] == 0.5


class _Timm(nn.Module):
    """Stands for transformers' wrapper of a network of timm's."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.timm_model = network

    @property
    def base_model(self) -> nn.Module:
        return self


def _named(**modules: nn.Module) -> nn.Module:
    network = nn.Module()
    for name, module in modules.items():
        network.add_module(name, module)
    return network


def _linears(count: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(2, 2) for _ in range(count)))


def test_networks_named_as_timms() -> None:
    vit = _named(patch_embed=nn.Linear(2, 2), blocks=_linears(3), norm=nn.LayerNorm(2))
    vit.cls_token = nn.Parameter(torch.zeros(1))
    vit.head = nn.Linear(2, 2)
    resnet = _named(
        conv1=nn.Linear(2, 2),
        bn1=nn.LayerNorm(2),
        layer1=_linears(2),
        layer2=_linears(1),
        fc=nn.Linear(2, 2),
    )
    efficientnet = _named(
        conv_stem=nn.Linear(2, 2),
        bn1=nn.LayerNorm(2),
        blocks=nn.Sequential(_linears(1), _linears(2)),
        conv_head=nn.Linear(2, 2),
        classifier=nn.Linear(2, 2),
    )
    depths = {
        "patch_embed": 0,
        "cls_token": 0,
        "blocks.0": 1,
        "blocks.2": 3,
        "norm": 4,
        "head": 4,
    }
    in_stages = {
        "conv1": 0,
        "bn1": 0,
        "layer1.0": 1,
        "layer1.1": 2,
        "layer2.0": 3,
        "fc": 4,
    }
    in_rows = {
        "conv_stem": 0,
        "bn1": 0,
        "blocks.0.0": 1,
        "blocks.1.0": 2,
        "blocks.1.1": 3,
        "conv_head": 4,
        "classifier": 4,
    }
    for network, expected in ((vit, depths), (resnet, in_stages), (efficientnet, in_rows)):
        scales = layer_scales(_Timm(network), 0.5)
        for name, parameter in network.named_parameters():
            part = next((part for part in expected if name.startswith(part)), None)
            if part is not None:
                assert scales[id(parameter)] == 0.5 ** (4 - expected[part]), name


def test_the_optimizer_moves_each_layer_at_its_rate(tmp_path: Path) -> None:
    model = classifier(tmp_path, "vit")
    chosen = plan(
        layer_wise_lr_decay=0.5, optimizer="sgd", learning_rate=0.1, max_steps=10, warmup_steps=0
    )
    optimizer = make_optimizer(model, chosen)
    schedule = make_schedule(optimizer, chosen)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    expected = {"embeddings": 0.0125, "layers.0.": 0.025, "layers.1.": 0.05, "": 0.1}
    for name, parameter in model.named_parameters():
        rate = next(rate for part, rate in expected.items() if part in name)
        assert torch.allclose(before[name] - parameter, torch.tensor(rate), atol=1e-6), name
    schedule.step()
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates[0] == pytest.approx(0.09)
    assert min(rates) == pytest.approx(0.09 / 8)
    covered = sum(len(group["params"]) for group in optimizer.param_groups)
    assert covered == len(before)


def test_adapters_have_the_rates_of_their_layers(tmp_path: Path) -> None:
    model = add_lora(classifier(tmp_path, "vit"), rank=2, alpha=4, dropout=0.0, seed=1)
    scales = layer_scales(model, 0.5)
    rates = {name: scales[id(p)] for name, p in model.named_parameters() if p.requires_grad}
    for name, rate in rates.items():
        assert rate == (0.25 if "layers.0." in name else 0.5 if "layers.1." in name else 1), name
    assert {0.25, 0.5, 1.0} == set(rates.values())


def test_it_stands_in_documents() -> None:
    with pytest.raises(ValueError, match="a head is one layer"):
        FinetuningParameters(method="head", layer_wise_lr_decay=0.8)
    parameters = AutomlParameters(model_name="vitb16r224", layer_wise_lr_decay=0.8)
    chosen = parameters.to_finetuning(
        "image_classification", metric="accuracy", validation_data_size=0.2
    )
    assert chosen.layer_wise_lr_decay == 0.8
