"""A second pass over some rows: which they are, and that they are read again as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from batches import write_pictures

from tintype.batch.options import BatchOptions
from tintype.batch.runner import run_batch
from tintype.batch.second_pass import BatchAtWork, Found, SecondPass, choose_rows
from tintype.batch.shards import margin
from tintype.errors import RunCancelled, UsageError
from tintype.scoring import ScorerOptions
from tintype.scoring.results import Prediction
from tintype.scoring.scorer import Scorer


class Noting(SecondPass):
    """Keeps what it is given."""

    def __init__(self, most: Any = "all", which: Any = "evenly", name: str = "a") -> None:
        self.most, self.which, self.name = most, which, name
        self.least_certain = most if which == "least_certain" else 0
        self.seen: list[tuple[int, str, bool]] = []

    @property
    def identity(self) -> dict[str, Any]:
        return {"noting": self.name}

    def prepare(self, batch: BatchAtWork) -> None:
        assert not list(batch.facts())

    def run(self, batch: BatchAtWork) -> Found:
        for number, scored, pixels in batch.scored_again(choose_rows(batch, self.most, self.which)):
            batch.check()
            self.seen.append((number, scored.file, pixels is not None))
        return Found(summary={"seen": len(self.seen)})


def batch(model: Path, source: Path, output: Path, second: SecondPass, **how: Any) -> Any:
    return run_batch(
        str(model),
        {"input": str(source)},
        output,
        options=BatchOptions(form="parquet", shard_rows=8),
        scoring=ScorerOptions(batch_size=4),
        second_pass=second,
        **how,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = write_pictures(tmp_path / "in", 21)
    (folder / "010.png").write_bytes(b"no picture")
    return folder


def test_all_rows_are_read_again(tmp_path: Path, vit_checkpoint: Path, source: Path) -> None:
    second = Noting()
    summary = batch(vit_checkpoint, source, tmp_path / "out", second)
    assert second.seen == [(n, f"{n:03d}.png", n != 10) for n in range(21)]
    assert summary.explanations == {"seen": 21}


def test_some_rows_are_chosen(tmp_path: Path, vit_checkpoint: Path, source: Path) -> None:
    first = Noting(3, "first")
    batch(vit_checkpoint, source, tmp_path / "first", first)
    assert [number for number, _, _ in first.seen] == [0, 1, 2]
    evenly = Noting(5, "evenly")
    batch(vit_checkpoint, source, tmp_path / "evenly", evenly)
    assert [number for number, _, _ in evenly.seen] == [0, 5, 10, 15, 20]
    # Of fewer rows than are asked for, all; those without an answer are in no doubt.
    many = Noting(50, "least_certain")
    batch(vit_checkpoint, source, tmp_path / "many", many)
    assert [number for number, _, _ in many.seen] == [n for n in range(21) if n != 10]


def test_the_least_certain_rows_are_those_of_the_predictions(
    tmp_path: Path, vit_checkpoint: Path, source: Path
) -> None:
    second = Noting(4, "least_certain")
    batch(vit_checkpoint, source, tmp_path / "out", second)
    table = pq.read_table(tmp_path / "out" / "predictions")
    probabilities = np.sort(np.array(table["probs"].to_pylist(), np.float32), axis=1)
    margins = probabilities[:, -1] - probabilities[:, -2]
    expected = sorted(np.argsort(np.nan_to_num(margins, nan=1), kind="stable")[:4].tolist())
    assert [number for number, _, _ in second.seen] == expected


def test_how_doubtful_an_answer_is() -> None:
    labels = ("a", "b", "c")
    one = Prediction(np.array([0.1, 0.5, 0.4], np.float32), labels)
    assert margin(one, "image_classification") == pytest.approx(0.1)
    assert margin(one, "image_classification_multilabel") == pytest.approx(0)
    sure = Prediction(np.array([1.0], np.float32), ("a",))
    assert margin(sure, "image_classification") == 1


def test_a_batch_counts_as_done_with_its_second_pass(
    tmp_path: Path, vit_checkpoint: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping() -> Callable[[], bool]:
        # Six batches of images, and then three rows again.
        asked = iter(range(1000))
        return lambda: next(asked) >= 9

    output, second = tmp_path / "out", Noting()
    with pytest.raises(RunCancelled):
        batch(vit_checkpoint, source, output, second, cancelled=stopping())
    assert len(second.seen) == 3
    assert pq.read_table(output / "predictions").num_rows == 21
    assert not (output / "summary.json").exists()
    with pytest.raises(UsageError, match="noting 'a' \\(now 'b'\\)"):
        batch(vit_checkpoint, source, output, Noting(name="b"))
    with pytest.raises(UsageError, match="noting 'a' \\(now None\\)"):
        run_batch(
            str(vit_checkpoint),
            {"input": str(source)},
            output,
            options=BatchOptions(form="parquet", shard_rows=8),
            scoring=ScorerOptions(batch_size=4),
        )

    class Later(Noting):
        def prepare(self, batch: BatchAtWork) -> None:
            assert len(list(batch.facts())) == len(batch.plan.shards)

    again = Later()
    batch(vit_checkpoint, source, output, again)
    assert len(again.seen) == 21
    monkeypatch.setattr(Scorer, "load", None)
    assert batch(vit_checkpoint, source, output, Noting()).explanations == {"seen": 21}
