"""Weights on disk: what safetensors files hold, and reading them without keeping them mapped.

The usual way maps the files into memory, where every page that was touched counts against the
process until it ends. Reading a few megabytes at a time keeps the peak at the model's own size.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tintype.errors import CheckpointError
from tintype.files import write_json
from tintype.settings import get_settings

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = [
    "StoredTensor",
    "count_parameters",
    "digest_of_file",
    "fill_tensor",
    "refuse_nonfinite",
    "stored_tensors",
]

# The library's own limit on a header (safetensors format, "Format").
_MAX_HEADER = 100_000_000

_CHUNK_ELEMENTS = 1 << 20

_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class StoredTensor:
    """One tensor's place in a file."""

    path: Path
    dtype: str
    """As safetensors spells it, such as F32."""

    shape: tuple[int, ...]
    start: int
    """Byte offset from the beginning of the file."""

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Name -> place of every tensor in the `*.safetensors` files of `folder`.

    Raises:
        CheckpointError: a file that is damaged: cut off, overlapping or of an unknown layout.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, StoredTensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            # Checks lengths, offsets and overlaps; reads the header alone.
            with safe_open(path, framework="np"):
                pass
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                if length > _MAX_HEADER:
                    raise ValueError(f"a header of {length} bytes")
                header = json.loads(file.read(length))
        except (OSError, ValueError, struct.error, SafetensorError) as error:
            raise CheckpointError(f"{path} is damaged: {error}") from None
        header.pop("__metadata__", None)
        for name, entry in header.items():
            start = 8 + length + entry["data_offsets"][0]
            found[name] = StoredTensor(path, entry["dtype"], tuple(entry["shape"]), start)
    return found


def count_parameters(tensors: Mapping[str, StoredTensor]) -> int:
    """Numbers in the floating-point tensors."""
    return sum(tensor.elements for tensor in tensors.values() if tensor.dtype in _DTYPES)


def fill_tensor(target: torch.Tensor, source: StoredTensor) -> None:
    """Read `source` into `target` (same shape, any floating dtype), a few megabytes at a time.

    Raises:
        CheckpointError: another shape, not floating point, or NaN or infinity in it.
    """
    import torch

    if tuple(target.shape) != source.shape or source.dtype not in _DTYPES:
        raise CheckpointError(
            f"{source.path}: a tensor of {source.dtype} {list(source.shape)} where the "
            f"architecture has {list(target.shape)}"
        )
    dtype = getattr(torch, _DTYPES[source.dtype])
    flat = target.detach().view(-1)
    with source.path.open("rb", buffering=0) as file:
        file.seek(source.start)
        for begin in range(0, source.elements, _CHUNK_ELEMENTS):
            count = min(_CHUNK_ELEMENTS, source.elements - begin)
            buffer = bytearray(file.read(count * dtype.itemsize))
            chunk = torch.frombuffer(buffer, dtype=dtype)
            if not torch.isfinite(chunk).all():
                raise CheckpointError(f"{source.path} holds weights that are NaN or infinite")
            flat[begin : begin + count].copy_(chunk)


def refuse_nonfinite(model: nn.Module, name: str) -> None:
    """
    Raises:
        CheckpointError: a weight of `model`, from the checkpoint `name`, is NaN or infinite.
    """
    import torch

    for parameter_name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise CheckpointError(
                f"checkpoint {name!r}: {parameter_name} holds weights that are NaN or infinite"
            )


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, remembered by its place, size and time of change."""
    status = path.stat()
    identity = [str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino]
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    memo = get_settings().home / "cache" / "digests" / f"{name}.json"
    try:
        return str(json.loads(memo.read_text())["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_json(memo, {"path": identity[0], "sha256": digest})
    return digest
