"""What a network says of other views of images, and ensembles that are made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import noise
from PIL import Image, ImageOps
from sweeps import Sweep

from tintype.data import read_image_table
from tintype.jobs.automl.ensemble_members import members_that_win
from tintype.jobs.automl.other_views import probabilities_of_other_views
from tintype.jobs.automl.predictions import predictions_file, view_file
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.scoring import Scorer


def test_they_are_those_of_flipped_pictures(tmp_path: Path, workspace_home: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit", labels=("a", "b"))
    for number in range(6):
        image = Image.fromarray(noise(40, 40, seed=number))
        for name, shown in (("plain", image), ("flipped", ImageOps.mirror(image))):
            place = tmp_path / name / "ab"[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            shown.save(place / f"{number}.png")
    plain, flipped = (read_image_table(tmp_path / name) for name in ("plain", "flipped"))
    scorer = Scorer.load(checkpoint, task="image_classification")
    expected = scorer.score_table(flipped).probabilities
    others = probabilities_of_other_views(checkpoint, plain)
    found = others["mirrored"]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert not np.allclose(found, scorer.score_table(plain).probabilities, atol=5e-3)


def test_an_ensemble_may_ask_a_network_about_both_views(
    tmp_path: Path, workspace_home: Path, no_workers: None
) -> None:
    sweep = Sweep(tmp_path)
    network = sweep.network()
    run, tables = sweep.trials.run(network.number), tables_of_sweep(sweep.job)
    kept = np.load(view_file(predictions_file(run), "mirrored"))
    assert kept.shape == (len(tables.held_out), 2)
    view_file(predictions_file(run), "closer").unlink()
    # As if each view were sure, and wrong, where the other is right.
    targets = tables.held_out.targets()
    right = np.eye(2, dtype=np.float32)[targets]
    first = np.arange(len(targets)) % 2 == 0
    for path, sure in (
        (predictions_file(run), first),
        (view_file(predictions_file(run), "mirrored"), ~first),
    ):
        told = np.where(sure[:, None], 0.98 * right + 0.01, 0.4 * right + 0.3 * (1 - right) * 2)
        np.save(path, told.astype(np.float32))
    chosen = members_that_win(sweep.job, sweep.trials, tables, [network])
    assert chosen is not None
    members = chosen[0]
    assert sorted(member.view for member in members) == ["mirrored", "whole"]
    best = sweep.done(ensemble=[member.model_dump() for member in members])
    result = sweep.went_on(best, {network.number: 2})
    assert (result["state"], result["complete"]) == ("completed", True)
    # The mean of what one network, that went on, says of both views.
    answers = sweep.answers()
    assert result["metric"] == pytest.approx(float((answers.argmax(1) == targets).mean()))
