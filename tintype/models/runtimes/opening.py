"""From a checkpoint and a choice to a runtime whose outputs were compared with torch's in fp32."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.models.families import TEXT_AND_IMAGE
from tintype.models.runtimes.agreement import BOUNDS, Agreement, compare_outputs, sample_pixels
from tintype.models.runtimes.choice import TORCH, RuntimeChoice
from tintype.models.runtimes.graph_folder import GraphDescription, GraphFolder, graph_folder_for
from tintype.models.weights import count_parameters, stored_tensors
from tintype.progress import working

if TYPE_CHECKING:
    from tintype.models.networks import ImageNetwork

__all__ = ["OpenedNetwork", "Runtime", "convert_network", "graph_runtime", "open_network"]

# Above this, the weights are read straight into bf16 and there is no fp32 model to compare with.
_MOST_COMPARED = 600_000_000

_log = logging.getLogger("tintype")


class Runtime(Protocol):
    """What executes a network."""

    def run(self, values: np.ndarray, /) -> np.ndarray:
        """Pixels uint8 (n, height, width, 3), or token ids int64 (n, length) -> float32 (n, D)."""

    def set_threads(self, count: int) -> None:
        """Use so many CPU threads from the next pass on.

        Called by the thread that runs the passes, between two of them.
        """


@dataclass(frozen=True)
class OpenedNetwork:
    """An image network that is ready to run."""

    runtime: Runtime
    description: GraphDescription
    preprocessor: Preprocessor
    choice: RuntimeChoice
    agreement: Agreement | None
    """With torch in fp32; None where that is what runs, or where it would not fit."""


def open_network(
    checkpoint: Checkpoint,
    output: str,
    choice: RuntimeChoice,
    *,
    examples: Sequence[np.ndarray] = (),
    may_fall_back: bool = False,
) -> OpenedNetwork:
    """Build or find the network in the chosen runtime, and compare it with torch's in fp32.

    Args:
        output: "logits" or a pooling.
        examples: RGB images, uint8, to compare on beside the generated ones.
        may_fall_back: take fp32 where bf16 strays further than `BOUNDS`; else only say so.

    Raises:
        CheckpointError: the checkpoint cannot be loaded, or the runtime cannot express it.
    """
    if choice.runtime in TORCH:
        opened = _open_in_torch(checkpoint, output, choice, examples)
    else:
        opened = _open_graph(checkpoint, output, choice, examples)
    bound = BOUNDS[choice.precision]
    if opened.agreement is None or opened.agreement.cosine >= bound:
        return opened
    strayed = f"{choice.precision} strays from fp32: cosine {opened.agreement.cosine:.4f} < {bound}"
    if may_fall_back and choice.precision == "bf16":
        exact = replace(
            choice, precision="fp32", reason=f"{choice.reason}; {strayed}: fp32 instead"
        )
        return open_network(checkpoint, output, exact, examples=examples)
    _log.warning("%s: %s", checkpoint.name, strayed)
    return opened


def _open_in_torch(
    checkpoint: Checkpoint, output: str, choice: RuntimeChoice, examples: Sequence[np.ndarray]
) -> OpenedNetwork:
    import torch

    from tintype.models.networks import load_image_network
    from tintype.models.runtimes.torch_runtime import TorchRuntime

    preprocessor = Preprocessor.from_folder(checkpoint.folder)
    parameters = count_parameters(stored_tensors(checkpoint.folder))
    compared = choice.precision != "fp32" and parameters <= _MOST_COMPARED
    straight = choice.precision == "bf16" and not compared
    network = load_image_network(
        checkpoint,
        preprocessor,
        output,  # type: ignore[arg-type]
        dtype=torch.bfloat16 if straight else torch.float32,
    )
    expected = np.empty(0)
    if compared:
        pixels = _pixels_to_compare(preprocessor, examples)
        expected = _outputs_of(network, pixels)
    description = _describe(checkpoint, network, preprocessor, output)
    runtime = TorchRuntime(
        network,
        torch.device(choice.device),
        choice.precision,
        compiled=choice.runtime == "torch-compile",
    )
    agreement = compare_outputs(expected, runtime.run(pixels)) if compared else None
    return OpenedNetwork(runtime, description, preprocessor, choice, agreement)


def _open_graph(
    checkpoint: Checkpoint, output: str, choice: RuntimeChoice, examples: Sequence[np.ndarray]
) -> OpenedNetwork:
    folder = graph_folder_for(checkpoint, output, choice.runtime)
    if not folder.exists():
        with working(f"preparing {checkpoint.name} for {choice.runtime} (once)"):
            _prepare(checkpoint, output, choice, examples, folder)
    description = folder.description()
    runtime = graph_runtime(folder.path, choice)
    agreement = folder.recorded_agreement(choice.precision)
    if agreement is None:
        pixels, expected = folder.reference()
        agreement = compare_outputs(expected, runtime.run(pixels))
        folder.record_agreement(choice.precision, agreement)
    preprocessor = description.preprocessor() or Preprocessor.from_folder(checkpoint.folder)
    return OpenedNetwork(runtime, description, preprocessor, choice, agreement)


def graph_runtime(folder: Path, choice: RuntimeChoice, name: str = "image") -> Runtime:
    """The runtime of a graph that lies in `folder`.

    Raises:
        CheckpointError: the graph is damaged.
    """
    if choice.runtime == "onnxruntime":
        from tintype.models.runtimes.onnx_runtime import OnnxRuntime

        return OnnxRuntime(folder / f"{name}.onnx", threads=choice.threads)
    from tintype.models.hardware import has_fast_bf16, pick_device
    from tintype.models.runtimes.openvino_runtime import OpenvinoRuntime

    fast = has_fast_bf16(pick_device("cpu"))
    return OpenvinoRuntime(
        folder / f"{name}.xml", choice.precision, threads=choice.threads, fast_bf16=fast
    )


def _prepare(
    checkpoint: Checkpoint,
    output: str,
    choice: RuntimeChoice,
    examples: Sequence[np.ndarray],
    folder: GraphFolder,
) -> None:
    import torch

    from tintype.models.networks import load_image_network

    preprocessor = Preprocessor.from_folder(checkpoint.folder)
    network = load_image_network(checkpoint, preprocessor, output)  # type: ignore[arg-type]
    pixels = _pixels_to_compare(preprocessor, examples)
    example = torch.from_numpy(pixels[:2])

    def convert(temporary: Path) -> None:
        convert_network(
            network, example, temporary, "image", choice.runtime, preprocessor.input_size
        )

    description = _describe(checkpoint, network, preprocessor, output)
    folder.write(description, (pixels, _outputs_of(network, pixels)), convert)


def convert_network(
    network: Any, example: Any, folder: Path, name: str, runtime: str, size: tuple[int, ...]
) -> None:
    """Write `network`, traced on `example`, as `folder/name` in the runtime's own format.

    Args:
        name: "image" or "text".
        size: (height, width) of an image, (length,) of a text.

    Raises:
        CheckpointError: the runtime cannot express it.
    """
    if runtime == "onnxruntime":
        from tintype.models.runtimes.onnx_runtime import convert_to_onnx

        convert_to_onnx(
            network, example, folder / f"{name}.onnx", input_name=name, output_name="output"
        )
        return
    from tintype.models.runtimes.openvino_runtime import convert_to_openvino

    channels = [3] if name == "image" else []
    convert_to_openvino(network, example, folder / f"{name}.xml", [-1, *size, *channels])


def _pixels_to_compare(preprocessor: Preprocessor, examples: Sequence[np.ndarray]) -> np.ndarray:
    generated = sample_pixels(preprocessor.input_size)
    given = [preprocessor.resize(image) for image in examples]
    return np.stack([*given, *generated])


def _outputs_of(network: ImageNetwork, pixels: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return network(torch.from_numpy(pixels)).float().numpy()


def _describe(
    checkpoint: Checkpoint, network: ImageNetwork, preprocessor: Preprocessor, output: str
) -> GraphDescription:
    from tintype.models.classifier import labels_of, task_of

    model: Any = network.model
    classifier = output == "logits"
    preprocessing = preprocessor.to_config()
    if preprocessor.processor is not None:
        preprocessing["tintype_external"] = True
    return GraphDescription(
        family=checkpoint.family,
        output=output,
        dimension=len(labels_of(model)) if classifier else _feature_count(network, preprocessor),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        task=task_of(model) if classifier else None,
        labels=labels_of(model) if classifier else (),
        logit_scale=_logit_scale(checkpoint),
        logit_bias=_logit_bias(checkpoint),
        preprocessing=preprocessing,
        input_size=preprocessor.input_size,
    )


def _feature_count(network: ImageNetwork, preprocessor: Preprocessor) -> int:
    pixels = np.zeros((1, *preprocessor.input_size, 3), np.uint8)
    return int(_outputs_of(network, pixels).shape[1])


def _logit_scale(checkpoint: Checkpoint) -> float | None:
    """exp of the learned scale (CLIP: Radford et al. 2021, §2.5; SigLIP: Zhai et al. 2023, §3.2)."""
    scale = _learned_number(checkpoint, "logit_scale")
    return None if scale is None else math.exp(scale)


def _logit_bias(checkpoint: Checkpoint) -> float | None:
    """SigLIP's learned bias (Zhai et al. 2023, §3.2)."""
    return _learned_number(checkpoint, "logit_bias")


def _learned_number(checkpoint: Checkpoint, name: str) -> float | None:
    """A weight that is a single number; None where there is none of that name."""
    if checkpoint.family not in TEXT_AND_IMAGE:
        return None
    import torch

    from tintype.models.weights import read_tensor

    stored = stored_tensors(checkpoint.folder).get(name)
    return None if stored is None else float(read_tensor(stored, torch.float32))
