"""CLIP's tokenizer: texts to token ids, without transformers once its file is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import CheckpointError, UsageError
from tintype.models.checkpoint import Checkpoint
from tintype.quiet import quiet_transformers

__all__ = ["TextTokenizer", "write_tokenizer_file"]


class TextTokenizer:
    """Token ids of texts, padded to the length the text tower was trained for."""

    def __init__(self, path: Path, *, length: int) -> None:
        """
        Args:
            path: a `tokenizer.json`.
            length: tokens of a text with its two marks, 77 for CLIP; a longer text is refused.

        Raises:
            CheckpointError: the file is damaged.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:
            # Its errors are plain exceptions.
            raise CheckpointError(f"the tokenizer {path} is damaged: {error}") from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._length = length

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """int64 (n, length): each row ends with its end mark, repeated as padding.

        Raises:
            UsageError: a text is too long.
        """
        rows = np.zeros((len(texts), self._length), np.int64)
        for row, encoding in zip(rows, self._tokenizer.encode_batch(list(texts)), strict=True):
            if len(encoding.ids) > self._length:
                text = texts[0] if len(texts) == 1 else encoding.tokens[1]
                raise UsageError(
                    f"a text of {len(encoding.ids)} tokens, beginning {str(text)[:40]!r}; the "
                    f"model reads at most {self._length}"
                )
            row[: len(encoding.ids)] = encoding.ids
            row[len(encoding.ids) :] = encoding.ids[-1]
        return rows


def write_tokenizer_file(checkpoint: Checkpoint, path: Path) -> None:
    """Write the checkpoint's tokenizer as one `tokenizer.json`; imports transformers.

    Raises:
        CheckpointError: it has no tokenizer that can be read.
    """
    from transformers import AutoTokenizer

    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(
                str(checkpoint.folder), trust_remote_code=False
            )
        tokenizer.backend_tokenizer.save(str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"checkpoint {checkpoint.name!r}: no tokenizer: {reason}") from None
