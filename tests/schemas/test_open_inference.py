from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype.errors import RequestError
from tintype.schemas.open_inference import (
    InferRequest,
    model_metadata,
    read_infer_request,
    server_metadata,
    write_infer_response,
)
from tintype.schemas.task import EMBEDDINGS, MULTICLASS, ZERO_SHOT
from tintype.schemas.wire import ScoreRequest


def tensor(data: Any, name: Any = "image", **changes: Any) -> dict[str, Any]:
    shape = [len(data)] if isinstance(data, list) else [1]
    return {"name": name, "shape": shape, "datatype": "BYTES", "data": data, **changes}


def read(body: bytes | dict[str, Any], **options: Any) -> InferRequest:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_infer_request(data, **{"max_rows": 100, **options})


@pytest.mark.parametrize(
    "image",
    [
        tensor(["a", "b"]),
        tensor(["a", "b"], shape=[2, 1]),
        tensor([["a"], ["b"]], shape=[2, 1]),
        tensor([["a"], "b"], shape=[2, 1]),
        tensor(["a", '{"image_base64": "b"}']),
        tensor(["a", "b"], parameters={"content_type": "base64"}),
        tensor(["a", "b"], parameters=None),
    ],
)
def test_every_shape_of_images(image: dict[str, Any]) -> None:
    assert read({"inputs": [image]}) == InferRequest(ScoreRequest(["a", "b"], ["", ""]), None, ())


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        (tensor(["x, y", ""], "text"), ["x, y", ""]),
        (tensor([["x"], ["y"]], "text", shape=[2, 1]), ["x", "y"]),
        (tensor(["x, y"], "text"), ["x, y", ""]),
        (tensor([["x, y"]], "text", shape=[1, 1]), ["x, y", ""]),
    ],
)
def test_texts_beside_images(text: dict[str, Any], texts: list[str]) -> None:
    for inputs in ([tensor(["a", "b"]), text], [text, tensor(["a", "b"])]):
        assert read({"inputs": inputs}).score == ScoreRequest(["a", "b"], texts)


def test_texts_without_images() -> None:
    body = {"inputs": [tensor(["x", "y"], "text")]}
    assert read(body, images_required=False).score == ScoreRequest(["", ""], ["x", "y"])
    with pytest.raises(RequestError, match="no input 'image'"):
        read(body)


def test_the_id_and_the_outputs_asked_for() -> None:
    body = {
        "id": "42",
        "parameters": {"binary_data_output": False, "priority": 1},
        "inputs": [tensor(["a"])],
        "outputs": [
            {"name": "labels", "parameters": {"binary_data": False}},
            {"name": "probs"},
            {"name": "labels"},
        ],
    }
    assert read(body) == InferRequest(ScoreRequest(["a"], [""]), "42", ("labels", "probs"))
    nothing: Any
    for nothing in (None, []):
        assert read(body | {"id": None, "outputs": nothing}).id is None
        assert read(body | {"outputs": nothing}).outputs == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"inputs": [NaN]}', "not JSON"),
        (b'{"inputs": ["\xff"]}', "not JSON"),
        (b'{"id": "\\ud800"}', "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"3", "must be a JSON object"),
        (b"{}", "'inputs' must be a list of objects"),
        (b'{"inputs": {"name": "image"}}', "'inputs' must be a list of objects"),
        (b'{"inputs": ["a"]}', "'inputs' must be a list of objects"),
        (b'{"inputs": []}', "no input 'image'"),
        (b'{"inputs": [{}]}', "None in 'inputs' .*expected image, text"),
    ],
)
def test_bodies_that_are_refused(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([tensor(["a"], "picture")], "'picture' in 'inputs' .*expected image, text"),
        ([tensor(["a"], "Image")], "expected image, text"),
        ([tensor(["a"], ["image"])], "expected image, text"),
        ([tensor(["a"]), tensor(["a"])], "an input stands twice"),
        ([tensor(["a"], "text")], "no input 'image'"),
        ([tensor(["a"], datatype="UINT8")], "input 'image': datatype 'UINT8'; expected 'BYTES'"),
        ([tensor(["a"], datatype=None)], "datatype None; expected 'BYTES'"),
        ([tensor(["a"], shape=None)], r"shape None; expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=[])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=[True])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=[1.0])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=["1"])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=[-1])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a", "b"], shape=[1, 2])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=[1, 1, 1])], r"expected \[n\] or \[n, 1\]"),
        ([tensor(["a"], shape=[2])], "'data' has 1 elements, and its shape says 2"),
        ([tensor(["a"], shape=[2**63])], "its shape says 9223372036854775808"),
        ([tensor(["a", "b"], shape=[1, 1])], "'data' has 2 elements, and its shape says 1"),
        ([tensor("a")], "'data' must be a list of 1 texts"),
        ([tensor(None)], "'data' must be a list of 1 texts"),
        ([tensor([])], "no rows"),
        ([tensor([["a"], ["b"]])], r"row 0: input 'image' of shape \[2\] has list there"),
        ([tensor([["a"], ["b", "c"]], shape=[2, 1])], "row 1: .* has list there"),
        ([tensor([["a"], []], shape=[2, 1])], "row 1: .* has list there"),
        ([tensor([[["a"]]], shape=[1, 1])], "row 0: .* has list there"),
        ([tensor(["a", 3])], "row 1: .* has int there"),
        ([tensor(["a", None])], "row 1: .* has null there"),
        ([tensor(["a"]), tensor([3], "text")], "row 0: input 'text' .* has int there"),
        ([tensor(["a", "b", "c"]), tensor(["x", "y"], "text")], "'text' has 2 rows; expected 3"),
        ([tensor(["a"]), tensor(["x", "y"], "text")], "'text' has 2 rows; expected 1"),
        ([tensor(["a"]), tensor([], "text")], "'text' has 0 rows; expected 1"),
        ([tensor(["a"], parameters=["x"])], "'parameters' must be a JSON object"),
        ([tensor(['{"image_base64": 3}'])], "row 0: the JSON in the cell"),
    ],
)
def test_inputs_that_are_refused(inputs: list[Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read({"inputs": inputs})
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": 42}, "'id' must be text"),
        ({"id": "x" * 1001}, "'id' must be text of at most 1000"),
        ({"parameters": "x"}, "'parameters' must be a JSON object"),
        ({"outputs": "probs"}, "'outputs' must be a list of objects"),
        (
            {"outputs": [{"name": "scores"}]},
            "'scores' in 'outputs' .*expected probs, labels, image_features",
        ),
        ({"parameters": {"binary_data_output": True}}, "binary tensor data is not supported"),
        (
            {"outputs": [{"name": "probs", "parameters": {"binary_data": True}}]},
            "binary tensor data",
        ),
        ({"inputs": [tensor(["a"], parameters={"binary_data_size": 9})]}, "binary tensor data"),
        (
            {
                "inputs": [
                    {
                        "name": "image",
                        "shape": [1],
                        "datatype": "BYTES",
                        "parameters": {"binary_data_size": 9},
                    }
                ]
            },
            "binary tensor data",
        ),
    ],
)
def test_requests_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read({"inputs": [tensor(["a"])], **changes})
    assert caught.value.status == 400


def test_the_bytes_after_the_json_are_named_for_what_they_are() -> None:
    binary = tensor(None, shape=[1], parameters={"binary_data_size": 7})
    del binary["data"]
    with pytest.raises(RequestError, match="binary tensor data is not supported"):
        read(json.dumps({"inputs": [binary]}).encode() + b"\x03\x00\x00\x00\xff\xd8\xff")


def test_too_many_rows() -> None:
    for inputs in (
        [tensor(["a"] * 6)],
        [tensor([["a"]] * 6, shape=[6, 1])],
        [tensor(["a"]), tensor(["x"] * 6, "text")],
    ):
        with pytest.raises(RequestError, match="6 rows; the limit is 5") as caught:
            read({"inputs": inputs}, max_rows=5)
        assert caught.value.status == 413
    assert len(read({"inputs": [tensor(["a"] * 6)]}, max_rows=6).score.images) == 6


def test_messages_stay_short_whatever_was_sent() -> None:
    long = "x" * 1_000_000
    nested: list[Any] = []
    for _ in range(900):
        nested = [nested]
    for changes in (
        {"name": long},
        {"name": nested},
        {"datatype": long},
        {"datatype": nested},
        {"shape": [1] * 1_000_000},
        {"shape": nested},
        {"shape": long},
        {"data": nested},
    ):
        with pytest.raises(RequestError) as caught:
            read({"inputs": [tensor(["a"]) | changes]})
        assert len(str(caught.value)) < 500


ASKED = InferRequest(ScoreRequest(["a"], [""]), "42", ())


def test_probabilities() -> None:
    probs = np.array([[0.1, 0.9], [0.75, 0.25], [1, 0]], np.float32)
    answer: dict[str, Any] = {"probs": probs, "labels": ("can", "käse")}
    body = write_infer_response(ASKED, answer, model_name="m", model_version="3")
    assert json.loads(body) == {
        "model_name": "m",
        "model_version": "3",
        "id": "42",
        "outputs": [
            {
                "name": "probs",
                "datatype": "FP32",
                "shape": [3, 2],
                "data": [0.1, 0.9, 0.75, 0.25, 1, 0],
            },
            {"name": "labels", "datatype": "BYTES", "shape": [2], "data": ["can", "käse"]},
        ],
    }


def test_an_answer_to_a_request_without_an_id_or_a_model_without_versions() -> None:
    request = InferRequest(ScoreRequest(["a"], [""]), None, ("labels",))
    answer: dict[str, Any] = {"probs": np.ones((1, 1), np.float32), "labels": ["can"]}
    assert json.loads(
        write_infer_response(request, answer, model_name="m", model_version=None)
    ) == {
        "model_name": "m",
        "outputs": [{"name": "labels", "datatype": "BYTES", "shape": [1], "data": ["can"]}],
    }


@pytest.mark.parametrize(
    "layout",
    [
        lambda array: array,
        lambda array: np.asfortranarray(array),
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: array.astype(">f4"),
    ],
    ids=["rows first", "columns first", "strided", "other byte order"],
)
def test_features_of_any_layout_are_written_row_by_row(layout: Any) -> None:
    features = np.arange(6, dtype=np.float32).reshape(2, 3) / 7
    answer = {"image_features": layout(features), "text_features": None}
    written = json.loads(write_infer_response(ASKED, answer, model_name="m", model_version="1"))
    (output,) = written["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == (
        "image_features",
        "FP32",
        [2, 3],
    )
    assert np.array_equal(np.array(output["data"], np.float32), features.ravel())


def test_an_output_that_is_not_in_the_answer() -> None:
    request = InferRequest(ASKED.score, None, ("text_features",))
    answer = {"image_features": np.ones((1, 2), np.float32), "text_features": None}
    with pytest.raises(RequestError, match=r"'text_features' is not in .*it has image_features"):
        write_infer_response(request, answer, model_name="m", model_version=None)


def test_metadata() -> None:
    assert model_metadata("m", "3", MULTICLASS, ["can", "jug"]) == {
        "name": "m",
        "versions": ["3"],
        "platform": "tintype",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "probs", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "labels", "datatype": "BYTES", "shape": [2]},
        ],
    }
    zero_shot = model_metadata("m", "3", ZERO_SHOT, [])
    assert [given["name"] for given in zero_shot["inputs"]] == ["image", "text"]
    assert [made["shape"] for made in zero_shot["outputs"]] == [[-1, -1], [-1]]
    names = [made["name"] for made in model_metadata("m", "3", EMBEDDINGS, [])["outputs"]]
    assert names == ["image_features", "text_features"]
    blind = model_metadata("m", "3", EMBEDDINGS, [], reads_text=False)
    assert [given["name"] for given in blind["inputs"]] == ["image"]
    assert [made["name"] for made in blind["outputs"]] == ["image_features"]
    assert server_metadata("0.1") == {"name": "tintype", "version": "0.1", "extensions": []}


@pytest.mark.parametrize("task", [MULTICLASS, ZERO_SHOT])
def test_a_request_made_from_the_metadata_is_read(task: Any) -> None:
    inputs = [
        {
            **given,
            "shape": [2 if size == -1 else size for size in given["shape"]],
            "data": ["a", "b"],
        }
        for given in model_metadata("m", "1", task, ["can"])["inputs"]
    ]
    assert read({"inputs": inputs}).score.images == ["a", "b"]


leaves = st.none() | st.booleans() | st.integers(-2, 4) | st.floats() | st.text(max_size=4)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "shape", "data", "parameters", "binary_data"]), inner
        )
    ),
    max_leaves=10,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A request that is right, or has one thing in it that may be anything."""
    count = draw(st.integers(0, 4))
    cells = [draw(st.text(max_size=3)) for _ in range(count)]
    inputs = [
        tensor(draw(st.sampled_from([cells, [[cell] for cell in cells]])), name, shape=[count, 1])
        for name in draw(st.sampled_from([["image"], ["text"], ["image", "text"]]))
    ]
    document = {"id": "7", "inputs": inputs, "outputs": [{"name": "probs"}], "parameters": {}}
    if draw(st.booleans()):
        holder = draw(st.sampled_from([document, *inputs]))
        holder[draw(st.sampled_from(sorted(holder)))] = draw(values)
    return document


@given(values | documents(), st.booleans())
def test_any_json_is_read_or_refused(document: Any, images_required: bool) -> None:
    read_or_refused(json.dumps(document).encode(), images_required)


@given(st.binary(max_size=200), st.sampled_from([b"", b'{"inputs": [']), st.booleans())
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes, images_required: bool) -> None:
    read_or_refused(head + tail, images_required)


def read_or_refused(body: bytes, images_required: bool) -> None:
    try:
        request = read_infer_request(body, max_rows=3, images_required=images_required)
    except RequestError as error:
        assert error.status in (400, 413)
        return
    assert 1 <= len(request.score.images) == len(request.score.texts) <= 3
    assert all(isinstance(text, str) for text in request.score.images + request.score.texts)
