"""Weights in PyTorch's old `.bin` format, read without running anything, kept as safetensors.

The one place that opens a pickle, and only when a user asks for it by name: torch's restricted
unpickler (`weights_only=True`, safe since torch 2.6: CVE-2025-32434) builds tensors and plain
containers and refuses all else.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tintype.errors import CheckpointError
from tintype.files import atomic_folder
from tintype.progress import working

if TYPE_CHECKING:
    import torch

__all__ = ["convert_bin_weights", "read_tensors"]


def convert_bin_weights(folder: Path, destination: Path, name: str) -> Path:
    """Write `folder`'s checkpoint to `destination` with its `.bin` weights as model.safetensors.

    Raises:
        CheckpointError: no `.bin` weights, or something other than tensors in them.
        OutputError: the destination cannot be written.
    """
    from safetensors.torch import save_file

    sources = sorted(path for path in folder.glob("*.bin") if path.name != "training_args.bin")
    if not sources:
        raise CheckpointError(f"checkpoint {name!r} has neither safetensors nor .bin weights")
    tensors: dict[str, torch.Tensor] = {}
    for path in sources:
        tensors |= read_tensors(path)
    with atomic_folder(destination) as temporary:
        for path in folder.iterdir():
            if path.suffix in (".json", ".txt") and not path.name.endswith(".index.json"):
                shutil.copyfile(path, temporary / path.name)
        save_file(tensors, temporary / "model.safetensors", metadata={"format": "pt"})
    return destination


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors in one of PyTorch's old files, by name, on the CPU, none sharing its memory.

    Raises:
        CheckpointError: something other than tensors in it, or no mapping from names to them.
    """
    import torch

    try:
        with working(f"reading {path.name}"):
            found = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:
        # The restricted unpickler and the zip reader raise types of their own.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise CheckpointError(f"{path} holds more than tensors, or is damaged: {reason}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds no mapping from names to tensors")
    # Copies: tensors that share memory cannot be stored as they are.
    return {
        str(key): value.detach().contiguous().clone()
        for key, value in found.items()
        if isinstance(value, torch.Tensor)
    }
