"""int8 on the user's own images: calibrated by NNCF, and refused where it strays too far.

A quarter of the images is kept out of the calibration; on these, the quantised network is compared
with the one in fp32 before anything is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import AgreementError, MissingExtraError, UsageError
from tintype.files import write_json
from tintype.images.loading import ImageSource, pixels_of
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.models.families import CONVOLUTIONAL
from tintype.models.runtimes.agreement import Agreement, compare_outputs
from tintype.models.runtimes.choice import RuntimeChoice
from tintype.models.runtimes.graph_folder import GraphFolder, graph_folder_for
from tintype.models.runtimes.opening import OpenedNetwork, Runtime, graph_runtime, open_network
from tintype.models.runtimes.openvino_runtime import quiet_openvino
from tintype.progress import track, working

__all__ = ["DEFAULT_MIN_AGREEMENT", "open_quantized"]

DEFAULT_MIN_AGREEMENT = 0.98
_FEWEST = 8
_MOST = 400


def open_quantized(
    checkpoint: Checkpoint,
    output: str,
    choice: RuntimeChoice,
    *,
    images: Sequence[ImageSource] | None,
    min_agreement: float | None,
    examples: Sequence[np.ndarray] = (),
) -> OpenedNetwork:
    """The network in int8: made now from `images`, or found as it was made before.

    Args:
        images: at least 8, at most 400 are used; None takes what was made before.
        min_agreement: least share of held-out images with the same top label (for features: least
            mean cosine). None: what was accepted when it was made; 0.98 while it is being made.

    Raises:
        UsageError: no images, and none were given before; or too few.
        AgreementError: it strays too far; nothing was kept.
        ImageError, FetchError: an image cannot be read.
        MissingExtraError: NNCF is not installed.
    """
    folder = graph_folder_for(checkpoint, f"{output}-int8", choice.runtime)
    if images is None and not folder.exists():
        raise UsageError(
            f"precision int8 of {checkpoint.name!r} needs a few hundred of your own images once: "
            "tintype model quantize MODEL --images FOLDER, or Scorer.load(..., calibration=[...])"
        )
    if images is not None:
        # fp32 comes first: it is what gets quantised, and what the result is held against.
        exact = open_network(
            checkpoint, output, replace(choice, precision="fp32"), examples=examples
        )
        pixels = _calibration_pixels(images, exact.preprocessor)
        bound = DEFAULT_MIN_AGREEMENT if min_agreement is None else min_agreement
        if _record(folder).get("images") != _digest(pixels):
            _quantize(checkpoint, output, choice, exact, pixels, folder, bound)
        _accept(folder, bound, output, checkpoint.name)
    record = _record(folder)
    agreement = Agreement(**record["agreement"])
    accepted = record.get("min_agreement", DEFAULT_MIN_AGREEMENT)
    _refuse_below(
        accepted if min_agreement is None else min_agreement, agreement, output, checkpoint.name
    )
    description = folder.description()
    return OpenedNetwork(
        graph_runtime(folder.path, choice),
        description,
        description.preprocessor() or Preprocessor.from_folder(checkpoint.folder),
        choice,
        agreement,
    )


def _calibration_pixels(images: Sequence[ImageSource], preprocessor: Preprocessor) -> np.ndarray:
    if len(images) < _FEWEST:
        raise UsageError(f"{len(images)} calibration images; give at least {_FEWEST}")
    # Evenly over what was given: the first hundreds of a folder are often one class.
    chosen = np.linspace(0, len(images) - 1, min(len(images), _MOST)).round().astype(int)
    return np.stack(
        [pixels_of(images[n], preprocessor) for n in track(chosen.tolist(), "reading images")]
    )


def _quantize(
    checkpoint: Checkpoint,
    output: str,
    choice: RuntimeChoice,
    exact: OpenedNetwork,
    pixels: np.ndarray,
    folder: GraphFolder,
    bound: float,
) -> None:
    held_out = np.arange(len(pixels)) % 4 == 3
    expected = _outputs(exact.runtime, pixels[held_out])
    source = graph_folder_for(checkpoint, output, choice.runtime).path / "image.xml"

    def convert(temporary: Path) -> None:
        with working(f"quantising {checkpoint.name} on {int((~held_out).sum())} images"):
            _write_quantized(source, pixels[~held_out], temporary, checkpoint.family)
        found = _outputs(graph_runtime(temporary, choice), pixels[held_out])
        agreement = compare_outputs(expected, found)
        _refuse_below(bound, agreement, output, checkpoint.name)
        content = {"images": _digest(pixels), "agreement": asdict(agreement)}
        write_json(temporary / "calibration.json", content)

    few = pixels[held_out][:3]
    folder.write(exact.description, (few, expected[:3]), convert)


def _write_quantized(source: Path, pixels: np.ndarray, folder: Path, family: str) -> None:
    quiet_openvino()
    try:
        with _quiet_nncf():
            import nncf
    except ImportError:
        raise MissingExtraError("int8", "openvino") from None
    import openvino

    graph = openvino.Core().read_model(source)
    transformer = family not in CONVOLUTIONAL
    with _quiet_nncf():
        quantized: Any = nncf.quantize(
            graph,
            nncf.Dataset([image[None] for image in pixels]),
            subset_size=len(pixels),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER if transformer else None,
        )
    openvino.save_model(quantized, folder / "image.xml", compress_to_fp16=False)


def _outputs(runtime: Runtime, pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([runtime.run(pixels[n : n + 16]) for n in range(0, len(pixels), 16)])


def _accept(folder: GraphFolder, bound: float, output: str, name: str) -> None:
    """Keep the bound that its maker set, for those who load it without one."""
    record = _record(folder)
    _refuse_below(bound, Agreement(**record["agreement"]), output, name)
    if record.get("min_agreement") != bound:
        write_json(folder.path / "calibration.json", {**record, "min_agreement": bound})


def _refuse_below(bound: float, agreement: Agreement, output: str, name: str) -> None:
    measure, what = (
        (agreement.top1, "of held-out images keep their top label")
        if output == "logits"
        else (agreement.cosine, "is the mean cosine of held-out images' features")
    )
    if measure < bound:
        raise AgreementError(
            f"int8 of {name!r} strays too far from fp32: {measure:.4f} {what}, the bound is "
            f"{bound}; stay with bf16, or give more images, or lower min_agreement"
        )


def _record(folder: GraphFolder) -> dict[str, Any]:
    try:
        record = json.loads((folder.path / "calibration.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _digest(pixels: np.ndarray) -> str:
    return hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()


@contextlib.contextmanager
def _quiet_nncf() -> Iterator[None]:
    """NNCF prints bars and notices of its own; ours say enough."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO() if not sys.stdout.isatty() else sys.stdout):
            yield
    finally:
        logger.setLevel(level)
