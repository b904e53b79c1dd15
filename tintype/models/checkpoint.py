"""Finding a checkpoint: a local folder, a model folder, an embedded or a scratch name, or a Hub id."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tintype.data.digests import digest_of_file
from tintype.errors import CheckpointError
from tintype.images.timm_preprocessing import is_timm_config
from tintype.models.catalog import find_card
from tintype.models.embedded import EMBEDDED_NAMES, check_embedded, write_embedded_checkpoint
from tintype.models.families import TEXT_AND_IMAGE
from tintype.models.problem_types import task_of_problem
from tintype.models.scratch import SCRATCH_NAMES, write_scratch_checkpoint
from tintype.models.timm_library import TIMM, has_timm_labels, require_timm, require_timm_for
from tintype.quiet import quiet_hub
from tintype.schemas.task import EMBEDDINGS, MULTICLASS, ZERO_SHOT, Task
from tintype.settings import get_settings

__all__ = [
    "CHECKPOINT_PATTERNS",
    "HOW_TO_CONVERT",
    "Checkpoint",
    "check_obtainable",
    "classes_in",
    "download_checkpoint",
    "open_checkpoint_folder",
    "resolve_checkpoint",
]

# What a checkpoint may bring: data only. No code, no pickles; spiece.model is a table of word pieces.
CHECKPOINT_PATTERNS = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.json",
    "*.txt",
    "spiece.model",
)

HOW_TO_CONVERT = (
    "`tintype model import {name} --allow-bin` reads tensors alone out of it (weights_only) and "
    "keeps them as safetensors; or convert it where you trust it: "
    "AutoModel.from_pretrained(folder).save_pretrained(new_folder)"
)

_ASK_TIMEOUT = 10.0  # seconds, where the Hub is only asked whether it has something

_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")


@dataclass(frozen=True)
class Checkpoint:
    """Weights, config and processor settings in Hub format, in a local folder."""

    name: str
    """As it was asked for."""

    folder: Path
    config: dict[str, Any] = field(hash=False)
    """The content of config.json."""

    revision: str | None = None
    """The Hub commit, where it came from the Hub."""

    from_scratch: bool = False
    """Whether its weights are random."""

    @property
    def family(self) -> str:
        """The architecture's name in transformers, such as `vit`."""
        return str(self.config.get("model_type", ""))

    @cached_property
    def weights_digest(self) -> str:
        """32 hexadecimal characters: BLAKE2b of config and weights."""
        hasher = hashlib.blake2b(json.dumps(self.config, sort_keys=True).encode(), digest_size=16)
        for path in sorted(self.folder.glob("*.safetensors")):
            hasher.update(digest_of_file(path).encode())
        return hasher.hexdigest()

    @property
    def classes(self) -> tuple[str, ...]:
        """Of its head, in the order of its logits; empty where config.json names none."""
        return classes_in(self.config.get("id2label") or {})

    def default_task(self) -> Task:
        """What it was made for: its own classes, zero-shot classification, or embeddings."""
        architectures = [str(name) for name in self.config.get("architectures") or ()]
        with_head = any(name.endswith("ForImageClassification") for name in architectures)
        if self.family == TIMM:
            with_head = has_timm_labels(self.config)
        if with_head or "tintype_head" in self.config:
            return task_of_problem(self.config.get("problem_type"))
        if self.family in TEXT_AND_IMAGE:
            return ZERO_SHOT
        return EMBEDDINGS if architectures or self.family == TIMM else MULTICLASS

    def transformers_config(self) -> Any:
        """A new `PretrainedConfig` of transformers for it; imports transformers.

        Raises:
            CheckpointError: a family that transformers does not know, or settings it refuses; timm's
                checkpoints where timm cannot be imported.
        """
        from transformers import AutoConfig

        if self.family == TIMM:
            require_timm(self.name)
        if self.family == "efficientnet_lite":
            from tintype.models.efficientnet_lite import register_efficientnet_lite

            register_efficientnet_lite()
        try:
            return AutoConfig.from_pretrained(str(self.folder), trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            if self.family not in reason:
                reason = f"family {self.family!r}: {reason}"
            raise CheckpointError(f"checkpoint {self.name!r}: {reason}") from None


def classes_in(id2label: Mapping[Any, Any]) -> tuple[str, ...]:
    """The names in a config's `id2label`, whose keys JSON makes strings, in the order of the codes."""
    labels = {int(code): str(name) for code, name in id2label.items()}
    return tuple(labels[code] for code in sorted(labels))


def resolve_checkpoint(name: str, *, revision: str | None = None) -> Checkpoint:
    """The checkpoint called `name`, downloaded from the Hub where it must be.

    Args:
        name: a folder in Hub format, a model folder, any name of the catalog (among them
            `tintype/efficientnet-lite0`, whose weights come from the Python package index),
            `tintype/resnet-small` or another scratch name, or a Hub id such as
            `google/vit-base-patch16-224`.
        revision: Hub branch, tag or commit; None takes the main branch.

    Raises:
        CheckpointError: missing, incomplete, without safetensors, or not to be had offline.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if (path / "MLmodel").is_file():
            path = path / "data" / "model"
        return open_checkpoint_folder(path, name)
    asked, card = name, find_card(name)
    if card is not None:
        name = card.hub_id
    kept = get_settings().home / "checkpoints"
    if name in EMBEDDED_NAMES:
        return open_checkpoint_folder(write_embedded_checkpoint(name, kept), name)
    if name in SCRATCH_NAMES:
        folder = write_scratch_checkpoint(name, kept)
        return Checkpoint(name, folder, _read_config(folder, name), from_scratch=True)
    if not _HUB_ID.fullmatch(name):
        raise CheckpointError(
            f"checkpoint {name!r}: no such folder; expected a folder with config.json and "
            f"model.safetensors, a Hub id such as google/vit-base-patch16-224, or one of "
            f"{', '.join((*EMBEDDED_NAMES, *SCRATCH_NAMES))}"
        )
    require_timm_for(name)
    folder = download_checkpoint(name, revision)
    return open_checkpoint_folder(folder, name, revision=folder.name, asked=asked)


def open_checkpoint_folder(
    folder: Path, name: str, *, revision: str | None = None, asked: str | None = None
) -> Checkpoint:
    """The checkpoint in `folder`, after looking at what files it has.

    Args:
        asked: the name to import it by, where that is not `name`: a card's name chooses the task.

    Raises:
        CheckpointError: no config.json, or no safetensors.
    """
    config = _read_config(folder, name)
    how = HOW_TO_CONVERT.format(name=asked or name)
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(
            p.name for pattern in ("*.bin", "*.pt", "*.pth") for p in folder.glob(pattern)
        )
        if pickles:
            raise CheckpointError(
                f"checkpoint {name!r} has its weights in {pickles[0]}, a pickle, which can run code "
                f"when it is loaded. {how}"
            )
        raise CheckpointError(
            f"checkpoint {name!r} has no model.safetensors. If its weights are in a .bin file: {how}"
        )
    return Checkpoint(name, folder, config, revision)


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"checkpoint {name!r}: {folder} has no config.json; it is not a checkpoint in Hub format"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"checkpoint {name!r}: cannot read {path}: {error}") from None
    if isinstance(config, dict) and is_timm_config(config):
        # timm writes none; transformers' own name for it is this.
        config.setdefault("model_type", TIMM)
    if not isinstance(config, dict) or not config.get("model_type"):
        raise CheckpointError(f"checkpoint {name!r}: {path} names no model_type")
    return config


def check_obtainable(name: str) -> None:
    """Look for the checkpoint called `name` as `resolve_checkpoint` would, but download nothing.

    Raises:
        CheckpointError: a folder that is no checkpoint, a repository that the Hub has not, or no
            way to get there.
    """
    if name in SCRATCH_NAMES:
        return
    if Path(name).expanduser().is_dir() or not _HUB_ID.fullmatch(name):
        resolve_checkpoint(name)
        return
    card = find_card(name)
    name = card.hub_id if card is not None else name
    if name in EMBEDDED_NAMES:
        check_embedded(name)
        return
    require_timm_for(name)
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if isinstance(try_to_load_from_cache(name, "config.json"), str):
        return
    with _hub_errors(name, None):
        if _offline():
            raise LocalEntryNotFoundError("offline")
        url = hf_hub_url(name, "config.json", endpoint=get_settings().hub_endpoint or None)
        try:
            get_hf_file_metadata(url, timeout=_ASK_TIMEOUT)
        except HfHubHTTPError:
            raise
        except _transport_error() as error:
            raise LocalEntryNotFoundError(str(error)) from None


def download_checkpoint(
    name: str, revision: str | None, *, patterns: Sequence[str] = CHECKPOINT_PATTERNS
) -> Path:
    """Bring files of a Hub repository into the Hub's cache; a broken download goes on where it was.

    Returns:
        The folder of that commit, named after it.

    Raises:
        CheckpointError: no such repository or revision, or it cannot be had.
    """
    from huggingface_hub import snapshot_download

    with _hub_errors(name, revision), quiet_hub():
        folder = snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(patterns),
            endpoint=get_settings().hub_endpoint or None,
            local_files_only=_offline(),
        )
    return Path(folder)


def _offline() -> bool:
    set_by_hub = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes")
    return get_settings().offline or set_by_hub


def _transport_error() -> type[Exception]:
    """What the Hub's client raises without an answer: httpx's HTTPError or httpx2's, by its version."""
    from huggingface_hub.errors import HfHubHTTPError

    base: type[Exception] = HfHubHTTPError.__bases__[0]
    return base


@contextmanager
def _hub_errors(name: str, revision: str | None) -> Iterator[None]:
    """What the Hub's client raises, as a CheckpointError that says what to do."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError:
        reason = "its owner asks for consent: accept the terms on its page, then set HF_TOKEN"
    except RepositoryNotFoundError:
        reason = "no such repository on the Hub (or it is private: set HF_TOKEN)"
    except RevisionNotFoundError:
        reason = f"the repository has no revision {revision!r}"
    except LocalEntryNotFoundError:
        how = "may not be reached (offline)" if _offline() else "cannot be reached"
        reason = (
            f"it is not in the local cache and the Hub {how}; give a local folder instead, or bring "
            f"it into the workspace once: tintype model import FOLDER --name {name}"
        )
    except (HfHubHTTPError, _transport_error(), OSError, ValueError) as error:
        reason = f"the download failed: {str(error).splitlines()[0]}; run again to go on with it"
    else:
        return
    raise CheckpointError(f"checkpoint {name!r}: {reason}")
