"""Messages between a server and the process of its assistants: words as JSON, and arrays as they lie in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

__all__ = ["Message", "read_message", "write_message"]

_LENGTH = 8


@dataclass(frozen=True)
class Message:
    """What one process tells another."""

    words: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Of numbers or bool."""


def write_message(stream: IO[bytes], message: Message) -> None:
    """Write what `read_message` reads at the other end of a pipe."""
    arrays = {name: np.ascontiguousarray(array) for name, array in message.arrays.items()}
    shapes = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    head = json.dumps({"words": message.words, "arrays": shapes}).encode()
    stream.write(len(head).to_bytes(_LENGTH, "big"))
    stream.write(head)
    for array in arrays.values():
        stream.write(array.tobytes())
    stream.flush()


def read_message(stream: IO[bytes]) -> Message | None:
    """The next message; None at the end, also in the midst of a message whose writer was killed."""
    length = stream.read(_LENGTH)
    if len(length) < _LENGTH:
        return None
    head = stream.read(int.from_bytes(length, "big"))
    if len(head) < int.from_bytes(length, "big"):
        return None
    told = json.loads(head)
    arrays = {}
    for name, (dtype, shape) in told["arrays"].items():
        array = np.empty(shape, np.dtype(dtype))
        content = stream.read(array.nbytes)
        if len(content) < array.nbytes:
            return None
        arrays[name] = np.frombuffer(content, array.dtype).reshape(shape)
    return Message(told["words"], arrays)
