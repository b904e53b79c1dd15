"""Batches that explain their answers: what is written, how it joins, and that each row is explained once."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from batches import contents, write_pictures
from checkpoints import write_checkpoint, write_clip
from commands import TINTYPE
from conftest import Command
from PIL import Image
from report_pages import data_of

from tintype.batch.options import BatchOptions
from tintype.batch.runner import run_batch
from tintype.errors import ModelError, RunCancelled, UsageError
from tintype.explaining.explainer import Explainer
from tintype.jobs.batch_explanations import ExplainRows
from tintype.schemas.explanation_settings import BatchExplanations
from tintype.scoring import ScorerOptions
from tintype.scoring.scorer import Scorer


def batch(model: Path, source: Path, output: Path, explain: Any, **how: Any) -> Any:
    scoring = ScorerOptions.of(batch_size=4, **how.pop("scoring", {}))
    told: list[str] = how.pop("told", [])
    return run_batch(
        str(model),
        {"input": str(source)},
        output,
        options=BatchOptions(form=how.pop("form", "parquet"), shard_rows=8),
        scoring=scoring,
        second_pass=ExplainRows(BatchExplanations.model_validate(explain), told.append),
        **how,
    )


def index_of(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "explanations" / "index.jsonl").open()]


def stopping_after(calls: int) -> Callable[[], bool]:
    asked = iter(range(10_000))
    return lambda: next(asked) >= calls


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = write_pictures(tmp_path / "in", 13)
    (folder / "006.png").write_bytes(b"no picture")
    return folder


def test_explanations_join_to_the_rows(tmp_path: Path, vit_checkpoint: Path, source: Path) -> None:
    output, told = tmp_path / "out", []
    explain = {"method": "attention", "rows": 5, "attributions": True}
    summary = batch(vit_checkpoint, source, output, explain, told=told)
    assert told[0].startswith("explaining 5 of 13 rows by attention, about 3 forward passes each")
    rows = pq.read_table(output / "predictions").to_pandas()
    index = pd.DataFrame(index_of(output))
    joined = index.merge(rows, on=["file_name", "row"], suffixes=("", "_predicted"))
    assert joined.file_name.tolist() == ["000.png", "003.png", "006.png", "009.png", "012.png"]
    good = joined[joined.error_predicted.isna()]
    assert (good.label == good.label_predicted).all()
    assert np.allclose(good.confidence, good.score, atol=1e-5)
    assert "image" in joined.error[2] and joined.picture.isna().tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    folder = output / "explanations"
    scorer = Scorer.load(vit_checkpoint)
    expected = Explainer(scorer)
    from tintype.explaining.targets import Targets

    for _, row in good.iterrows():
        values = np.load(folder / row.attributions, allow_pickle=False)
        (found,) = expected.explain([row.image], "attention", Targets(scorer))
        assert np.allclose(values, found.attributions[0].values, atol=1e-5)
        assert Image.open(folder / row.picture).size == (472, 472)
        assert Image.open(folder / row.overlay).size == (32, 32)
    files = {path.name for path in folder.iterdir()}
    named = set(good[["picture", "overlay", "attributions"]].to_numpy().ravel())
    assert files == named | {"index.jsonl", "explanations.json"}
    facts = {"method": "attention", "detail": "patches", "rows": 4, "failed": 1}
    assert summary.explanations == {**facts, "folder": "explanations"}
    assert json.loads((output / "summary.json").read_text())["explanations"] == summary.explanations
    assert json.loads((folder / "explanations.json").read_text()).items() >= facts.items()
    page = data_of((output / "index.html").read_text())["explained"]
    assert [each["name"] for each in page["pictures"]] == [f"{name} (0)" for name in good.file_name]
    assert [each["maps"][0]["label"] for each in page["pictures"]] == good.label.tolist()
    assert page["failures"][0].startswith("006.png (0): ")


def test_without_attributions_no_arrays_are_written(
    tmp_path: Path, vit_checkpoint: Path, source: Path
) -> None:
    batch(vit_checkpoint, source, tmp_path / "out", "attention_rollout", form="csv")
    assert not list((tmp_path / "out").rglob("*.npy"))
    index = index_of(tmp_path / "out")
    assert len(index) == 13
    assert all("attributions" not in row for row in index)


def test_ended_anywhere_nothing_is_explained_twice(
    tmp_path: Path, vit_checkpoint: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain = {"method": "guided_backprop", "rows": "all", "attributions": True}
    batch(vit_checkpoint, source, tmp_path / "whole", explain)
    expected = contents(tmp_path / "whole")
    page = data_of((tmp_path / "whole" / "index.html").read_text())["explained"]
    plain, seen = Explainer.explain_pixels, []

    def explain_pixels(self: Explainer, pixels: np.ndarray, *rest: Any) -> Any:
        seen.append(pixels.tobytes())
        return plain(self, pixels, *rest)

    monkeypatch.setattr(Explainer, "explain_pixels", explain_pixels)
    output = tmp_path / "out"
    # In the midst of scoring, of explaining (three times), and at its end.
    for calls in (2, 7, 3, 3):
        with pytest.raises(RunCancelled, match="run it again to go on"):
            batch(vit_checkpoint, source, output, explain, cancelled=stopping_after(calls))
        log = output / ".batch" / "explained.jsonl"
        if log.exists():
            # As if it had been killed in the midst of a line.
            with log.open("ab") as stream:
                stream.write(b'[{"file_name": "0')
    batch(vit_checkpoint, source, output, explain)
    assert len(seen) == len(set(seen)) == 12
    assert contents(output) == expected
    assert data_of((output / "index.html").read_text())["explained"] == page
    assert not (output / ".batch").exists()


def test_killed_in_the_midst_of_it(
    tmp_path: Path,
    vit_checkpoint: Path,
    source: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "out"
    arguments = ["batch", str(source), str(output), "--model", str(vit_checkpoint)]
    arguments += ["--explain", "rise", "--explain-rows", "all"]
    log = output / ".batch" / "explained.jsonl"
    with subprocess.Popen([TINTYPE, *arguments], stderr=subprocess.DEVNULL) as process:
        try:
            while not log.exists() or log.read_bytes().count(b"\n") < 2:
                assert process.poll() is None
                time.sleep(0.01)
        finally:
            process.kill()
    done = log.read_bytes().count(b"\n")
    plain, seen = Explainer.explain_pixels, []

    def explain_pixels(self: Explainer, *given: Any) -> Any:
        seen.append(given)
        return plain(self, *given)

    monkeypatch.setattr(Explainer, "explain_pixels", explain_pixels)
    # The picture that cannot be read is the seventh.
    assert done < 7
    assert command(*arguments)["explanations"]["rows"] == 12
    assert len(seen) == 12 - done
    index = index_of(output)
    assert [row["file_name"] for row in index] == [f"{n:03d}.png" for n in range(13)]
    folder = output / "explanations"
    assert {path.name for path in folder.glob("*.png")} == {
        row[key] for row in index if "error" not in row for key in ("picture", "overlay")
    }


def test_the_method_that_auto_chose_stays(
    tmp_path: Path, vit_checkpoint: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain = {"seconds": 0, "rows": 6}
    with pytest.raises(RunCancelled):
        batch(vit_checkpoint, source, tmp_path / "out", explain, cancelled=stopping_after(6))
    monkeypatch.setattr("tintype.explaining.automatic.choose_method", None)
    batch(vit_checkpoint, source, tmp_path / "out", explain)
    found = json.loads((tmp_path / "out" / "explanations" / "explanations.json").read_text())
    assert found["method"] == found["compared"][0]["method"] == "attention_rollout"
    assert "were left" in found["compared"][1]["left_out"]


def test_where_no_picture_can_be_read_the_cheapest_method_stands(
    tmp_path: Path, vit_checkpoint: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.png").write_bytes(b"no picture")
    summary = batch(vit_checkpoint, source, tmp_path / "out", True)
    assert (summary.explanations["rows"], summary.explanations["failed"]) == (0, 1)


def test_another_setting_does_not_go_on(tmp_path: Path, vit_checkpoint: Path, source: Path) -> None:
    batch(vit_checkpoint, source, tmp_path / "out", "attention")
    with pytest.raises(UsageError, match=r"explain \{'method': 'attention'\}"):
        batch(vit_checkpoint, source, tmp_path / "out", "attention_rollout")


def test_labels_that_are_named(tmp_path: Path, vit_checkpoint: Path, source: Path) -> None:
    explain = {"method": "attention", "rows": 2, "which": "first", "target": ["jug", "can"]}
    batch(vit_checkpoint, source, tmp_path / "out", explain)
    rows = [(row["file_name"], row["label"], row["picture"]) for row in index_of(tmp_path / "out")]
    assert rows == [
        ("000.png", "jug", "000000-000.png"),
        ("000.png", "can", "000000-000-2.png"),
        ("001.png", "jug", "000001-001.png"),
        ("001.png", "can", "000001-001-2.png"),
    ]
    explain["target"] = ["cann"]
    with pytest.raises(UsageError, match="Did you mean 'can'"):
        batch(vit_checkpoint, source, tmp_path / "wrong", explain)
    assert not (tmp_path / "wrong" / "predictions").exists()


def test_multilabel_rows_have_a_line_for_each_label(tmp_path: Path, source: Path) -> None:
    model = write_checkpoint(tmp_path / "model", multilabel=True)
    batch(model, source, tmp_path / "out", {"method": "attention", "rows": "all"}, form="jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out" / "predictions.csv").open()]
    index = index_of(tmp_path / "out")
    for row in rows:
        if "error" in row:
            continue
        likely = [
            label for label, p in zip(row["labels"], row["probs"], strict=True) if p >= 0.5
        ] or [None]
        assert [each["label"] for each in index if each["file_name"] == row["file_name"]] == likely
    never = {"method": "attention", "confidence_score_threshold_multilabel": 1.0}
    summary = batch(model, source, tmp_path / "never", never)
    assert {row["label"] for row in index_of(tmp_path / "never") if "label" in row} == {None}
    assert summary.explanations["rows"] == 12


def test_zero_shot_by_the_labels_of_each_file(tmp_path: Path) -> None:
    model, source = write_clip(tmp_path / "clip"), write_pictures(tmp_path / "in", 4)
    (tmp_path / "files").mkdir()
    for name, labels, numbers in (("a", "a cat, a dog", (0, 1)), ("b", "red, green", (2, 3))):
        lines = ["image,text"] + [
            f'{source}/{n:03d}.png,"{labels if n == numbers[0] else ""}"' for n in numbers
        ]
        (tmp_path / "files" / f"{name}.csv").write_text("\n".join(lines))
    explain: dict[str, Any] = {"method": "attention"}
    batch(model, tmp_path / "files", tmp_path / "out", explain)
    rows = pq.read_table(tmp_path / "out" / "predictions")
    index = index_of(tmp_path / "out")
    assert [row["label"] for row in index] == rows["label"].to_pylist()
    assert [row["row"] for row in index] == [0, 1, 0, 1]
    # A label that one file does not have is the fault of its rows; auto compares on the others.
    explain = {"target": ["red"], "seconds": 0}
    batch(model, tmp_path / "files", tmp_path / "red", explain)
    assert ["error" in row for row in index_of(tmp_path / "red")] == [True, True, False, False]
    found = json.loads((tmp_path / "red" / "explanations" / "explanations.json").read_text())
    assert found["compared"][0]["method"] == found["method"]


def test_what_cannot_be_explained_is_its_row_s_fault(
    tmp_path: Path, vit_checkpoint: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = Explainer.explain_pixels, iter(range(99))

    def explain_pixels(self: Explainer, *given: Any) -> Any:
        if next(calls) == 2:
            raise ModelError("attention gave NaN or infinity")
        return plain(self, *given)

    monkeypatch.setattr(Explainer, "explain_pixels", explain_pixels)
    summary = batch(vit_checkpoint, source, tmp_path / "out", "attention")
    failed = [row for row in index_of(tmp_path / "out") if "error" in row]
    assert [row["file_name"] for row in failed] == ["002.png", "006.png"]
    assert (summary.failed, summary.explanations["failed"]) == (1, 2)


def test_embeddings_and_wrong_methods_are_refused_before_work(
    tmp_path: Path, vit_checkpoint: Path, source: Path
) -> None:
    with pytest.raises(UsageError, match="embeddings have no labels"):
        batch(vit_checkpoint, source, tmp_path / "a", True, scoring={"task": "embeddings"})
    with pytest.raises(UsageError, match="nearest that is valid is 'attention'"):
        batch(vit_checkpoint, source, tmp_path / "b", "guided_gradcam")
    assert not list(tmp_path.glob("[ab]/predictions*"))
