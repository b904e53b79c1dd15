"""What went on with the images of validation: a head, a network, and an ensemble of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sweeps import Sweep

from tintype.jobs.automl.tables import tables_of_sweep
from tintype.models.model_folder import open_model_folder
from tintype.scoring import Scorer


@pytest.fixture
def sweep(tmp_path: Path, workspace_home: Path, no_workers: None) -> Sweep:
    return Sweep(tmp_path)


def test_a_head_is_fitted_to_all_images(sweep: Sweep) -> None:
    best = sweep.done(ranking=True)
    result = sweep.went_on(best, {})
    assert (result["state"], result["complete"]) == ("completed", True)
    answers = sweep.answers()
    targets = tables_of_sweep(sweep.job).held_out.targets()
    assert result["metric"] == pytest.approx(float((answers.argmax(1) == targets).mean()))
    before = Scorer.load(sweep.trials.run(0).model_folder)
    told = before.score_table(tables_of_sweep(sweep.job).held_out).probabilities
    assert not np.allclose(answers, told, atol=1e-4)


def test_a_network_goes_on_for_its_epochs(sweep: Sweep) -> None:
    best = sweep.network()
    result = sweep.went_on(best, {best.number: 3})
    assert (result["state"], result["complete"]) == ("completed", True)
    card = open_model_folder(sweep.trials.refit_run.model_folder).card
    assert card["training_images"] == 30
    assert not (sweep.trials.refit_run.folder / "checkpoints").exists()


def test_every_member_of_an_ensemble_goes_on(sweep: Sweep) -> None:
    ranking, network = sweep.done(ranking=True), sweep.network()
    members = [
        {
            "model": str(sweep.trials.run(trial.number).model_folder),
            "trial": sweep.trials.run(trial.number).name,
            "backbone": backbone,
            "weight": weight,
        }
        for trial, backbone, weight in ((ranking, sweep.checkpoint, 0.25), (network, None, 0.5))
    ]
    members.append(members[0] | {"view": "closer"})
    best = sweep.done(ensemble=members)
    result = sweep.went_on(best, {network.number: 2})
    assert (result["state"], result["complete"]) == ("completed", True)
    folder = open_model_folder(sweep.trials.refit_run.model_folder)
    told = folder.card["members"]
    assert [member["weight"] for member in told] == [0.25, 0.5, 0.25]
    assert [member["training"]["method"] for member in told] == ["head", "full", "head"]
    assert [member.get("view", "whole") for member in told] == ["whole", "whole", "closer"]
    # Served is the mean of what its members, learnt again, say.
    alone = sweep.trials.run(best.number).model_folder
    before = Scorer.load(alone).score_table(tables_of_sweep(sweep.job).held_out).probabilities
    assert not np.allclose(sweep.answers(), before, atol=1e-4)
    targets = tables_of_sweep(sweep.job).held_out.targets()
    right = float((sweep.answers().argmax(1) == targets).mean())
    assert result["metric"] == pytest.approx(right)
    assert not (sweep.trials.refit_run.folder / "members").exists()
