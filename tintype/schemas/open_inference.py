"""The Open Inference Protocol, version 2 (KServe's), as JSON over HTTP.

Requests, answers and metadata are those of specification/protocol/inference_rest.md in
github.com/kserve/open-inference-protocol. Tensors `image` and `text` hold one cell per row, the
cells that wire.py reads; binary tensor data, an extension of some servers, is not spoken.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from tintype.errors import RequestError
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT, Task
from tintype.schemas.wire import ScoreRequest, checked_request, read_object

__all__ = [
    "EXAMPLE_INFERENCE",
    "INPUTS",
    "OUTPUTS",
    "InferRequest",
    "model_metadata",
    "read_infer_request",
    "server_metadata",
    "write_infer_response",
]

INPUTS = ("image", "text")
"""Names of the tensors a request may have."""

OUTPUTS = ("probs", "labels", "image_features", "text_features")
"""Names of the tensors an answer may have; the first two, or the last two."""

EXAMPLE_INFERENCE = '{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["<base64 or URL>"]}]}'

# It goes back with the answer as it came.
_MAX_ID_CHARACTERS = 1000

_NO_BINARY = (
    "binary tensor data is not supported here: send and ask for JSON, with the image as base64 "
    "text in 'data' (binary_data=False in Triton's client)"
)


@dataclass(frozen=True)
class InferRequest:
    """A request whose shape is right."""

    score: ScoreRequest
    """Its rows."""

    id: str | None
    """To be echoed; None where the request has none."""

    outputs: tuple[str, ...]
    """The tensors asked for; empty means all of them."""


def read_infer_request(body: bytes, *, max_rows: int, images_required: bool = True) -> InferRequest:
    """Read the body of POST /v2/models/{name}/infer.

    Inputs are `image`, BYTES of shape [n] or [n, 1], and `text`, the same or of one row only:
    then it is the first row's, as zero-shot labels are. Data stand in one list or nested as the
    shape says. `parameters` that ask for nothing binary are passed over.

    Args:
        images_required: False lets a request have texts and no images.

    Raises:
        RequestError: 400 with what is wrong and where, 413 for more than `max_rows` rows.
    """
    try:
        document = read_object(body, EXAMPLE_INFERENCE)
    except RequestError:
        # With the extension, the tensors' bytes follow the JSON.
        if b'"binary_data_size"' in body:
            raise RequestError(_NO_BINARY) from None
        raise
    _refuse_binary(document)
    identifier = document.get("id")
    if not isinstance(identifier, str | None) or len(identifier or "") > _MAX_ID_CHARACTERS:
        raise RequestError(f"'id' must be text of at most {_MAX_ID_CHARACTERS} characters")
    outputs = _requested(document.get("outputs"))
    tensors = _tensors(document.get("inputs"), max_rows)
    images, texts = tensors.get("image"), tensors.get("text")
    if images is None:
        if images_required or texts is None:
            raise RequestError(f"there is no input 'image'. Expected {EXAMPLE_INFERENCE}")
        images = [""] * len(texts)
    if texts is None:
        texts = [""] * len(images)
    elif len(texts) == 1:
        texts += [""] * (len(images) - 1)
    elif len(texts) != len(images):
        raise RequestError(
            f"input 'text' has {len(texts)} rows; expected {len(images)}, one for each image, or 1"
        )
    score = checked_request(
        images, texts, EXAMPLE_INFERENCE, max_rows=max_rows, images_required=images_required
    )
    return InferRequest(score, identifier, outputs)


def write_infer_response(
    request: InferRequest,
    tensors: Mapping[str, np.ndarray | Sequence[str] | None],
    *,
    model_name: str,
    model_version: str | None,
) -> bytes:
    """JSON for the tensors of an answer, those that the request asked for; data in row-major order.

    Args:
        tensors: `probs` float32 (n, k) and `labels` k texts; or `image_features` float32 (n, D),
            `text_features` float32 (n, D) or both. None where there is none.
        model_version: left out where it is None.

    Raises:
        RequestError: 400, a tensor was asked for that this answer does not have.
    """
    made = {name: values for name, values in tensors.items() if values is not None}
    for name in request.outputs:
        if name not in made:
            raise RequestError(f"output {name!r} is not in this answer; it has {', '.join(made)}")
    answer: dict[str, Any] = {"model_name": model_name}
    if model_version is not None:
        answer["model_version"] = model_version
    if request.id is not None:
        answer["id"] = request.id
    answer["outputs"] = [_written(name, made[name]) for name in request.outputs or made]
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def model_metadata(
    name: str, version: str, task: Task, classes: Sequence[str], *, reads_text: bool = True
) -> dict[str, Any]:
    """The answer to GET /v2/models/{name}; -1 stands for a size that varies.

    Args:
        classes: the model's labels; of no account for zero-shot and embeddings.
        reads_text: False for a model of embeddings without a text tower.
    """
    inputs = [_described("image", "BYTES", -1)]
    if task == ZERO_SHOT or (task == EMBEDDINGS and reads_text):
        inputs.append(_described("text", "BYTES", -1))
    if task == EMBEDDINGS:
        outputs = [_described(f"{given['name']}_features", "FP32", -1, -1) for given in inputs]
    else:
        count = -1 if task == ZERO_SHOT else len(classes)
        outputs = [_described("probs", "FP32", -1, count), _described("labels", "BYTES", count)]
    return {
        "name": name,
        "versions": [version],
        "platform": "tintype",
        "inputs": inputs,
        "outputs": outputs,
    }


def server_metadata(version: str) -> dict[str, Any]:
    """The answer to GET /v2."""
    return {"name": "tintype", "version": version, "extensions": []}


def _described(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def _written(name: str, values: np.ndarray | Sequence[str]) -> dict[str, Any]:
    if not isinstance(values, np.ndarray):
        return {**_described(name, "BYTES", len(values)), "data": list(values)}
    # orjson writes arrays that are contiguous and of this machine's byte order.
    array = np.ascontiguousarray(values, np.float32)
    return {**_described(name, "FP32", *array.shape), "data": array.ravel()}


def _refuse_binary(holder: dict[str, Any]) -> None:
    """Refuse `parameters` of a request, an input or an output that have to do with raw bytes."""
    parameters = holder.get("parameters")
    if parameters is None:
        return
    if not isinstance(parameters, dict):
        raise RequestError("'parameters' must be a JSON object")
    if "binary_data_size" in parameters or any(
        parameters.get(name) not in (None, False) for name in ("binary_data", "binary_data_output")
    ):
        raise RequestError(_NO_BINARY)


def _requested(outputs: Any) -> tuple[str, ...]:
    """Names of the outputs asked for, each once."""
    if outputs is None:
        return ()
    names = _named(outputs, "outputs", OUTPUTS)
    for output in outputs:
        _refuse_binary(output)
    return tuple(dict.fromkeys(names))


def _tensors(inputs: Any, max_rows: int) -> dict[str, list[str]]:
    """Rows of each input by its name."""
    names = _named(inputs, "inputs", INPUTS)
    if len(set(names)) < len(names):
        raise RequestError(f"an input stands twice; expected each of {', '.join(INPUTS)} once")
    return {name: _rows(tensor, name, max_rows) for name, tensor in zip(names, inputs, strict=True)}


def _named(listed: Any, key: str, valid: tuple[str, ...]) -> list[str]:
    """The names of a list of objects.

    Raises:
        RequestError: 400, it is none, or a name is not `valid`.
    """
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise RequestError(f"{key!r} must be a list of objects. Expected {EXAMPLE_INFERENCE}")
    for item in listed:
        name = item.get("name")
        if name not in valid:
            raise RequestError(
                f"{reprlib.repr(name)} in {key!r} is not one this server knows; "
                f"expected {', '.join(valid)}"
            )
    return [item["name"] for item in listed]


def _rows(tensor: dict[str, Any], name: str, max_rows: int) -> list[str]:
    """The texts of one BYTES tensor of shape [n] or [n, 1]."""
    _refuse_binary(tensor)
    datatype, shape, data = (tensor.get(key) for key in ("datatype", "shape", "data"))
    if datatype != "BYTES":
        raise RequestError(
            f"input {name!r}: datatype {reprlib.repr(datatype)}; expected 'BYTES', each element "
            "text in JSON"
        )
    if (
        not isinstance(shape, list)
        # bool is an int to Python, not to JSON.
        or any(type(size) is not int or size < 0 for size in shape)
        or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))
    ):
        raise RequestError(
            f"input {name!r}: shape {reprlib.repr(shape)}; expected [n] or [n, 1] for n rows"
        )
    if not isinstance(data, list):
        raise RequestError(f"input {name!r}: 'data' must be a list of {shape[0]} texts")
    if len(data) > max_rows:
        raise RequestError(f"{len(data)} rows; the limit is {max_rows} a request", status=413)
    if len(data) != shape[0]:
        raise RequestError(
            f"input {name!r}: 'data' has {len(data)} elements, and its shape says {shape[0]}"
        )
    if len(shape) == 2:
        # Nested as the shape is, or flat: the protocol allows both.
        data = [cell[0] if isinstance(cell, list) and len(cell) == 1 else cell for cell in data]
    for row, cell in enumerate(data):
        if not isinstance(cell, str):
            kind = "null" if cell is None else type(cell).__name__
            raise RequestError(
                f"row {row}: input {name!r} of shape {shape} has {kind} there; expected text",
                row=row,
            )
    return data
