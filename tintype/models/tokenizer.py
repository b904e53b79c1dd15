"""The tokenizer of a text tower: texts to token ids, without transformers once its file is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import CheckpointError, UsageError
from tintype.models.checkpoint import Checkpoint
from tintype.models.families import TEXT_AND_IMAGE
from tintype.models.sentence_pieces import SENTENCE_PIECES, siglip_tokenizer
from tintype.quiet import quiet_transformers

__all__ = ["TextTokenizer", "write_tokenizer_file"]

_FILE = "tokenizer.json"
_VOCABULARY = "vocab.json"


class TextTokenizer:
    """Token ids of texts, padded to the length the text tower was trained for."""

    def __init__(self, path: Path) -> None:
        """
        Args:
            path: a file of `write_tokenizer_file`.

        Raises:
            CheckpointError: the file is damaged.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer: Any = Tokenizer.from_file(str(path))
            self._length = int(tokenizer.padding["length"])
        except Exception as error:
            # Its errors are plain exceptions.
            raise CheckpointError(f"the tokenizer {path} is damaged: {error}") from None
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str], *, truncate: bool = False) -> np.ndarray:
        """int64 (n, length): each row ends with its end mark and padding.

        Args:
            truncate: a text that is too long loses its last tokens, as transformers' own processors
                cut it; the end mark stays.

        Raises:
            UsageError: a text is too long, and is not to be cut.
        """
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        if truncate:
            rows = [
                ids if len(ids) <= self._length else [*ids[: self._length - 1], ids[-1]]
                for ids in rows
            ]
        for text, ids in zip(texts, rows, strict=True):
            if len(ids) > self._length:
                raise UsageError(
                    f"a text of {len(ids)} tokens, beginning {text[:40]!r}; the model "
                    f"reads at most {self._length}"
                )
        return np.array(rows, np.int64)


def write_tokenizer_file(checkpoint: Checkpoint, path: Path) -> None:
    """Write the checkpoint's tokenizer, padding as in training, as one `tokenizer.json`; imports
    transformers.

    Args:
        checkpoint: of a family in `TEXT_AND_IMAGE`.

    Raises:
        CheckpointError: it has no tokenizer that can be read.
    """
    text_config = checkpoint.config.get("text_config") or {}
    length = text_config.get("max_position_embeddings", TEXT_AND_IMAGE[checkpoint.family].length)
    try:
        with quiet_transformers():
            tokenizer, pad = _tokenizer(checkpoint)
        tokenizer.no_truncation()
        tokenizer.enable_padding(
            direction="right", length=int(length), pad_id=pad, pad_token=tokenizer.id_to_token(pad)
        )
        tokenizer.save(str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"checkpoint {checkpoint.name!r}: no tokenizer: {reason}") from None


def _tokenizer(checkpoint: Checkpoint) -> tuple[Any, int]:
    """The `tokenizers.Tokenizer` and the id that texts are padded with."""
    from transformers import AutoTokenizer

    folder = checkpoint.folder
    pieces = folder / SENTENCE_PIECES
    if checkpoint.family == "siglip" and pieces.is_file() and not (folder / _FILE).is_file():
        return siglip_tokenizer(pieces, lower_case=_is_lower_case(folder))
    if not any((folder / name).is_file() for name in (_FILE, _VOCABULARY)):
        # transformers would make one of no words at all, to which every text is the same.
        raise ValueError(f"there is neither {_FILE} nor {_VOCABULARY} with merges.txt")
    kept = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    tokenizer = kept.backend_tokenizer
    if checkpoint.family == "clip":
        return tokenizer, kept.eos_token_id
    if _is_lower_case(folder):
        from tokenizers import normalizers

        # SigLIP 2 was trained on lower case, of which Gemma's tokenizer knows nothing.
        steps = [normalizers.Lowercase(), tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence([step for step in steps if step is not None])
    return tokenizer, kept.pad_token_id


def _is_lower_case(folder: Path) -> bool:
    """Whether texts are put into lower case, as SigLIP's are unless tokenizer_config.json denies it."""
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return bool(content.get("do_lower_case", True))
