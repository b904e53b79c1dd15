from __future__ import annotations

import base64
import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype.errors import RequestError
from tintype.schemas.long_csv import long_csv
from tintype.schemas.mlflow_protocol import FORMATS, read_invocation, write_predictions
from tintype.schemas.wire import ScoreRequest, write_answer

JSON = "application/json"
CSV = "text/csv"


def read(body: bytes | str | dict[str, Any], kind: str = JSON, **options: Any) -> ScoreRequest:
    if isinstance(body, dict):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    return read_invocation(data, kind, **{"max_rows": 100, **options})


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"dataframe_split": {"columns": ["image"], "data": [["a"], ["b"]]}}, ["", ""]),
        ({"dataframe_split": {"columns": ["image"], "data": ["a", "b"]}}, ["", ""]),
        ({"dataframe_split": {"data": [["a"], ["b"]]}}, ["", ""]),
        (
            {"dataframe_split": {"columns": ["image"], "index": [5, 6], "data": [["a"], ["b"]]}},
            ["", ""],
        ),
        (
            {"dataframe_split": {"columns": ["Unnamed: 0", "image"], "data": [[0, "a"], [1, "b"]]}},
            ["", ""],
        ),
        (
            {
                "dataframe_split": {
                    "columns": ["text", "image"],
                    "data": [["x, y", "a"], [None, "b"]],
                }
            },
            ["x, y", ""],
        ),
        (
            {"dataframe_split": {"columns": ["image", "text"], "data": [["a", ["x", "y"]], ["b"]]}},
            ['["x","y"]', ""],
        ),
        ({"dataframe_records": [{"image": "a"}, {"image": "b", "": 7}]}, ["", ""]),
        ({"dataframe_records": [{"image": "a", "text": "x, y"}, {"image": "b"}]}, ["x, y", ""]),
        ({"inputs": ["a", "b"]}, ["", ""]),
        ({"instances": [["a"], ["b"]]}, ["", ""]),
        ({"instances": [{"image": "a", "text": "x"}, {"image": "b", "text": "y"}]}, ["x", "y"]),
        ({"inputs": {"image": ["a", "b"]}}, ["", ""]),
        ({"inputs": {"image": [["a"], ["b"]], "id": [1, 2, 3]}}, ["", ""]),
        ({"instances": {"image": ["a", "b"], "text": ["x, y", None]}}, ["x, y", ""]),
        ({"inputs": ["a", "b"], "params": {"top_k": 3}, "client_request_id": "7"}, ["", ""]),
        ({"inputs": ["a", '{"image_base64": "b"}'], "params": None}, ["", ""]),
    ],
)
def test_every_shape_in_json(body: dict[str, Any], texts: list[str]) -> None:
    assert read(body) == ScoreRequest(["a", "b"], texts)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", ScoreRequest(["a"], [""])),
        ({"image": "a"}, ScoreRequest(["a"], [""])),
        ({"image": "a", "text": "x, y"}, ScoreRequest(["a"], ["x, y"])),
        ({"image": "a", "text": ["x, y", "z"]}, ScoreRequest(["a"], ['["x, y","z"]'])),
    ],
)
@pytest.mark.parametrize("key", ["inputs", "instances"])
def test_a_single_row(key: str, value: Any, expected: ScoreRequest) -> None:
    assert read({key: value}) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"text": ["x", "y"]},
        {"text": ["x", "y"], "image": None},
        [{"text": "x"}, {"text": "y", "image": None}],
    ],
)
def test_texts_without_images(value: Any) -> None:
    assert read({"inputs": value}, images_required=False) == ScoreRequest(["", ""], ["x", "y"])
    with pytest.raises(RequestError, match="image"):
        read({"inputs": value})
    split = {"dataframe_split": {"columns": ["text"], "data": [["x"], ["y"]]}}
    assert read(split, images_required=False) == ScoreRequest(["", ""], ["x", "y"])
    assert read("text\nx\ny\n", CSV, images_required=False) == ScoreRequest(["", ""], ["x", "y"])


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (pd.DataFrame({"image": ["a", "b"]}), {}),
        (pd.DataFrame({"image": ["a", "b"]}, index=["p", "q"]), {"params": {"x": 1}}),
        (np.array(["a", "b"]), {}),
        (np.array([["a"], ["b"]]), {"inputs_key": "instances"}),
        (["a", "b"], {"params": {}}),
        ([{"image": "a"}, {"image": "b"}], {"inputs_key": "instances"}),
    ],
)
def test_what_mlflows_own_client_writes(data: Any, options: dict[str, Any]) -> None:
    from mlflow.utils.proto_json_utils import dump_input_data

    assert read(dump_input_data(data, **options)).images == ["a", "b"]


def test_mlflows_own_client_reads_the_answer() -> None:
    from mlflow.deployments import PredictionsResponse

    probabilities = [np.array([0.25, 0.75], np.float32), np.array([0.5, 0.5], np.float32)]
    body = write_predictions(write_answer(probabilities, ["can", "jug"], "probs"))
    found = PredictionsResponse.from_json(body.decode()).get_predictions("dataframe")
    assert found.to_dict("list") == {
        "probs": [[0.25, 0.75], [0.5, 0.5]],
        "labels": [["can", "jug"]] * 2,
    }
    assert write_predictions(b"[]") == b'{"predictions":[]}'


TABLE = pd.DataFrame(
    {
        "image": ["a" * 200_000, base64.encodebytes(b"x" * 300_000).decode()],
        "text": ['say "cheese", red', "käse\r\n"],
    }
)


@pytest.mark.parametrize(
    "body",
    [
        TABLE.to_csv(),
        TABLE.to_csv(index=False),
        TABLE.to_csv(index=False, lineterminator="\r\n", quoting=csv.QUOTE_ALL),
        "\ufeff\n\n" + TABLE[["text", "image"]].to_csv(index=False, lineterminator="\n\n"),
    ],
)
@pytest.mark.parametrize("kind", [CSV, "Text/CSV; header=present", 'text/csv; charset="UTF-8"'])
def test_csv_as_pandas_writes_it(body: str, kind: str) -> None:
    assert read(body, kind) == ScoreRequest(list(TABLE["image"]), list(TABLE["text"]))


def test_long_fields_are_read_without_touching_the_limit_of_others() -> None:
    long = "a" * 500_000
    body = f"image\n{long}\n"

    def both(_: int) -> list[str]:
        with pytest.raises(csv.Error, match="field limit"):
            list(csv.reader([long]))
        return read(body, CSV).images

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(both, range(8))) == [[long]] * 8


def test_a_field_has_a_limit_of_its_own() -> None:
    before = long_csv.field_size_limit(1000)
    try:
        assert read(f"image\n{'a' * 1000}\n", CSV).images == ["a" * 1000]
        with pytest.raises(RequestError, match="field limit") as caught:
            read(f"image\n{'a' * 1001}\n", CSV)
        assert caught.value.status == 413
    finally:
        long_csv.field_size_limit(before)
    # Base64 of the largest image that settings let in, with the line breaks of encodebytes.
    assert before > 64 * 1024 * 1024 / 3 * 4 / 76 * 77


cells = st.text(st.characters(codec="utf-8")).filter(lambda text: not text.lstrip().startswith("{"))


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=20))
def test_csv_is_read_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("image", "text"), *rows])
    assert read(stream.getvalue(), CSV) == ScoreRequest(*map(list, zip(*rows, strict=True)))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"inputs": NaN}', "not JSON"),
        (b'{"inputs": ["\xff"]}', "not JSON"),
        (b'{"inputs": ["\\ud800"]}', "not JSON"),
        (b'["a"]', "must be a JSON object"),
        (b"{}", r"exactly one of dataframe_split, .*the keys \[\]\. For example"),
        (b'{"input_data": ["a"]}', r"exactly one of .*the keys \['input_data'\]"),
        (b'{"inputs": ["a"], "instances": null}', r"the keys \['inputs', 'instances'\]"),
        (b'{"inputs": null}', "expected an array of items"),
        (b'{"inputs": 3}', "expected an array of items"),
        (b'{"inputs": []}', "no rows"),
        (b'{"inputs": {}}', r"the columns \[\]; expected a column named 'image'"),
        (b'{"inputs": {"picture": ["a"]}}', r"\['picture'\]; expected a column named 'image'"),
        (b'{"inputs": {"image": []}}', "no rows"),
        (b'{"inputs": {"image": {"a": 1}}}', "row 0: the image is dict"),
        (b'{"inputs": {"image": null}}', "expected a column named 'image'"),
        (b'{"inputs": {"image": ["a", ["b", "c"]]}}', "row 1: the image is list"),
        (
            b'{"inputs": {"image": ["a", "b"], "text": ["x"]}}',
            "column 'text' must be a list of 2 cells",
        ),
        (
            b'{"inputs": {"image": ["a", "b"], "text": "x"}}',
            "column 'text' must be a list of 2 cells",
        ),
        (b'{"inputs": ["a", 3]}', "row 1: the image is int"),
        (b'{"inputs": ["a", null]}', "row 1: the image is null"),
        (b'{"inputs": [["a", "b"]]}', "row 0 has 2 cells"),
        (b'{"instances": [{"text": "a"}]}', "row 0 has no key 'image'"),
        (b'{"inputs": ["a"], "params": ["b"]}', "'params' must be a JSON object"),
        (b'{"dataframe_split": ["a"]}', "'dataframe_split' must be an object"),
        (b'{"dataframe_split": {"columns": ["image"]}}', "expected an array of items in 'data'"),
        (b'{"dataframe_split": {"columns": ["image"], "data": [["a", "b"]]}}', "row 0 has 2 cells"),
        (b'{"dataframe_split": {"columns": ["image"], "data": [["a"], []]}}', "row 1 has 0 cells"),
        (
            b'{"dataframe_split": {"columns": ["x", "y"], "data": [["a", "b"]]}}',
            "expected a column named 'image'",
        ),
        (b'{"dataframe_split": {"columns": ["image"], "index": [0], "data": []}}', "'index'"),
        (b'{"dataframe_records": {"image": "a"}}', "'dataframe_records' must be a list of objects"),
        (b'{"dataframe_records": "a"}', "'dataframe_records' must be a list of objects"),
        (b'{"instances": [{"image": "a", "text": 7}]}', "row 0: the text is int"),
        (
            b'{"instances": [{"image": "a", "text": ' + b"[" * 500 + b"]" * 500 + b"}]}",
            "row 0: .*nested too deeply",
        ),
    ],
)
def test_json_that_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read(body)
    assert caught.value.status == 400
    assert 'input_data": {' not in str(caught.value), "the example is of another protocol"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", r"header is \[\]; expected a column named 'image'"),
        (b"\n\n", r"header is \[\]"),
        (b"image\n", "no rows"),
        (b"/9j/4AAQSkZJRg==\n", "expected a column named 'image'"),
        (b"a" * 100_000, "header is .{0,60}; expected"),
        (b"text\na\n", "expected a column named 'image'"),
        (b"image\na,b\n", "row 0 has 2 cells"),
        (b"text,image\na,b\nc\n", "row 1 has 1 cells"),
        (b"image\n\xff\n", "not UTF-8"),
        ("image\na\n".encode("utf-16"), "not UTF-8"),
        (b'image\n"a', "not CSV: line 2"),
        (b'image\n"a"b\n', "not CSV: line 2"),
        (b'image\n"{""image_base64"": 3}"\n', "row 0: the JSON in the cell"),
    ],
)
def test_csv_that_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read(body, CSV)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("application/vnd.apache.parquet", "expected application/json or text/csv"),
        ("image/png", "expected application/json or text/csv"),
        ("x" * 10_000, "expected application/json or text/csv"),
        ("text/csv; charset=latin-1", "charset 'latin-1'; expected utf-8"),
        ("application/json; charset=utf-16", "charset 'utf-16'; expected utf-8"),
    ],
)
def test_content_that_is_not_understood(kind: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read({"inputs": ["a"]}, kind)
    assert caught.value.status == 415
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "kind", ["", "application/json; charset=UTF-8", "Application/JSON;format=x"]
)
def test_headers_that_mean_json(kind: str) -> None:
    assert read({"inputs": ["a"]}, kind).images == ["a"]


def test_too_many_rows() -> None:
    for body, kind in (
        ({"inputs": ["a"] * 6}, JSON),
        ({"instances": [{"image": "a"}] * 6}, JSON),
        ({"inputs": {"image": ["a"] * 6}}, JSON),
        ({"dataframe_split": {"columns": ["image"], "data": [["a"]] * 6}}, JSON),
        ("image\n" + "a\n" * 6, CSV),
    ):
        assert len(read(body, kind, max_rows=6).images) == 6
        with pytest.raises(RequestError, match="limit is 5") as caught:
            read(body, kind, max_rows=5)
        assert caught.value.status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"image\n" + b"\n" * 20_000_000,
        b'image\n"' + b"\n" * 20_000_000 + b'"',
        b"image\n" + b"\r" * 20_000_000,
        b"image" + b"," * 20_000_000,
        b"image\n" + b"a\n" * 10_000_000,
    ],
    ids=["blank lines", "lines in quotes", "carriage returns", "commas", "rows"],
)
def test_csv_that_would_keep_the_reader_busy_is_refused_at_once(body: bytes) -> None:
    start = time.thread_time()
    with pytest.raises(RequestError) as caught:
        read(body, CSV)
    assert caught.value.status == 413
    assert time.thread_time() - start < 1


def test_messages_stay_short_whatever_was_sent() -> None:
    long = "x" * 1_000_000
    for body in (
        {long: 1},
        {"inputs": {long: 1}},
        {"dataframe_split": {"columns": [long], "data": ["a"]}},
        {"dataframe_split": {"columns": ["image", long], "data": [["a", 1, 2]]}},
    ):
        with pytest.raises(RequestError) as caught:
            read(body)
        assert len(str(caught.value)) < 500


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
leaves |= st.sampled_from(["image", "text", "YQ==", '{"image_base64": "YQ=="}', "{"])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["image", "text", "columns", "index", "data", "input_string", "x"]),
            inner,
        )
    ),
    max_leaves=12,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A request that is right, or has one thing in it that may be anything."""
    count = draw(st.integers(0, 4))
    images = [draw(st.text(max_size=3)) for _ in range(count)]
    split: dict[str, Any] = {"columns": ["image"], "index": images, "data": images}
    columns = {"image": images, "text": list(images)}
    records: list[Any] = [{"image": image, "text": image} for image in images]
    shapes = {"dataframe_split": split, "dataframe_records": records}
    key = draw(st.sampled_from(FORMATS))
    document = {key: shapes.get(key) or draw(st.sampled_from([images, records, columns]))}
    holder: Any = draw(st.sampled_from([None, document, split, columns, images, *records]))
    if isinstance(holder, dict):
        holder[draw(st.sampled_from(sorted(holder)))] = draw(values)
    elif holder:
        holder[0] = draw(values)
    return document


@given(values | documents(), st.booleans())
def test_any_json_is_read_or_refused(document: Any, images_required: bool) -> None:
    read_or_refused(json.dumps(document).encode(), JSON, images_required)


@given(
    st.binary(max_size=200)
    | st.text(st.sampled_from('image,text"\n\r \0{a'), max_size=40).map(str.encode),
    st.sampled_from([b"", b"image\n", b"image,text\n", b'{"inputs": [', b"\xef\xbb\xbfimage\n"]),
    st.sampled_from([JSON, CSV]),
    st.booleans(),
)
def test_any_bytes_are_read_or_refused(
    tail: bytes, head: bytes, kind: str, images_required: bool
) -> None:
    read_or_refused(head + tail, kind, images_required)


def read_or_refused(body: bytes, kind: str, images_required: bool) -> None:
    try:
        request = read_invocation(body, kind, max_rows=3, images_required=images_required)
    except RequestError as error:
        assert error.status in (400, 413)
        return
    assert 1 <= len(request.images) == len(request.texts) <= 3
    assert all(isinstance(text, str) for text in request.images + request.texts)
