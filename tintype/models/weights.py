"""Weights on disk: what safetensors files hold, and reading them without keeping them mapped.

The usual way maps the files into memory, where every page that was touched counts against the
process until it ends. Reading a few megabytes at a time keeps the peak at the model's own size.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import math
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.errors import CheckpointError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = [
    "LazyTensor",
    "StoredTensor",
    "count_parameters",
    "one_tensor_at_a_time",
    "read_tensor",
    "refuse_nonfinite",
    "stored_tensors",
]

# Bytes of weights from which on it matters what their reading leaves behind.
_LARGE = 64 << 20

# The library's own limit on a header (safetensors format, "Format").
_MAX_HEADER = 100_000_000

# Read by transformers' core_model_loading.
_ASYNC_OFF = "HF_DEACTIVATE_ASYNC_LOAD"

# malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_CHUNK_ELEMENTS = 1 << 18

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

    tensors: dict[str, StoredTensor] = {}
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
            tensors[name] = StoredTensor(path, entry["dtype"], tuple(entry["shape"]), start)
    return tensors


def count_parameters(tensors: Mapping[str, StoredTensor]) -> int:
    """Numbers in the floating-point tensors."""
    return sum(tensor.elements for tensor in tensors.values() if tensor.dtype in _DTYPES)


def read_tensor(source: StoredTensor, dtype: torch.dtype) -> torch.Tensor:
    """`source` as `dtype`, read a few megabytes at a time.

    Raises:
        CheckpointError: not floating point, or NaN or infinity in it.
    """
    import torch

    if source.dtype not in _DTYPES:
        raise CheckpointError(f"{source.path}: weights of {source.dtype}; expected floating point")
    stored = getattr(torch, _DTYPES[source.dtype])
    tensor = torch.empty(source.shape, dtype=dtype)
    flat = tensor.view(-1)
    # One buffer and no other temporaries: what is freed here, the allocator keeps.
    buffer = torch.empty(min(_CHUNK_ELEMENTS, source.elements), dtype=stored)
    raw: Any = (buffer.view(torch.uint8) if source.elements else buffer).numpy()
    with source.path.open("rb", buffering=0) as file:
        file.seek(source.start)
        for begin in range(0, source.elements, _CHUNK_ELEMENTS):
            count = min(_CHUNK_ELEMENTS, source.elements - begin)
            _read_exactly(file, memoryview(raw)[: count * stored.itemsize], source.path)
            chunk = buffer[:count]
            # NaN and infinity reach the extremes.
            if not all(torch.isfinite(extreme) for extreme in torch.aminmax(chunk)):
                raise CheckpointError(f"{source.path} holds weights that are NaN or infinite")
            flat[begin : begin + count].copy_(chunk)
    return tensor


def _read_exactly(file: FileIO, target: memoryview, path: Path) -> None:
    filled = 0
    while filled < len(target):
        count = file.readinto(target[filled:])
        if not count:
            raise CheckpointError(f"{path} is cut off")
        filled += count


class LazyTensor:
    """A tensor that is read when transformers indexes it, as safetensors' own slices are."""

    def __init__(self, source: StoredTensor, dtype: torch.dtype) -> None:
        self._source = source
        self._dtype = dtype

    def __getitem__(self, key: Any) -> torch.Tensor:
        return read_tensor(self._source, self._dtype)[key]

    def get_shape(self) -> list[int]:
        """As safetensors' slices give it."""
        return list(self._source.shape)

    def get_dtype(self) -> str:
        """As safetensors' slices give it."""
        return self._source.dtype


@contextlib.contextmanager
def one_tensor_at_a_time(folder: Path) -> Iterator[None]:
    """Inside the block transformers reads the weights in `folder` without threads, each into pages of
    its own.

    Threads have heaps that keep what was freed in them, and a heap that large tensors come and go
    in keeps its gaps: a tenth of the model. Reading is no slower without. Of a small model that is
    not worth the collection of all garbage.
    """
    if sum(path.stat().st_size for path in folder.glob("*.safetensors")) < _LARGE:
        yield
        return
    before = os.environ.get(_ASYNC_OFF)
    os.environ[_ASYNC_OFF] = "1"
    _hand_back_memory()
    _set_malloc(_M_MMAP_THRESHOLD, 256 << 10)
    try:
        yield
    finally:
        # Where glibc's own rule, which grows both with use, ends: a forward pass needs its heap.
        _set_malloc(_M_MMAP_THRESHOLD, 32 << 20)
        _set_malloc(_M_TRIM_THRESHOLD, 64 << 20)
        _hand_back_memory()
        if before is None:
            del os.environ[_ASYNC_OFF]
        else:
            os.environ[_ASYNC_OFF] = before


def _set_malloc(parameter: int, value: int) -> None:
    """mallopt(3) of glibc; nothing elsewhere."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(parameter, value)


def _hand_back_memory() -> None:
    """Return what was freed to the system; importing torch and transformers leaves much."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


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
