"""The module csv for fields as long as images in base64."""

from __future__ import annotations

import importlib.util
from types import ModuleType

__all__ = ["MAX_FIELD_CHARACTERS", "long_csv"]

MAX_FIELD_CHARACTERS = 96 * 1024 * 1024
"""Base64, in lines of 76 characters, of an image of 64 MiB."""


def _private_csv() -> ModuleType:
    """The C half of the module csv, once more, for long fields."""
    # The limit on fields is one number per module, for all threads: only this copy's is raised.
    spec = importlib.util.find_spec("_csv")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(MAX_FIELD_CHARACTERS)
    return module


long_csv = _private_csv()
"""`reader` and `Error` of the module csv."""
