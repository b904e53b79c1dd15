"""Backbones ranked by heads: something usable first, then the whole."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import write_class_folders

from tintype.automl import head_search, ranking
from tintype.automl.ranking import RankedBackbone, rank_backbones, write_backbone_classifier
from tintype.data import read_image_table
from tintype.data.image_table import ImageTable
from tintype.errors import RunCancelled
from tintype.scoring import Scorer


def rank(
    folder: Path, names: str, train: ImageTable, validation: ImageTable, **more: Any
) -> list[RankedBackbone]:
    """The ranking of small ViTs, one of each letter, with time for all of them."""
    given: dict[str, Any] = {"deadline": time.time() + 600, "log": lambda sentence: None, **more}
    return rank_backbones(
        [str(write_checkpoint(folder / name, "vit")) for name in names],
        train,
        validation,
        task="image_classification",
        metric="accuracy",
        **given,
    )


def test_a_first_model_comes_from_a_sample_of_every_class(
    tmp_path: Path, workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "_FIRST_FROM", 30)
    monkeypatch.setattr(ranking, "_FIRST_ROWS", 15)
    train = read_image_table(write_class_folders(tmp_path / "train", per_class=12, classes=3))
    validation = read_image_table(
        write_class_folders(tmp_path / "validation", per_class=4, classes=3)
    )
    found: list[RankedBackbone] = []
    said: list[str] = []
    ranked = rank(tmp_path, "ab", train, validation, log=said.append, leads=found.append)
    assert len(ranked) == 2
    first, whole = found[:2]
    assert (first.fitted, first.judged) == (12, 6)
    assert (whole.fitted, whole.judged) == (36, 12)
    assert whole.probabilities.shape == (12, 3)
    assert first.head.module is not whole.head.module
    assert "with a head fitted to 12 images; now with all 36" in said[0]
    # The second backbone has something to beat: it is judged whole at once.
    assert sum("now with all" in sentence for sentence in said) == 1


def test_a_sample_keeps_every_class(tmp_path: Path) -> None:
    table = read_image_table(write_class_folders(tmp_path, per_class=30, classes=3))
    sampled, rows = ranking._sampled(table, 0.1)
    assert np.bincount(sampled.targets()).tolist() == [3, 3, 3]
    assert [table.location(row) for row in rows] == list(sampled.locations())


@pytest.mark.parametrize("asked", [1, 2, 3, 4, 5])
def test_a_ranking_stops_where_it_is_asked_to(tmp_path: Path, asked: int) -> None:
    """Before the first image, at every batch, before a head is fitted, and at the next backbone."""
    train = read_image_table(write_class_folders(tmp_path / "train", per_class=12))
    validation = read_image_table(write_class_folders(tmp_path / "validation", per_class=4))
    count, found = 0, []

    def cancelled() -> bool:
        nonlocal count
        count += 1
        return count >= asked

    with pytest.raises(RunCancelled, match="asked to stop"):
        rank(tmp_path, "ab", train, validation, leads=found.append, cancelled=cancelled)
    assert count == asked
    assert len(found) == (asked == 5)


@pytest.mark.parametrize("kind", ["neighbours", "mlp"])
def test_what_is_served_is_what_was_ranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever wins; and fine-tuning starts from a head that can learn."""
    monkeypatch.setattr(head_search, "_WINS_BY", -1e9)
    other = "_MOST_FOR_MLPS" if kind == "neighbours" else "_MOST_KNOWN"
    monkeypatch.setattr(head_search, other, 0)
    train = read_image_table(write_class_folders(tmp_path / "train", per_class=12, classes=3))
    validation = read_image_table(
        write_class_folders(tmp_path / "validation", per_class=4, classes=3)
    )
    (backbone,) = rank(tmp_path, "v", train, validation)
    heads = {"served": backbone.head, "start": backbone.head.to_finetune}
    kinds = {}
    for name, head in heads.items():
        folder = write_backbone_classifier(
            tmp_path / name, backbone, head, "image_classification", train.classes
        )
        kinds[name] = folder.checkpoint.config["tintype_head"]["kind"]
        assert folder.card["training"]["solver"] == head.solver
        scorer = Scorer.load(folder.path, runtime="torch", precision="fp32")
        found = np.stack([row.probs for row in scorer.predict(list(validation.locations()))])
        if name == "served":
            # Features that were ranked may have been computed in bf16.
            assert np.abs(found - backbone.probabilities).mean() < 0.03
    assert kinds == {"served": kind, "start": "mlp" if kind == "mlp" else "linear"}


@pytest.mark.parametrize(("seconds", "tried"), [(10.0, 2), (100.0, 1)])
def test_a_backbone_is_tried_if_it_can_be_done_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, tried: int
) -> None:
    """Going by the one before it."""
    judge = ranking._judged
    monkeypatch.setattr(
        ranking,
        "_judged",
        lambda *given, **more: dataclasses.replace(judge(*given, **more), seconds=seconds),
    )
    train = read_image_table(write_class_folders(tmp_path / "train", per_class=12))
    validation = read_image_table(write_class_folders(tmp_path / "validation", per_class=4))
    said: list[str] = []
    ranked = rank(tmp_path, "ab", train, validation, deadline=time.time() + 60, log=said.append)
    assert len(ranked) == tried
    assert ("too short" in said[-1]) == (tried == 1)
