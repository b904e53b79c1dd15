"""A text tower in a runtime: texts to embeddings, always in fp32.

It runs once for each set of labels, so its speed matters little and its exactness much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import CheckpointError
from tintype.files import atomic_folder
from tintype.models.checkpoint import Checkpoint
from tintype.models.families import TEXT_AND_IMAGE
from tintype.models.runtimes.choice import TORCH, RuntimeChoice
from tintype.models.runtimes.graph_folder import graph_folder_for
from tintype.models.runtimes.opening import Runtime, convert_network, graph_runtime
from tintype.models.tokenizer import TextTokenizer, write_tokenizer_file
from tintype.progress import working

__all__ = ["TextEncoder", "open_text_encoder"]

# Texts of one pass.
_BATCH = 64


class TextEncoder:
    """Texts to embeddings in the space that the model's text and images share."""

    def __init__(self, runtime: Runtime, tokenizer: TextTokenizer) -> None:
        """Prefer `open_text_encoder`."""
        self._runtime = runtime
        self._tokenizer = tokenizer

    def set_threads(self, count: int) -> None:
        """See `Runtime`."""
        self._runtime.set_threads(count)

    def encode(self, texts: Sequence[str], *, truncate: bool = False) -> np.ndarray:
        """float32 (n, D), not normalised; `texts` are at least one.

        Args:
            truncate: a text that is longer than the tower reads is cut.

        Raises:
            UsageError: a text is longer than the tower reads, and is not to be cut.
        """
        ids = self._tokenizer.encode(texts, truncate=truncate)
        parts = [self._runtime.run(ids[n : n + _BATCH]) for n in range(0, len(ids), _BATCH)]
        return np.concatenate(parts)


def open_text_encoder(checkpoint: Checkpoint, choice: RuntimeChoice) -> TextEncoder:
    """The checkpoint's text tower in the chosen runtime.

    Raises:
        CheckpointError: it has no text tower or no tokenizer, or the runtime cannot express it.
    """
    if checkpoint.family not in TEXT_AND_IMAGE:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} ({checkpoint.family}) has no text tower; zero-shot "
            "classification and text embeddings need a CLIP or SigLIP checkpoint"
        )
    # Compiling would take longer than the few passes it is for.
    runtime = "torch" if choice.runtime in TORCH else choice.runtime
    folder = graph_folder_for(checkpoint, "text", runtime).path
    if not (folder / "tokenizer.json").is_file():
        with working(f"preparing the text tower of {checkpoint.name} (once)"):
            _prepare(checkpoint, runtime, folder)
    tokenizer = TextTokenizer(folder / "tokenizer.json")
    if runtime == "torch":
        return TextEncoder(_TorchText(checkpoint), tokenizer)
    exact = replace(choice, precision="fp32")
    return TextEncoder(graph_runtime(folder, exact, "text"), tokenizer)


class _TorchText:
    """The text tower in torch, on the CPU."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        from tintype.models.networks import load_text_network

        self._network = load_text_network(checkpoint)

    def run(self, values: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            return self._network(torch.from_numpy(values)).numpy()

    def set_threads(self, count: int) -> None:
        """See `Runtime`."""
        import torch

        torch.set_num_threads(count)


def _prepare(checkpoint: Checkpoint, runtime: str, folder: Path) -> None:
    network: Any = None
    if runtime != "torch":
        from tintype.models.networks import load_text_network

        network = load_text_network(checkpoint)
    with atomic_folder(folder) as temporary:
        write_tokenizer_file(checkpoint, temporary / "tokenizer.json")
        if network is not None:
            import torch

            ids = TextTokenizer(temporary / "tokenizer.json").encode(["a cat", "a photo of a dog"])
            convert_network(
                network, torch.from_numpy(ids), temporary, "text", runtime, (ids.shape[1],)
            )
