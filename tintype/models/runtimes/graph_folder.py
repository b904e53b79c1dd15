"""A network prepared for a runtime, kept on disk under a digest of everything it was made from.

description.json            what it is: family, output, preprocessing, labels
reference.npz               a few images' pixels, and torch's outputs for them in fp32
image.xml, image.bin        OpenVINO's graph (image.onnx for ONNX Runtime)
agreement-<precision>-<chip>.json   how close this machine's outputs came to the reference

Reading one needs neither torch nor transformers, so a second start takes a second.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import OutputError
from tintype.files import atomic_folder, write_json
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.models.hardware import chip_features
from tintype.models.runtimes.agreement import Agreement
from tintype.settings import get_settings

__all__ = ["GraphDescription", "GraphFolder", "graph_folder_for"]

# Changed whenever the same inputs would give another graph.
_FORMAT = 2


@dataclass(frozen=True)
class GraphDescription:
    """What a scorer must know of a network beside its numbers."""

    family: str
    output: str
    """logits, or a pooling."""

    dimension: int
    """Numbers in a row of output."""

    parameters: int
    task: str | None
    """Of a classifier."""

    labels: tuple[str, ...]
    """Of a classifier, in the order of its logits."""

    logit_scale: float | None
    """CLIP's or SigLIP's factor on the cosine of image and text."""

    logit_bias: float | None
    """SigLIP's number added to that product, whose sigmoid is a label's probability."""

    preprocessing: dict[str, Any]
    """As in preprocessor_config.json, with every default written out."""

    input_size: tuple[int, int]
    """(height, width)."""

    def preprocessor(self) -> Preprocessor | None:
        """Its preprocessing, or None where transformers' own processor must run it."""
        if self.preprocessing.get("tintype_external"):
            return None
        return Preprocessor(self.preprocessing, self.input_size)


@dataclass(frozen=True)
class GraphFolder:
    """A folder that may or may not be there yet."""

    path: Path

    def exists(self) -> bool:
        """Whether it is whole: the description is written last."""
        return (self.path / "description.json").is_file()

    def write(
        self,
        description: GraphDescription,
        reference: tuple[np.ndarray, np.ndarray],
        convert: Callable[[Path], None],
    ) -> None:
        """Fill the folder: `convert` puts the graph into a temporary folder that it is given.

        Raises:
            OutputError: the disk is full, or `home` cannot be written.
        """
        with atomic_folder(self.path) as temporary:
            convert(temporary)
            np.savez(temporary / "reference.npz", pixels=reference[0], outputs=reference[1])
            write_json(temporary / "description.json", asdict(description))

    def description(self) -> GraphDescription:
        """What `write` was given."""
        content = json.loads((self.path / "description.json").read_text("utf-8"))
        content["labels"] = tuple(content["labels"])
        content["input_size"] = tuple(content["input_size"])
        return GraphDescription(**content)

    def reference(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels, uint8, and torch's fp32 outputs for them."""
        with np.load(self.path / "reference.npz", allow_pickle=False) as arrays:
            return arrays["pixels"], arrays["outputs"]

    def recorded_agreement(self, precision: str) -> Agreement | None:
        """What this machine's chip was measured to give, if it was."""
        try:
            return Agreement(**json.loads(self._agreement_path(precision).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def record_agreement(self, precision: str, agreement: Agreement) -> None:
        """Keep what was measured, where the folder can be written."""
        try:
            write_json(self._agreement_path(precision), asdict(agreement))
        except (OutputError, ValueError):
            # A read-only cache, or an infinite difference: measured again next time.
            return

    def _agreement_path(self, precision: str) -> Path:
        chip = hashlib.blake2b(" ".join(sorted(chip_features())).encode(), digest_size=4)
        return self.path / f"agreement-{precision}-{chip.hexdigest()}.json"


def graph_folder_for(checkpoint: Checkpoint, output: str, runtime: str) -> GraphFolder:
    """The place for `checkpoint`'s network with this output in this runtime."""
    config = checkpoint.folder / "preprocessor_config.json"
    preprocessing = hashlib.sha256(config.read_bytes()).hexdigest() if config.is_file() else ""
    libraries = [runtime, "torch", "transformers"]
    parts = [
        _FORMAT,
        checkpoint.weights_digest,
        preprocessing,
        output,
        *(f"{name}={importlib.metadata.version(name)}" for name in libraries),
    ]
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    return GraphFolder(get_settings().home / "cache" / "runtimes" / f"{checkpoint.family}-{digest}")
