"""Evaluation of models whose labels are the data's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import write_checkpoint, write_clip
from pictures import encoded, noise
from sklearn.metrics import accuracy_score

import tintype
from tintype.errors import UsageError
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.model_folder import write_checkpoint_folder


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
