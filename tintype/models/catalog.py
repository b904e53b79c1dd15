"""The catalog: cards of checkpoints that are known to work, found by any of their names.

A card is one entry of a YAML file in `cards/`. Whatever is not on a card can still be used by its
Hub id; a card adds what a user wants to know before downloading.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from tintype.errors import CheckpointError, UsageError, nearest
from tintype.models.azure_only import find_azure_only
from tintype.models.families import TEXT_AND_IMAGE
from tintype.schemas.document import StrictModel
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT, Task

__all__ = ["Card", "find_card", "list_cards", "nearest_counterpart"]

_FOLDER = Path(__file__).parent / "cards"

_REGISTRY_URI = re.compile(
    r"azureml://registries/[^/]+/models/(?P<name>[^/]+)(?:/(?:versions|labels)/[^/]+)?/?"
)

# Names of AutoML's that no library here has the architecture of, and what is nearest.
_WITHOUT_COUNTERPART = {"seresnext": "resnet50", "resnest50": "resnet50", "resnest101": "resnet101"}

# Perception Encoder's own files, and the same image towers in timm's format.
_IN_TIMMS_FORMAT = {
    "facebook/pe-core-t16-384": "timm/vit_pe_core_tiny_patch16_384.fb",
    "facebook/pe-core-s16-384": "timm/vit_pe_core_small_patch16_384.fb",
    "facebook/pe-core-b16-224": "timm/vit_pe_core_base_patch16_224.fb",
    "facebook/pe-core-l14-336": "timm/vit_pe_core_large_patch14_336.fb",
    "facebook/pe-core-g14-448": "timm/vit_pe_core_gigantic_patch14_448.fb",
}

_GIGABYTE = 1e9

_LIMITS = (
    "Knows what its training images show and guesses confidently about anything else. Probabilities "
    "are not calibrated for other images; check them on your own before acting on them."
)
_BIASES = (
    "Web photographs: mostly from North America and Europe, with their habits of labelling people, "
    "places and things. Differences in accuracy between groups of people are to be expected."
)


class Card(StrictModel):
    """What the catalog knows of a checkpoint."""

    name: str
    """The Hub id; for a second task of the same checkpoint, a name of its own."""
    checkpoint: str = ""
    """The Hub id, where it is not the name."""
    aliases: list[str] = Field(default_factory=list)
    """Names in Azure's registry and in its AutoML jobs."""
    version: str = "1"
    """What Azure's registry had as its newest, for scripts that ask before they name it; any is found."""
    family: str
    """transformers' model_type."""
    task: Task
    """What it answers unless told otherwise."""
    input_size: tuple[int, int]
    """Pixels: height, width."""
    parameters: int
    """Of the whole checkpoint."""
    classes: int | None = None
    """Of its own head, if it has one."""
    features: int
    """Numbers in an embedding."""
    pooling: str
    """How embeddings are taken by default: cls, mean or projection."""
    license: str
    """SPDX, in lower case, or "other"."""
    license_note: str = ""
    """What else to know of it."""
    trained_on: str
    """The data."""
    description: str
    """For people."""
    limits: str = _LIMITS
    """What not to trust it with."""
    biases: str = _BIASES
    """Whom and what it judges worse."""

    @property
    def hub_id(self) -> str:
        """Where its weights are."""
        return self.checkpoint or self.name

    @property
    def fine_tunable_for(self) -> list[str]:
        """Every family here can be fine-tuned for these; CLIP by its image tower."""
        return ["image_classification", "image_classification_multilabel"]

    @property
    def embeds_texts(self) -> bool:
        """Whether its embeddings are of texts, too."""
        return self.task == EMBEDDINGS and self.family in TEXT_AND_IMAGE

    def shown(self) -> dict[str, Any]:
        """The card as commands print it, with what follows from its facts."""
        document = self.model_dump(exclude_none=True, exclude={"checkpoint"})
        document["input_size"] = list(self.input_size)
        weights = self.parameters * 4 / _GIGABYTE
        return {
            **document,
            "hub_id": self.hub_id,
            "fine_tunable_for": self.fine_tunable_for,
            "disk_gb": round(weights, 2),
            # Torch, transformers and the runtime take about 0.7 GB before any weight.
            "memory_gb_estimate": {
                "fp32": round(0.7 + 1.3 * weights, 1),
                "bf16": round(0.7 + 0.65 * weights, 1),
                "full_fine_tuning": round(1.5 + 5 * weights, 1),
            },
            "sample_request": _sample_request(self.task, texts=self.embeds_texts),
            "sample_answer": _sample_answer(self.task, texts=self.embeds_texts),
        }

    def summary(self) -> dict[str, Any]:
        """One line of a list."""
        return {
            "name": self.name,
            "task": self.task,
            "family": self.family,
            "input_size": f"{self.input_size[0]}x{self.input_size[1]}",
            "parameters": f"{self.parameters / 1e6:.0f}M",
            "license": self.license,
        }


@lru_cache(maxsize=1)
def list_cards() -> tuple[Card, ...]:
    """Every card, family by family."""
    return tuple(
        Card.model_validate(entry)
        for path in sorted(_FOLDER.glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text("utf-8"))
    )


def find_card(name: str) -> Card | None:
    """The card called `name`: its Hub id, an alias, or `azureml://registries/<r>/models/<name>/...`.

    Upper and lower case count as the same. None where the catalog has no such name.

    Raises:
        UsageError: a registry URI that names nothing here, or an AutoML name without counterpart.
        CheckpointError: Perception Encoder in its own format, or a card that only Azure can run.
    """
    match = _REGISTRY_URI.fullmatch(name)
    wanted = (match["name"] if match else name).lower()
    for card in list_cards():
        if wanted in (card.name.lower(), *(alias.lower() for alias in card.aliases)):
            return card
    if wanted in _WITHOUT_COUNTERPART:
        raise UsageError(
            f"model {name!r}: transformers has no such architecture; the nearest here is "
            f"{_WITHOUT_COUNTERPART[wanted]!r}"
        )
    if wanted in _IN_TIMMS_FORMAT:
        raise CheckpointError(
            f"checkpoint {name!r} is in a format of its own, which transformers does not read; its "
            f"image tower in timm's is {_IN_TIMMS_FORMAT[wanted]!r} (pip install 'tintype[timm]')"
        )
    azures = find_azure_only(wanted)
    if azures is not None:
        raise CheckpointError(
            f"model {name!r}: Azure's catalog has this card, and Tintype cannot run it: {azures.name} "
            f"{azures.why}. Near to it: {azures.near}"
        )
    if name.startswith("azureml://registries/"):
        known = [alias for card in list_cards() for alias in (card.name, *card.aliases)]
        raise UsageError(
            f"{name!r} names nothing in the catalog.{nearest(wanted, known)} "
            "`tintype model list --registry` lists it"
        )
    return None


def nearest_counterpart(name: str) -> str | None:
    """Of an AutoML name that no library here has the architecture of, the nearest that there is."""
    return _WITHOUT_COUNTERPART.get(name.strip().lower())


def _sample_request(task: Task, *, texts: bool) -> dict[str, Any]:
    rows: list[Any] = ["<base64 or URL>", "<base64 or URL>"]
    if task == ZERO_SHOT:
        rows = [["<base64 or URL>", "a can, a carton, a jug"], ["<base64 or URL>"]]
    elif texts:
        rows = [["<base64 or URL>", "a photo of a can"], ["<base64 or URL>", "a photo of a jug"]]
    columns = ["image", "text"] if texts or task == ZERO_SHOT else ["image"]
    return {"input_data": {"columns": columns, "index": [0, 1], "data": rows}}


def _sample_answer(task: Task, *, texts: bool) -> list[dict[str, Any]]:
    if task == EMBEDDINGS:
        rows = [{"image_features": [0.91, -0.64, 0.17]}, {"image_features": [-0.05, 0.33, 1.21]}]
        of_texts = ([0.18, 0.72, -0.4], [-0.51, 0.06, 0.88])
        return [
            {**row, "text_features": text} if texts else row
            for row, text in zip(rows, of_texts, strict=True)
        ]
    if task == ZERO_SHOT:
        labels = ["a can", "a carton", "a jug"]
        return [
            {"probs": [0.95, 0.03, 0.02], "labels": labels},
            {"probs": [0.04, 0.01, 0.95], "labels": labels},
        ]
    labels = ["can", "carton"]
    return [{"probs": [0.91, 0.09], "labels": labels}, {"probs": [0.1, 0.9], "labels": labels}]
