"""Cards of Azure's registry for images that cannot be run here: why, and what is near to each."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AzureOnly", "find_azure_only"]


@dataclass(frozen=True)
class AzureOnly:
    """A card that Azure has and the catalog has not."""

    name: str
    """In Azure's registry."""
    why: str
    """What keeps it from running here; the rest of a sentence that begins with its name."""
    near: str
    """What the catalog has for the same pictures."""
    hub_ids: tuple[str, ...] = ()
    """Where its publisher has it on the Hub."""


_OWN_CODE = "needs its publisher's own code, and code from outside is never run here"
_GATED = "is handed out by its publisher on request alone, for a network that transformers has not"

_X_RAYS = "microsoft-rad-dino embeds chest X-rays"
_TISSUE = (
    "facebook/dinov2-giant embeds any image, though it was not trained on tissue; a job with "
    "method: head fits a classifier to it"
)
_TEXTS = "OpenAI-CLIP-Image-Text-Embeddings-ViT-Large-Patch14-336 embeds images and texts"

_CARDS = (
    AzureOnly(
        "BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        "is in a format of open_clip's, with a text tower that transformers' CLIP has not",
        f"openai-clip-vit-large-patch14 classifies zero-shot, without medical training; {_X_RAYS}",
        ("microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",),
    ),
    AzureOnly("hibou-b", _OWN_CODE, _TISSUE, ("histai/hibou-b",)),
    AzureOnly("hibou-l", _OWN_CODE, _TISSUE, ("histai/hibou-L",)),
    AzureOnly(
        "MedImageInsight",
        "is given out by Azure alone, in a format of its own",
        f"{_X_RAYS}; {_TEXTS}, without medical training",
    ),
    AzureOnly(
        "MedImageInsight-onnx",
        "is given out by Azure alone, as ONNX graphs without a checkpoint",
        f"{_X_RAYS}; {_TEXTS}, without medical training",
    ),
    AzureOnly(
        "Prism",
        "takes no images but embeddings of tiles by Virchow, and needs its publisher's own code",
        _TISSUE,
        ("paige-ai/Prism",),
    ),
    AzureOnly("Prov-GigaPath", _GATED, _TISSUE, ("prov-gigapath/prov-gigapath",)),
    AzureOnly("Virchow", _GATED, _TISSUE, ("paige-ai/Virchow",)),
    AzureOnly("Virchow2", _GATED, _TISSUE, ("paige-ai/Virchow2",)),
)

_BY_NAME = {name.lower(): card for card in _CARDS for name in (card.name, *card.hub_ids)}


def find_azure_only(name: str) -> AzureOnly | None:
    """The card called `name`, in Azure's registry or on the Hub; upper and lower case are the same."""
    return _BY_NAME.get(name.lower())
