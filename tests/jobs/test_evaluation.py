"""Evaluation of models whose labels are the data's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint, write_clip
from pictures import encoded, noise
from pyarrow import parquet
from sklearn.metrics import accuracy_score

import tintype
from tintype.errors import UsageError
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.model_folder import write_checkpoint_folder
from tintype.scoring.scorer import Scorer


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for number in range(6):
        path = tmp_path / "data" / ("a cat", "photo of can")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise(40, 40, seed=number), "PNG"))
    return tmp_path / "data"


def test_zero_shot_is_evaluated_over_the_labels_of_the_data(tmp_path: Path, folders: Path) -> None:
    clip = write_clip(tmp_path / "clip")
    found = tintype.evaluate(clip, folders, output=tmp_path / "report")
    assert found.classes == ("a cat", "photo of can")
    scorer = tintype.Scorer.load(clip)
    paths = sorted(folders.rglob("*.png"))
    predicted = [p.top(1)[0][0] for p in scorer.predict(paths, labels=found.classes)]
    expected = accuracy_score([path.parent.name for path in paths], predicted)
    assert found.metrics["accuracy"] == pytest.approx(expected)
    assert (tmp_path / "report" / "evaluation.html").is_file()


def test_an_evaluation_that_was_ended_goes_on(
    tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders / "a cat" / "broken.png").write_bytes(b"no picture")
    clip = write_clip(tmp_path / "clip")
    in_memory = tintype.evaluate(clip, folders)
    plain, seen = Scorer.run, 0

    def run(self: Scorer, pixels: np.ndarray) -> np.ndarray:
        nonlocal seen
        seen += len(pixels)
        return plain(self, pixels)

    with monkeypatch.context() as patch:
        # After the predictions, before the report.
        patch.setattr("tintype.jobs.evaluation.evaluate_predictions", None)
        with pytest.raises(TypeError):
            tintype.evaluate(clip, folders, output=tmp_path / "report")
    monkeypatch.setattr(Scorer, "run", run)
    found = tintype.evaluate(clip, folders, output=tmp_path / "report")
    assert seen == 0
    assert found.metrics == pytest.approx(in_memory.metrics)
    rows = parquet.read_table(tmp_path / "report" / "predictions" / "predictions")
    assert rows.num_rows == 7
    assert rows["error"].null_count == 6
    tintype.evaluate(clip, folders, output=tmp_path / "report")
    assert seen == 6


def test_embeddings_have_nothing_to_evaluate(tmp_path: Path, folders: Path) -> None:
    card: dict[str, object] = {}
    write_checkpoint_folder(
        tmp_path / "embedder",
        resolve_checkpoint(str(write_checkpoint(tmp_path / "dinov2", "dinov2"))),
        task="embeddings",
        classes=(),
        card=card,
    )
    with pytest.raises(UsageError, match="no labels to evaluate"):
        tintype.evaluate(tmp_path / "embedder", folders)


def test_of_data_in_splits_the_test_split_is_evaluated(tmp_path: Path, folders: Path) -> None:
    for split in ("train", "val", "test"):
        shutil.copytree(folders, tmp_path / "splits" / split)
    next((tmp_path / "splits" / "test" / "a cat").iterdir()).unlink()
    found = tintype.evaluate(write_clip(tmp_path / "clip"), tmp_path / "splits")
    assert len(found.predictions.targets) == 5
    assert "test/ is read" in found.notices[0]
