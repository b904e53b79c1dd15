from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from published import PUBLISHED, count_published

from tintype.cli.main import _run
from tintype.errors import CheckpointError, UsageError
from tintype.models.catalog import find_card, list_cards
from tintype.models.checkpoint import resolve_checkpoint

# What the issue and Azure's registry name; every one must lead somewhere.
NAMES = {
    "microsoft-beit-base-patch16-224-pt22k-ft22k": "microsoft/beit-base-patch16-224-pt22k-ft22k",
    "google-vit-base-patch16-224": "google/vit-base-patch16-224",
    "facebook-deit-base-patch16-224": "facebook/deit-base-patch16-224",
    "microsoft-swinv2-base-patch4-window12-192-22k": "microsoft/swinv2-base-patch4-window12-192-22k",
    "facebook-dinov2-base-imagenet1k-1-layer": "facebook/dinov2-base-imagenet1k-1-layer",
    "Facebook-DinoV2-Image-Embeddings-ViT-Base": "facebook/dinov2-base",
    "Facebook-DinoV2-Image-Embeddings-ViT-Giant": "facebook/dinov2-giant",
    "facebook/dinov2-small": "facebook/dinov2-small",
    "facebook/dinov2-large": "facebook/dinov2-large",
    "openai-clip-vit-base-patch32": "openai/clip-vit-base-patch32",
    "openai-clip-vit-large-patch14": "openai/clip-vit-large-patch14",
    "openai-clip-vit-large-patch14-336": "openai/clip-vit-large-patch14-336",
    "OpenAI-CLIP-Image-Text-Embeddings-vit-base-patch32": "openai/clip-vit-base-patch32",
    "image-text-embeddings-openai-clip-vit-base-patch32": "openai/clip-vit-base-patch32",
    "OpenAI-CLIP-Image-Text-Embeddings-ViT-Large-Patch14-336": "openai/clip-vit-large-patch14-336",
    "microsoft-rad-dino": "microsoft/rad-dino",
    "AutoML-Image-Classification": "google/vit-base-patch16-224",
    "vitb16r224": "google/vit-base-patch16-224",
    "vits16r224": "WinKawaks/vit-small-patch16-224",
    "vitl16r224": "google/vit-large-patch16-224",
    "mobilenetv2": "google/mobilenet_v2_1.0_224",
    **{f"resnet{depth}": f"microsoft/resnet-{depth}" for depth in (18, 34, 50, 101, 152)},
}


@pytest.mark.parametrize(("name", "hub_id"), NAMES.items())
def test_every_name_leads_to_one_card(name: str, hub_id: str) -> None:
    uri = f"azureml://registries/azureml/models/{name.replace('/', '-')}"
    card = find_card(name)
    assert card is not None
    assert card.hub_id == hub_id
    if "/" not in name or name.replace("/", "-") in card.aliases:
        for form in (name.upper(), uri, f"{uri}/versions/7", f"{uri}/labels/latest"):
            assert find_card(form) is card, form
    assert find_card(card.name) is card


def test_no_name_is_used_twice() -> None:
    names = [name.lower() for card in list_cards() for name in (card.name, *card.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", PUBLISHED)
def test_cards_agree_with_the_architectures(name: str) -> None:
    config_name, arguments, _, _, processing = PUBLISHED[name]
    card: Any = find_card(name)
    assert card.parameters == count_published(name)
    assert card.classes == arguments.get("num_labels")
    size = processing.get("crop_size", processing.get("size", {"height": 224}))
    assert card.input_size[0] == size.get("height", size.get("shortest_edge"))
    assert config_name.removesuffix("Config").lower().startswith(card.family.split("_")[0])


def test_a_card_says_what_a_user_asks() -> None:
    for card in list_cards():
        shown = card.shown()
        for key in (
            "task",
            "family",
            "input_size",
            "parameters",
            "license",
            "limits",
            "biases",
            "memory_gb_estimate",
            "disk_gb",
            "fine_tunable_for",
            "sample_request",
            "sample_answer",
            "trained_on",
            "description",
        ):
            assert shown[key], (card.name, key)


def test_names_without_a_card() -> None:
    assert find_card("someone/model") is None
    with pytest.raises(UsageError, match=r"nearest here is .resnet50"):
        find_card("seresnext")
    with pytest.raises(UsageError, match=r"names nothing in the catalog.*dinov2"):
        find_card("azureml://registries/azureml/models/facebook-dinov2-bas/versions/1")


def test_a_catalog_name_is_looked_up_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(name: str, revision: str | None) -> Path:
        asked.append(name)
        raise RuntimeError

    monkeypatch.setattr("tintype.models.checkpoint.download_checkpoint", download)
    for name in ("resnet18", "azureml://registries/azureml/models/google-vit-base-patch16-224"):
        with pytest.raises(RuntimeError):
            resolve_checkpoint(name)
    assert asked == ["microsoft/resnet-18", "google/vit-base-patch16-224"]


def test_scripts_ask_the_catalog_for_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    for name, version in {
        "microsoft-beit-base-patch16-224-pt22k-ft22k": "20",
        "Facebook-DinoV2-Image-Embeddings-ViT-Giant": "4",
        "openai-clip-vit-base-patch32": "12",
        "OpenAI-CLIP-Image-Text-Embeddings-vit-base-patch32": "11",
        "image-text-embeddings-openai-clip-vit-base-patch32": "11",
        "OpenAI-CLIP-Image-Text-Embeddings-ViT-Large-Patch14-336": "3",
        "microsoft-rad-dino": "3",
        "microsoft/resnet-50": "1",
    }.items():
        asked = ["model", "show", "--name", name, "--label", "latest", "--registry-name", "azureml"]
        assert _run([*asked, "--query", "version", "--output", "tsv"]) == 0
        assert capsys.readouterr().out == f"{version}\n"


def test_the_name_of_a_card_says_which_task() -> None:
    for name, task in {
        "OpenAI-CLIP-Image-Text-Embeddings-vit-base-patch32": "embeddings",
        "openai-clip-vit-base-patch32": "zero_shot_image_classification",
        "OpenAI-CLIP-Image-Text-Embeddings-ViT-Large-Patch14-336": "embeddings",
        "openai/clip-vit-large-patch14-336": "zero_shot_image_classification",
    }.items():
        card: Any = find_card(name)
        shown = card.shown()
        assert shown["task"] == task
        assert shown["sample_request"]["input_data"]["columns"] == ["image", "text"]
        keys = ["image_features", "text_features"] if task == "embeddings" else ["probs", "labels"]
        assert [list(row) for row in shown["sample_answer"]] == [keys] * 2
    card = find_card("microsoft-rad-dino")
    assert card.shown()["sample_request"]["input_data"]["columns"] == ["image"]
    assert [list(row) for row in card.shown()["sample_answer"]] == [["image_features"]] * 2


AZURE_ONLY = (
    "BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
    "Prism",
    "Prov-GigaPath",
    "Virchow",
    "Virchow2",
    "hibou-b",
    "hibou-l",
    "MedImageInsight",
    "MedImageInsight-onnx",
)


@pytest.mark.parametrize("name", AZURE_ONLY)
def test_cards_that_only_azure_runs_say_why_and_what_is_near(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"azureml://registries/azureml/models/{name}/versions/2"
    for asked in (name, uri):
        with pytest.raises(CheckpointError, match=f"Azure's catalog has this card.*: {name} "):
            find_card(asked)
        with pytest.raises(CheckpointError, match="Near to it: "):
            resolve_checkpoint(asked)
    near = str(_error(name)).split("Near to it: ")[1]
    known = [card for card in list_cards() if any(n in near for n in (card.name, *card.aliases))]
    assert known, "what is near must be in the catalog"
    assert _run(["model", "show", "--name", name, "--registry-name", "azureml"]) == 2
    assert "Tintype cannot run it" in capsys.readouterr().err


def _error(name: str) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        find_card(name)
    return caught.value
