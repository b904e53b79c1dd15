"""SigLIP's first tokenizer: a SentencePiece model with the clean-up of its training.

transformers reads it through the library sentencepiece alone; tokenizers gives the same ids.
"""

from __future__ import annotations

import string
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["SENTENCE_PIECES", "siglip_tokenizer"]

SENTENCE_PIECES = "spiece.model"
"""The file's name in a checkpoint."""

_END = "</s>"


def siglip_tokenizer(path: Path, *, lower_case: bool) -> tuple[Any, int]:
    """The `tokenizers.Tokenizer` that encodes as transformers' SiglipTokenizer, and its padding id.

    Texts lose their ASCII punctuation and repeated spaces, and get the end mark, which also pads
    (big_vision, pp/ops_text.py).

    Raises:
        ValueError: not a SentencePiece model, or one without an end mark.
        ImportError: protobuf is not installed.
    """
    from google.protobuf.message import DecodeError
    from tokenizers import Regex, normalizers, processors
    from transformers.convert_slow_tokenizer import SpmConverter

    try:
        with warnings.catch_warnings():
            # It warns that byte pieces are left out, which the next line puts right.
            warnings.simplefilter("ignore")
            converter: Any = SpmConverter(SimpleNamespace(vocab_file=str(path)))
    except DecodeError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    converter.handle_byte_fallback = converter.proto.trainer_spec.byte_fallback
    tokenizer = converter.converted()
    end = tokenizer.token_to_id(_END)
    if end is None:
        raise ValueError(f"{path} has no piece {_END}")
    punctuation = "".join(f"\\{character}" for character in string.punctuation)
    steps = [
        normalizers.Replace("▁", " "),
        *([normalizers.Lowercase()] if lower_case else []),
        normalizers.Replace(Regex(f"[{punctuation}]"), ""),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
    ]
    charsmap = converter.proto.normalizer_spec.precompiled_charsmap
    if charsmap:
        steps.append(normalizers.Precompiled(charsmap))
        # What the map turned into spaces.
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {_END}", special_tokens=[(_END, end)]
    )
    return tokenizer, end
