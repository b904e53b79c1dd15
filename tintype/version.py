"""The version of Tintype, written here alone; pyproject.toml and every report read it."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.2.0"
