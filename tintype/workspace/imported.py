"""Which registered model a name of the Hub or of the catalog means: `<home>/imported/<name>.json`.

A checkpoint that was imported under such a name is found by every name of its card, so that documents and
scripts run unchanged where the Hub cannot be reached. Kept beside MLflow's registry, for commands that
name a checkpoint of the Hub must not open the registry to learn that nothing was imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from tintype.errors import CheckpointError, OutputError, UsageError
from tintype.files import write_json
from tintype.models.catalog import find_card
from tintype.settings import get_settings

__all__ = ["imported_as", "remember_import"]


def remember_import(name: str, model: str) -> None:
    """Let `name`, a Hub id or a name of the catalog, mean the registered model `model`.

    Raises:
        OutputError: the workspace cannot be written.
    """
    write_json(_file(name), {"name": name, "model": model})


def imported_as(name: str) -> str | None:
    """The registered model that `name` means, if a checkpoint was imported under a name of its card."""
    if not _folder().is_dir():
        return None
    try:
        path = _file(name)
    except (UsageError, CheckpointError):
        # A name that the catalog refuses: whoever uses it tells.
        return None
    try:
        model: str = json.loads(path.read_text("utf-8"))["model"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"cannot read {path}: {error}") from None
    return model


def _file(name: str) -> Path:
    card = find_card(name)
    return _folder() / f"{quote((card.name if card else name).lower(), safe='')}.json"


def _folder() -> Path:
    return get_settings().home / "imported"
