"""Whether a checkpoint's weights lie on this machine, told without opening or asking for anything."""

from __future__ import annotations

from pathlib import Path

from tintype.models.catalog import find_card
from tintype.models.embedded import EMBEDDED_NAMES, is_embedded_here
from tintype.models.scratch import SCRATCH_NAMES

__all__ = ["weights_are_here"]

# One file, or the list of several.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def weights_are_here(name: str) -> bool:
    """Whether `name` (of the catalog, or a Hub id) can be used without a network, as far as file names tell."""
    if name in SCRATCH_NAMES:
        return True
    card = find_card(name)
    hub_id = card.hub_id if card is not None else name
    if hub_id in EMBEDDED_NAMES:
        return is_embedded_here(hub_id)
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    # Looked at as files: asking the Hub's cache for each of a catalog's names reads far more.
    snapshots = (
        Path(constants.HF_HUB_CACHE)
        / repo_folder_name(repo_id=hub_id, repo_type="model")
        / "snapshots"
    )
    return any(
        (folder / file).is_file()
        for folder in (snapshots.iterdir() if snapshots.is_dir() else ())
        for file in _WEIGHTS
    )
