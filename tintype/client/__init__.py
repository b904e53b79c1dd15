"""The Python face of the workspace: the same nouns, verbs and records as the command line."""

from __future__ import annotations

from tintype.client.client import Client
from tintype.client.ml_client import MLClient

__all__ = ["Client", "MLClient"]
