"""A batch from its inputs to its outputs: every format and task, faults, and going on."""

from __future__ import annotations

import ast
import csv
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from batches import contents, write_pictures
from checkpoints import write_checkpoint, write_clip
from pictures import noise
from report_pages import data_of

from tintype.batch import scoring
from tintype.batch.options import BatchOptions, Retries
from tintype.batch.plan import make_plan, read_shard
from tintype.batch.runner import run_batch
from tintype.errors import (
    DataError,
    ImageReadError,
    ModelError,
    OutputError,
    RunCancelled,
    RunFailed,
    UsageError,
)
from tintype.files import locked_folder
from tintype.scoring import ScorerOptions
from tintype.scoring.scorer import Scorer

SMALL = {"shard_rows": 8}


def batch(model: Path, source: Path, output: Path, **how: Any) -> Any:
    scoring = ScorerOptions.of(batch_size=4, **how.pop("scoring", {}))
    cancelled = how.pop("cancelled", lambda: False)
    options = BatchOptions(**{**SMALL, **how})
    return run_batch(
        str(model),
        {"input": str(source)},
        output,
        options=options,
        scoring=scoring,
        cancelled=cancelled,
    )


def stopping_after(calls: int) -> Callable[[], bool]:
    """A `cancelled` that says so from a certain question on."""
    asked = iter(range(10_000))
    return lambda: next(asked) >= calls


def test_parquet_holds_what_the_scorer_says(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 21)
    summary = batch(vit_checkpoint, source, tmp_path / "out", form="parquet")
    table = pq.read_table(tmp_path / "out" / "predictions")
    expected = Scorer.load(vit_checkpoint).predict(sorted(source.iterdir()))
    assert table["file_name"].to_pylist() == [f"{n:03d}.png" for n in range(21)]
    assert table["image"].to_pylist() == [str(path) for path in sorted(source.iterdir())]
    found = np.array(table["probs"].to_pylist(), np.float32)
    assert np.abs(found - np.stack([each.probs for each in expected])).max() < 1e-5
    assert table["label"].to_pylist() == [each.top(1)[0][0] for each in expected]
    assert table["error"].null_count == 21
    assert json.loads(table.schema.metadata[b"tintype.labels"]) == ["can", "carton", "jug"]
    assert (summary.rows, summary.succeeded, summary.failed) == (21, 21, 0)
    assert sum(summary.labels.values()) == 21
    assert len(list((tmp_path / "out" / "predictions").iterdir())) == 6
    assert not (tmp_path / "out" / ".batch").exists()
    page = data_of((tmp_path / "out" / "index.html").read_text())
    assert [sample["name"] for sample in page["samples"]] == table["file_name"].to_pylist()
    assert page["labels"] == [list(item) for item in summary.labels.items()]


def test_csv_is_azures(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 10)
    (source / "002.png").write_bytes(b"no picture")
    summary = batch(vit_checkpoint, source, tmp_path / "out")
    with (tmp_path / "out" / "predictions.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == 9
    number, preds, labels, name = rows[2]
    assert (number, name) == ("0", "003.png")
    assert ast.literal_eval(labels) == ["can", "carton", "jug"]
    probs = np.array(ast.literal_eval(preds), np.float32)
    expected = Scorer.load(vit_checkpoint).predict([source / "003.png"])[0].probs
    assert np.abs(probs - expected).max() < 1e-6
    errors = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").open()]
    assert [(each["file_name"], each["row"]) for each in errors] == [("002.png", 0)]
    assert "image" in errors[0]["error"]
    assert (summary.failed, summary.failed_files) == (1, 1)


def test_a_header_and_another_name(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 3)
    batch(vit_checkpoint, source, tmp_path / "out", header=True, file_name="scores.csv")
    lines = (tmp_path / "out" / "scores.csv").read_text().splitlines()
    assert lines[0] == "row_number_per_file,preds,labels,file_name"
    assert len(lines) == 4


def test_summary_only_writes_no_rows(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 9)
    for form in ("csv", "parquet"):
        summary = batch(vit_checkpoint, source, tmp_path / form, form=form, writes_rows=False)
        names = {path.name for path in (tmp_path / form).iterdir()}
        assert names == {"summary.json", "index.html"}
        assert (summary.rows, summary.output) == (9, "")


def test_multilabel_and_jsonl(tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "vit")
    config = json.loads((model / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (model / "config.json").write_text(json.dumps(config))
    source = write_pictures(tmp_path / "in", 5)
    summary = batch(model, source, tmp_path / "out", form="jsonl", file_name="rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").open()]
    assert summary.task == "image_classification_multilabel"
    likely = sum(p >= 0.5 for row in rows for p in row["probs"])
    assert sum(summary.labels.values()) == likely
    assert rows[4]["labels"] == ["can", "carton", "jug"]
    assert rows[4]["label"] == rows[4]["labels"][int(np.argmax(rows[4]["probs"]))]


def test_embeddings(tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "dino", "dinov2")
    source = write_pictures(tmp_path / "in", 9)
    (source / "004.png").write_bytes(b"")
    scoring = {"task": "embeddings"}
    batch(model, source, tmp_path / "out", form="parquet", scoring=scoring)
    table = pq.read_table(tmp_path / "out" / "predictions")
    scorer = Scorer.load(model, task="embeddings")
    good = [n for n in range(9) if n != 4]
    expected = scorer.predict([source / f"{n:03d}.png" for n in good])
    features = table["features"].to_pylist()
    assert np.isnan(features[4]).all()
    assert "empty" in table["error"].to_pylist()[4]
    found = np.array([features[n] for n in good], np.float32)
    assert np.abs(found - np.stack([each.features for each in expected])).max() < 1e-4
    batch(model, source, tmp_path / "csv", scoring=scoring)
    with (tmp_path / "csv" / "predictions.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert [row[2] for row in rows] == [f"{n:03d}.png" for n in good]
    assert ast.literal_eval(rows[0][1]) == pytest.approx(features[0])


def test_zero_shot_by_each_files_first_row(tmp_path: Path) -> None:
    model = write_clip(tmp_path / "clip")
    source = write_pictures(tmp_path / "in", 12)
    for name, text, numbers in (
        ("a", "a cat, a dog", range(7)),
        ("b", "red, green, blue", range(7, 12)),
    ):
        rows = [
            ["image", "text"],
            *[[f"in/{n:03d}.png", text if n in (0, 7) else ""] for n in numbers],
        ]
        with (tmp_path / f"{name}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    (tmp_path / "files").mkdir()
    for name in "ab":
        content = (tmp_path / f"{name}.csv").read_text().replace("in/", f"{source}/")
        (tmp_path / "files" / f"{name}.csv").write_text(content)
    batch(model, tmp_path / "files", tmp_path / "out", form="parquet")
    table = pq.read_table(tmp_path / "out" / "predictions").to_pylist()
    assert table[0]["labels"] == ["a cat", "a dog"]
    # In the second shard, whose first file is read from its middle.
    assert [row["labels"] for row in table[7:]] == [["red", "green", "blue"]] * 5
    scorer = Scorer.load(model)
    for number, labels in ((6, ["a cat", "a dog"]), (11, ["red", "green", "blue"])):
        (expected,) = scorer.predict([source / f"{number:03d}.png"], labels=labels)
        assert table[number]["probs"] == pytest.approx(expected.probs.tolist(), abs=1e-4)


def test_zero_shot_without_labels_is_refused_at_once(tmp_path: Path) -> None:
    source = write_pictures(tmp_path / "in", 3)
    with pytest.raises(UsageError, match="needs labels"):
        batch(write_clip(tmp_path / "clip"), source, tmp_path / "out")
    labels = {"labels": ("a cat", "a dog")}
    summary = batch(tmp_path / "clip", source, tmp_path / "labelled", scoring=labels)
    assert set(summary.labels) <= {"a cat", "a dog"}
    assert summary.succeeded == 3


def test_embeddings_of_images_with_texts(tmp_path: Path) -> None:
    model = write_clip(tmp_path / "clip")
    source = write_pictures(tmp_path / "in", 5)
    rows = [["image", "text"], *[[f"in/{n:03d}.png", f"picture {n}" * (n != 2)] for n in range(5)]]
    with (tmp_path / "pairs.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    scoring = {"task": "embeddings"}
    batch(model, tmp_path / "pairs.csv", tmp_path / "out", form="parquet", scoring=scoring)
    table = pq.read_table(tmp_path / "out" / "predictions").to_pylist()
    expected = Scorer.load(model, task="embeddings").embed_texts(["picture 3"])[0]
    assert table[3]["text_features"] == pytest.approx(expected.tolist(), abs=1e-4)
    assert np.isnan(table[2]["text_features"]).all()
    batch(model, tmp_path / "pairs.csv", tmp_path / "csv", header=True, scoring=scoring)
    with (tmp_path / "csv" / "predictions.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert lines[2]["text_features"] == ""
    assert ast.literal_eval(lines[3]["text_features"]) == pytest.approx(table[3]["text_features"])
    assert source.is_dir()


def test_an_mltable_and_several_inputs(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 6)
    table = tmp_path / "table"
    table.mkdir()
    (table / "MLTable").write_text(
        "paths:\n- file: ./rows.jsonl\ntransformations:\n- read_json_lines: {}\n"
    )
    lines = [json.dumps({"image_url": str(path)}) for path in sorted(source.iterdir())]
    (table / "rows.jsonl").write_text("\n".join(lines))
    inputs = {"one": str(table), "two": str(source)}
    summary = run_batch(
        str(vit_checkpoint), inputs, tmp_path / "out", options=BatchOptions(form="parquet", **SMALL)
    )
    names = pq.read_table(tmp_path / "out" / "predictions")["file_name"].to_pylist()
    assert summary.rows == 12
    assert names[:6] == ["one/MLTable"] * 6
    assert names[6] == "two/000.png"


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_stopped_anywhere_it_ends_the_same(tmp_path: Path, vit_checkpoint: Path, form: Any) -> None:
    source = write_pictures(tmp_path / "in", 30)
    for n in (3, 17):
        (source / f"{n:03d}.png").write_bytes(b"no picture")
    how: dict[str, Any] = {"form": form, "file_name": f"predictions.{form}"}
    batch(vit_checkpoint, source, tmp_path / "whole", **how)
    expected = contents(tmp_path / "whole")
    for stop in (0, 1, 3, 5):
        output = tmp_path / f"stopped-{stop}"
        with pytest.raises(RunCancelled, match="run it again to go on"):
            batch(vit_checkpoint, source, output, cancelled=stopping_after(stop), **how)
        assert not (output / "summary.json").exists()
        with pytest.raises(RunCancelled):
            batch(vit_checkpoint, source, output, cancelled=stopping_after(2), **how)
        batch(vit_checkpoint, source, output, **how)
        assert contents(output) == expected


def test_stopped_while_it_is_put_together(
    tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tintype.batch import runner

    source = write_pictures(tmp_path / "in", 12)
    batch(vit_checkpoint, source, tmp_path / "whole")

    def fail(*_: object) -> None:
        raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "write_report", fail)
        with pytest.raises(OutputError):
            batch(vit_checkpoint, source, tmp_path / "out")
    batch(vit_checkpoint, source, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_batch_is_not_done_again(
    tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_pictures(tmp_path / "in", 3)
    first = batch(vit_checkpoint, source, tmp_path / "out")
    monkeypatch.setattr(Scorer, "load", None)
    again = batch(vit_checkpoint, source, tmp_path / "out")
    assert again == first


def test_another_batch_does_not_go_on_with_it(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 12)
    begun = partial(batch, vit_checkpoint, source, tmp_path / "begun")
    with pytest.raises(RunCancelled):
        begun(cancelled=stopping_after(1))
    with pytest.raises(UsageError, match="header False"):
        begun(header=True)
    (source / "extra.csv").write_text("image\nx.png\n")
    begun()
    done = partial(batch, vit_checkpoint, source, tmp_path / "begun")
    with pytest.raises(UsageError, match="holds a batch with form 'csv'"):
        done(form="jsonl", file_name="predictions.csv")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "predictions.csv").write_text("mine")
    with pytest.raises(UsageError, match="remove it or choose another"):
        batch(vit_checkpoint, source, tmp_path / "other")
    assert (tmp_path / "other" / "predictions.csv").read_text() == "mine"


def test_another_runtime_does_not_go_on_with_it(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 12)
    with pytest.raises(RunCancelled):
        batch(vit_checkpoint, source, tmp_path / "out", cancelled=stopping_after(1))
    # As if the machine's own choice had been another one then.
    noted = tmp_path / "out" / ".batch" / "scorer.json"
    noted.write_text(noted.read_text().replace('"runtime": "torch"', '"runtime": "openvino"'))
    with pytest.raises(UsageError, match="was begun with runtime openvino, and now it is torch"):
        batch(vit_checkpoint, source, tmp_path / "out")


def test_inputs_must_not_change_under_way(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 12)
    table = tmp_path / "rows.csv"
    table.write_text("image\n" + "\n".join(str(path) for path in sorted(source.iterdir())))
    with pytest.raises(RunCancelled):
        batch(vit_checkpoint, table, tmp_path / "out", cancelled=stopping_after(2))
    table.write_text(table.read_text() + "\nx.png")
    with pytest.raises(DataError, match="has changed since this batch was begun"):
        batch(vit_checkpoint, table, tmp_path / "out")


def test_the_error_threshold_counts_files(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 20)
    (source / "rows.csv").write_text("image\nnone.png\n000.png\nnothing.png\n")
    (source / "019.png").write_bytes(b"no picture")
    with pytest.raises(RunFailed, match="1 input files failed, and error_threshold allows 0"):
        batch(vit_checkpoint, source, tmp_path / "out", error_threshold=0)
    with pytest.raises(RunFailed, match="2 input files failed, and error_threshold allows 1"):
        batch(vit_checkpoint, source, tmp_path / "out", error_threshold=1)
    summary = batch(vit_checkpoint, source, tmp_path / "out", error_threshold=2)
    assert (summary.rows, summary.failed, summary.failed_files) == (23, 3, 2)


def test_shards_grow_with_the_batch(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    found = {}
    for rows in (1, 9, 260, 2_000, 20_000):
        names.write_text("".join(f"{n}.png\n" for n in range(rows)))
        work = tmp_path / str(rows)
        plan = make_plan({"input": str(names)}, work, batch_size=4, shard_rows=64, identity={})
        assert [shard.first for shard in plan.shards[1:]] == [
            shard.first + shard.rows for shard in plan.shards[:-1]
        ]
        assert sum(shard.rows for shard in plan.shards) == plan.rows == rows
        assert {shard.rows % 4 for shard in plan.shards[:-1]} <= {0}
        found[rows] = (len(plan.shards), plan.shards[0].rows)
        last = plan.shards[-1]
        assert [row.number for row in read_shard(work, last)] == list(range(last.first, rows))
    assert found == {1: (1, 1), 9: (3, 4), 260: (65, 4), 2_000: (63, 32), 20_000: (313, 64)}


def test_weights_that_were_replaced_do_not_go_on(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 12)
    with pytest.raises(RunCancelled):
        batch(vit_checkpoint, source, tmp_path / "out", cancelled=stopping_after(1))
    os.utime(vit_checkpoint / "model.safetensors", (1, 1))
    with pytest.raises(UsageError, match="was begun with weights"):
        batch(vit_checkpoint, source, tmp_path / "out")


def test_a_full_disk_keeps_what_is_done(
    tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tintype.batch import writers

    source = write_pictures(tmp_path / "in", 30)
    batch(vit_checkpoint, source, tmp_path / "whole")
    plain, left = writers._CsvWriter.write, iter(range(3))

    def write(self: Any, rows: Any) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        plain(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(writers._CsvWriter, "write", write)
        with pytest.raises(OutputError, match="No space left on device"):
            batch(vit_checkpoint, source, tmp_path / "out")
    assert list((tmp_path / "out" / ".batch" / "shards").glob("*.json"))
    batch(vit_checkpoint, source, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_two_at_once_do_not_write_one_folder(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 3)
    with (
        locked_folder(tmp_path / "out" / ".batch"),
        pytest.raises(OutputError, match="being written by another job"),
    ):
        batch(vit_checkpoint, source, tmp_path / "out")


def test_what_cannot_be_read_is_tried_again(
    tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_pictures(tmp_path / "in", 10)
    batch(vit_checkpoint, source, tmp_path / "whole")
    from tintype.images import loading

    plain, left = loading.read_image, {"004.png": 2, "007.png": 99}

    def flaky(location: str | Path) -> bytes:
        name = Path(location).name
        if left.get(name, 0) > 0:
            left[name] -= 1
            raise ImageReadError(f"cannot read {name}: Input/output error")
        return plain(location)

    monkeypatch.setattr(loading, "read_image", flaky)
    monkeypatch.setattr(scoring, "_FIRST_DELAY_SECONDS", 0.001)
    summary = batch(vit_checkpoint, source, tmp_path / "out")
    assert summary.failed == 1
    assert 99 - left["007.png"] == 1 + Retries().most
    whole = (tmp_path / "whole" / "predictions.csv").read_text().splitlines()
    found = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    # Its batch had one image less, but the image that was read late changed no bit.
    assert found[:4] == whole[:4]
    assert [line.rsplit(",")[-1] for line in found] == [f"{n:03d}.png" for n in range(10) if n != 7]


def test_an_image_that_takes_too_long(
    tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_pictures(tmp_path / "in", 6)
    from tintype.images import loading

    plain = loading.read_image

    def slow(location: str | Path) -> bytes:
        if Path(location).name == "002.png":
            time.sleep(1.0)
        return plain(location)

    monkeypatch.setattr(loading, "read_image", slow)
    monkeypatch.setenv("TINTYPE_THREADS", "4")
    summary = batch(
        vit_checkpoint, source, tmp_path / "out", retries=Retries(most=1, timeout_s=0.2)
    )
    assert summary.failed == 1
    assert "was not read within 0.2 s" in (tmp_path / "out" / "errors.jsonl").read_text()


def test_a_poisonous_image_fails_alone(
    tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_pictures(tmp_path / "in", 8)
    plain = Scorer.run
    poison = Scorer.load(vit_checkpoint).preprocessor.resize(noise(20 + 5, 24, seed=5))

    def run(self: Scorer, pixels: np.ndarray) -> np.ndarray:
        if any((image == poison).all() for image in pixels):
            raise ModelError("the model gave NaN or infinity in fp32")
        return plain(self, pixels)

    monkeypatch.setattr(Scorer, "run", run)
    summary = batch(vit_checkpoint, source, tmp_path / "out", form="parquet")
    errors = pq.read_table(tmp_path / "out" / "predictions")["error"].to_pylist()
    assert summary.failed == 1
    assert [n for n, error in enumerate(errors) if error] == [5]
    assert "NaN" in errors[5]


def test_a_name_that_is_no_text(tmp_path: Path, vit_checkpoint: Path) -> None:
    source = write_pictures(tmp_path / "in", 2)
    os.rename(source / "001.png", os.fsencode(source) + b'/\xff,"\n.png')
    summary = batch(vit_checkpoint, source, tmp_path / "out")
    with (tmp_path / "out" / "predictions.csv").open(newline="") as stream:
        assert [row[3] for row in csv.reader(stream)] == ["000.png", '\\udcff,"\n.png']
    assert summary.failed == 0
