"""Which checkpoints the automatic mode may start from: the catalog's, the workspace's, or none."""

from __future__ import annotations

from tintype.errors import CheckpointError
from tintype.models.catalog import find_card
from tintype.models.checkpoint import check_obtainable, resolve_checkpoint
from tintype.models.embedded import is_embedded_here
from tintype.models.families import CONVOLUTIONAL
from tintype.models.scratch import SCRATCH_NAMES
from tintype.workspace.imported import imported_as
from tintype.workspace.registry import list_models, resolve_model

__all__ = ["backbones_to_try", "blocks_of", "input_side"]

# Their weights come from the package index, so they are to be had without the Hub; they are also by
# far the quickest, so that a usable model is there within seconds.
_EMBEDDED = ("tintype/efficientnet-lite0", "tintype/efficientnet-lite2")

# Several pretraining objectives (self-supervised, image and text, labels), for none is best
# everywhere (docs/design.md, Measured); the quickest first, so that a usable model is there soon.
_PORTFOLIO = (
    "facebook/dinov2-small",
    "openai/clip-vit-base-patch32",
    "microsoft/resnet-50",
    "facebook/dinov2-base",
    "google/vit-base-patch16-224",
    "microsoft/beit-base-patch16-224-pt22k-ft22k",
)

# Convolutional networks, and transformers whose position embeddings are interpolated.
_RESIZABLE = (
    *CONVOLUTIONAL,
    "vit",
    "deit",
    "beit",
    "dinov2",
    "dinov2_with_registers",
    "dinov3_vit",
)
_CONVOLUTIONAL_STRIDE = 32

# Registered models beyond the newest so many are not looked at.
_MOST_REGISTERED = 6


def backbones_to_try(portfolio: list[str] | None) -> tuple[list[str], list[str]]:
    """Checkpoints to rank, and sentences on how they were chosen.

    Args:
        portfolio: the document's own list; None takes those whose packages are installed, the
            Hub's portfolio as far as it can be had, and the workspace's registered models.
    """
    if portfolio is not None:
        chosen = [_resolved(name) for name in portfolio if name not in SCRATCH_NAMES]
        return chosen, [f"The document names {len(portfolio)} checkpoints to consider."]
    registered = [f"{model.name}:{model.version}" for model in list_models()[:_MOST_REGISTERED]]
    embedded = [name for name in _EMBEDDED if is_embedded_here(name)]
    cached = [name for name in _PORTFOLIO if _is_cached(name)]
    missing = next((name for name in _PORTFOLIO if name not in cached), None)
    if missing is None or not _can_be_had(missing):
        reachable, how = cached, "on this machine"
    else:
        reachable, how = list(_PORTFOLIO), "on the Hub"
    sentences = [
        f"{len(embedded)} checkpoints are installed with packages; {len(reachable)} of the "
        f"portfolio's {len(_PORTFOLIO)} are {how}; "
        f"{len(registered)} registered models are in the workspace."
    ]
    checkpoints = [*embedded, *map(_resolved, reachable), *map(_resolved, registered)]
    # What was imported under a name of the portfolio is a registered model as well.
    return list(dict.fromkeys(checkpoints)), sentences


def blocks_of(checkpoint: str) -> int:
    """Layers of a checkpoint that can be frozen: its stem and its blocks or stages."""
    config = resolve_checkpoint(checkpoint).config
    config = config.get("vision_config") or config
    return 1 + int(config.get("num_hidden_layers") or len(config.get("depths") or ()) or 1)


def input_side(checkpoint: str, scale: float) -> int | None:
    """The input side nearest to `scale` times the checkpoint's own, in whole patches.

    None where the checkpoint takes one size only.
    """
    from tintype.images.preprocess import Preprocessor

    resolved = resolve_checkpoint(checkpoint)
    preprocessor = Preprocessor.from_folder(resolved.folder)
    if resolved.family not in _RESIZABLE or preprocessor.processor is not None:
        return None
    patch = resolved.config.get("patch_size")
    step = patch if isinstance(patch, int) else _CONVOLUTIONAL_STRIDE
    return step * round(min(preprocessor.input_size) * scale / step)


def _resolved(name: str) -> str:
    resolved = resolve_model(name)
    card = find_card(name) if resolved == name else None
    return card.hub_id if card is not None else resolved


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return imported_as(name) is not None or all(
        isinstance(try_to_load_from_cache(name, file), str)
        for file in ("config.json", "preprocessor_config.json", "model.safetensors")
    )


def _can_be_had(name: str) -> bool:
    try:
        check_obtainable(name)
    except CheckpointError:
        return False
    return True
