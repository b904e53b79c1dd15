"""The automatic mode's choices, with a ranking and times made up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tintype.automl.automatic import WAIT, AutomaticMode
from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.recipes import PLAIN, RECIPES, recipes_for
from tintype.automl.settings_to_try import FINER, Setting, setting_key
from tintype.automl.study import Study, Trial
from tintype.automl.trial_costs import TrialCost, cost_of, epochs_that_fit
from tintype.schemas.automl_limits import Quality
from tintype.schemas.finetuning import FinetuningParameters


def backbone(name: str, score: float, family: str = "vit", rate: float = 100.0) -> BackboneRank:
    return BackboneRank(
        name=name,
        score=score,
        validation=score,
        images_per_second=rate,
        training_images_per_second=0.0,
        reading_seconds=0.0,
        seconds=1.0,
        family=family,
        pooling="cls",
        parameters=86_000_000,
        start=f"/heads/{name}",
        blocks=13,
        finer_side=None if name == "rigid" else 288,
    )


class Case:
    """An automatic mode whose trials the test ends itself."""

    def __init__(
        self,
        folder: Path,
        ranking: list[BackboneRank],
        *,
        seconds: float = 100_000,
        quality: Quality | None = None,
        rows: int = 1000,
        backbones: list[str] | None = None,
        **more: Any,
    ) -> None:
        self.study = Study(folder / "study.db")
        self.said: list[str] = []
        self.mode = AutomaticMode(
            self.study,
            backbones=[b.name for b in ranking] if backbones is None else backbones,
            ranking=lambda: ranking,
            rows=rows,
            task="image_classification",
            metric="accuracy",
            deadline=time.time() + seconds,
            say=self.said.append,
            quality=quality,
            **{"recipes": recipes_for("image_classification", np.array([9, 9])), **more},
        )

    def trial(self) -> Trial:
        found = self.mode.propose()
        assert isinstance(found, Trial)
        return found

    def ranked(self, metric: float = 0.8) -> Case:
        self.study.tell(self.trial().number, "completed", metric)
        return self

    def parameters(self, trial: Trial) -> FinetuningParameters:
        return FinetuningParameters.model_validate(trial.parameters["finetuning"])


def test_the_ranking_comes_first_and_is_waited_for(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)])
    assert case.trial().parameters == {"ranking": True}
    assert case.mode.propose() == WAIT


def test_transformers_begin_with_lora_from_their_head(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8), backbone("b", 0.75), backbone("c", 0.3)]).ranked()
    first, second, third = case.trial(), case.trial(), case.trial()
    assert (first.parameters["model_name"], first.parameters["method"]) == ("a", "lora")
    assert first.parameters["start"] == "/heads/a"
    assert (second.parameters["model_name"], second.parameters["method"]) == ("b", "lora")
    assert (third.parameters["model_name"], third.parameters["method"]) == ("a", "full")
    assert case.parameters(first).learning_rate == pytest.approx(5e-4)
    assert case.parameters(third).learning_rate == pytest.approx(5e-5)
    models = {case.trial().parameters["model_name"] for _ in range(3)}
    assert "c" not in models, "a backbone far behind is not fine-tuned by the known-good settings"
    assert "its head reached 0.8000" in case.said[1]


def test_convolutional_networks_begin_with_their_last_layers(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("r", 0.8, "resnet")]).ranked()
    trials = [case.trial() for _ in range(4)]
    assert [trial.parameters["method"] for trial in trials] == ["full"] * 4
    assert [trial.parameters.get("frozen") for trial in trials] == [0.75, 0.6, None, None]
    # From the fitted head, and at a high rate from a new one.
    assert [trial.parameters["start"] for trial in trials] == ["/heads/r"] * 3 + ["r"]
    rates = [case.parameters(trial).learning_rate for trial in trials]
    assert rates == pytest.approx([3e-4, 3e-4, 3e-4, 9e-4])
    for _ in range(10):
        trial = case.trial()
        assert trial.parameters["method"] == "full"
        new_head = trial.parameters["setting"][2] >= 2.5
        assert trial.parameters["start"] == ("r" if new_head else "/heads/r")


def test_where_features_do_not_fit_all_weights_learn_first(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("r", 0.3, "resnet"), backbone("s", 0.28, "resnet")]).ranked(0.3)
    trials = [case.trial() for _ in range(3)]
    assert [trial.parameters["model_name"] for trial in trials] == ["r", "s", "r"]
    assert [trial.parameters.get("frozen") for trial in trials] == [0.3, 0.3, 0.75]
    assert [trial.parameters["epochs"] for trial in trials] == [20, 20, 15]
    assert [trial.parameters["start"] for trial in trials] == ["r", "s", "/heads/r"]


def test_most_layers_can_be_frozen(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)]).ranked()
    frozen = [t for t in (case.trial() for _ in range(5)) if t.parameters.get("frozen")]
    # Of 13 layers.
    assert [case.parameters(trial).layers_to_freeze for trial in frozen] == [7, 9]


def test_frozen_layers_cost_an_embedding(tmp_path: Path) -> None:
    transformer = backbone("a", 0.8)
    whole, last = Setting("a", "full"), Setting("a", "full", frozen=0.75)
    guessed = cost_of(last, transformer, 1000, [])
    # 100 embeddings a second; of all layers an image costs 4.5, and a guess is a quarter too high.
    assert guessed.epoch == pytest.approx(1.25 * (10 * (0.75 + 4.5 * 0.25) + 5))
    network = backbone("r", 0.8, "resnet")
    assert cost_of(last, network, 1000, []).epoch == pytest.approx(
        1.25 * (10 * (0.75 + 20 * 0.25**2) + 5)
    )
    study = Study(tmp_path / "study.db")
    trial = study.ask_at({"setting": list(setting_key(whole))})
    study.note(trial.number, seconds=100.0, epoch_seconds=9.0)
    study.tell(trial.number, "completed", 0.9)
    measured = cost_of(whole, transformer, 1000, study.trials())
    assert (measured.epoch, measured.measured) == (9.0, True)
    # What was measured of all layers tells of the last ones, too.
    told = cost_of(last, transformer, 1000, study.trials())
    assert told.epoch == pytest.approx(9.0 * (0.75 + 4.5 * 0.25 + 0.5) / 4.5)
    assert not told.measured


def test_finer_images_where_the_family_takes_them(tmp_path: Path) -> None:
    case = Case(tmp_path / "a", [backbone("a", 0.8)]).ranked()
    finer = [t for t in (case.trial() for _ in range(5)) if t.parameters.get("resolution")]
    assert case.parameters(finer[0]).image_height == case.parameters(finer[0]).image_width == 288
    assert "images 1.29 times as wide" in " ".join(case.said)
    rigid = Case(tmp_path / "rigid", [backbone("rigid", 0.8)]).ranked()
    assert not any(rigid.trial().parameters.get("resolution") for _ in range(12))


def test_epochs_are_fitted_to_the_time(tmp_path: Path) -> None:
    # 1000 images at 100/s, LoRA 3.3 times slower, unmeasured a quarter more: 41.25 s an epoch.
    case = Case(tmp_path, [backbone("a", 0.8)], seconds=450).ranked()
    first = case.trial()
    # Ten seconds are set aside for an ensemble.
    assert first.parameters["epochs"] == int((440 * 0.8 - 11) / 41.25)
    assert "8 epochs, about" in case.said[0]
    assert "for the time's sake" in case.said[1]
    # It turns out twice as quick: the next ones are planned by what was measured.
    case.study.note(first.number, seconds=80.0, epoch_seconds=16.5)
    for step in range(4):
        case.study.report(first.number, step, 0.5)
    case.study.tell(first.number, "completed", 0.9)
    case.mode._deadline = time.time() + 250
    # LoRA at twice the rate has time for twelve epochs, other settings for fewer: it goes first.
    lora = case.trial()
    assert lora.parameters["setting"][:3] == ["a", "lora", 2.0]
    fixed = 80 - 4 * 16.5
    assert lora.parameters["epochs"] == int((240 * 0.9 - fixed) / 16.5)
    # The last quarter of the layers, at 30 s an epoch, has time for six, as finer images for LoRA at 27 s.
    last = case.trial()
    assert (last.parameters["method"], last.parameters["frozen"]) == ("full", 0.75)
    assert last.parameters["epochs"] == int((240 * 0.8 - 11) / 29.6875)
    finer = case.trial()
    assert finer.parameters["resolution"] == FINER
    assert finer.parameters["epochs"] == int((240 * 0.8 - fixed) / (16.5 * FINER**2))
    # The last 40 % of the layers, at 36 s an epoch, get four; all weights, at 56 s, would get three.
    last = case.trial()
    assert (last.parameters["method"], last.parameters["frozen"]) == ("full", 0.6)
    assert last.parameters["epochs"] == int((240 * 0.8 - 11) / 36.25)


def test_the_plan_is_said_once_with_its_times_and_with_what_does_not_fit(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8), backbone("b", 0.75, rate=1.0)], seconds=2000)
    case.ranked()
    case.trial()
    case.trial()
    [plan] = [sentence for sentence in case.said if sentence.startswith("Plan")]
    assert plan.startswith(
        "Plan for the 33 min that are left: 1. a, LoRA, 15 epochs, about 10 min;"
    )
    assert "2. a, the last 40% of the layers, 15 epochs, about 9 min" in plan
    assert "settings drawn near the best, while time is left" in plan
    assert "b, LoRA" in plan.partition("Too long for the time: ")[2]


def test_from_random_weights_half_the_epochs_or_none(tmp_path: Path) -> None:
    setting = Setting("small", "scratch")
    cost = TrialCost(epoch=2.0, fixed=4.0, measured=True)
    assert epochs_that_fit(setting, cost, 100.0) == 40
    assert epochs_that_fit(setting, cost, 60.0) == int((60 * 0.9 - 4) / 2)
    # 5 of 40 epochs were once given for the time's sake, and led nowhere.
    assert epochs_that_fit(setting, cost, 48.0) is None
    assert epochs_that_fit(Setting("a", "lora"), cost, 14.0) == 4
    assert epochs_that_fit(Setting("a", "lora"), cost, 12.0) is None
    # A cost that is only guessed is tried with what there is, where nothing was tuned yet.
    guessed = TrialCost(epoch=15.5, fixed=4.0, measured=False)
    full = Setting("a", "full")
    assert epochs_that_fit(full, guessed, 78.0) is None
    assert epochs_that_fit(full, guessed, 78.0, first=True) == 4
    assert epochs_that_fit(full, guessed, 30.0, first=True) is None


@pytest.mark.parametrize(("quality", "trials"), [("fast", 0), ("good", 3)])
def test_a_quality_ends_itself(tmp_path: Path, quality: Quality, trials: int) -> None:
    case = Case(tmp_path, [backbone("a", 0.8), backbone("b", 0.79)], quality=quality).ranked()
    for number in range(trials):
        case.study.tell(case.trial().number, "completed", 0.8 + number / 100)
    assert case.mode.propose() is None


def test_best_ends_when_ten_trials_have_brought_nothing(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)], quality="best").ranked()
    case.study.tell(case.trial().number, "completed", 0.9)
    for _ in range(9):
        case.study.tell(case.trial().number, "completed", 0.9)
    last = case.trial()
    case.study.tell(last.number, "completed", 0.9004)
    assert case.mode.propose() is None
    assert "brought nothing more" in case.said[-2]
    assert "No mean of several models" in case.said[-1]


def test_an_ensemble_comes_last_and_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def ensemble(finished: Sequence[Trial]) -> tuple[list[Any], str]:
        asked.append(len(finished))
        return [{"model": "/heads/a", "weight": 1.0}], "Next: the mean of two models."

    case = Case(tmp_path, [backbone("a", 0.8)], quality="fast", ensemble=ensemble)
    ranking = case.trial()
    assert case.mode.propose() == WAIT
    case.study.tell(ranking.number, "completed", 0.8)
    # Quality fast fine-tunes nothing: the heads alone may be averaged.
    last = case.trial()
    assert last.parameters == {"ensemble": [{"model": "/heads/a", "weight": 1.0}]}
    assert case.said[-1] == "Next: the mean of two models."
    case.study.tell(last.number, "completed", 0.81)
    assert case.mode.propose() is None
    assert asked == [1]


def test_a_trial_that_cannot_reach_the_best_any_more_is_ended(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)]).ranked()
    first, second = case.trial(), case.trial()
    for step, value in enumerate([0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.9, 0.91, 0.91], 1):
        case.study.report(first.number, step, value)
    case.study.tell(first.number, "completed", 0.91)
    # Of another method nothing is known yet.
    assert second.parameters["method"] == "full"
    for step in range(1, 8):
        case.study.report(second.number, step, 0.2)
    assert not case.mode.cannot_win(second.number)
    case.study.tell(second.number, "failed")
    third = next(t for t in (case.trial() for _ in range(4)) if t.parameters["method"] == "lora")
    for step in range(1, 5):
        case.study.report(third.number, step, 0.4)
    # Before a third of its epochs it may still come; the first gained 0.41 from there on.
    assert not case.mode.cannot_win(third.number)
    for step in range(5, 12):
        case.study.report(third.number, step, 0.6)
    assert case.mode.cannot_win(third.number)
    assert "cannot reach the best any more" in case.said[-1]


def test_nothing_is_started_that_could_not_finish(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)], seconds=40, rows=10_000).ranked()
    assert case.mode.propose() is None
    assert "nothing fits" in case.said[0] or "settings drawn" in case.said[0]
    assert any("No time is left for enough epochs" in sentence for sentence in case.said)


def test_a_perfect_model_ends_the_search(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.99)]).ranked(1.0)
    assert case.mode.propose() is None
    assert "nothing is left to gain" in case.said[0]


def test_without_backbones_small_networks_are_trained(tmp_path: Path) -> None:
    case = Case(tmp_path, [], backbones=[])
    trial = case.trial()
    assert trial.parameters["model_name"] == "tintype/resnet-small"
    assert case.parameters(trial).early_stopping_patience == 10
    assert {case.trial().parameters["model_name"] for _ in range(6)} == {
        "tintype/resnet-small",
        "tintype/vit-small",
    }


def test_settings_are_not_repeated_and_later_ones_are_drawn(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8), backbone("b", 0.79)]).ranked()
    seen = []
    for number in range(16):
        trial = case.trial()
        seen.append(tuple(trial.parameters["setting"]))
        case.study.tell(trial.number, "completed", 0.8 + number / 1000)
    known_good = seen[:7]
    assert len(set(known_good)) == 7
    assert any(setting[2] not in (1.0, 2.0) for setting in seen[7:]), "rates are drawn from a range"
    learnt = case.study._study.get_trials()[1:]
    assert all("rate" in trial.params for trial in learnt), "the estimator learns from all of them"


def test_recipes_are_drawn(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)], recipes=list(RECIPES)).ranked()
    drawn = set()
    for number in range(30):
        trial = case.trial()
        recipe = trial.parameters.get("recipe", PLAIN)
        drawn.add(recipe)
        parameters = case.parameters(trial)
        for key, value in RECIPES[recipe].items():
            assert getattr(parameters, key) == value
        case.study.tell(trial.number, "completed", 0.5 + number / 1000)
    assert len(drawn) > 3


def test_a_measured_rate_of_learning_tells_costs() -> None:
    measured = replace(backbone("r", 0.8, "resnet"), training_images_per_second=20.0)
    assert cost_of(Setting("r", "full"), measured, 1000, []).epoch == pytest.approx(1000 / 20)
    transformer = replace(backbone("a", 0.8), training_images_per_second=20.0)
    lora = cost_of(Setting("a", "lora"), transformer, 1000, [])
    assert lora.epoch == pytest.approx(1000 / 20 * 0.73)
    # Reading the images takes time once.
    slow = replace(measured, reading_seconds=0.1)
    fixed = [cost_of(Setting("r", "full"), one, 1000, []).fixed for one in (measured, slow)]
    assert fixed[1] == pytest.approx(fixed[0] + 100)


def test_the_test_images_are_scored_before_the_deadline(tmp_path: Path) -> None:
    network = replace(backbone("r", 0.8, "resnet"), reading_seconds=0.01)
    with_test = Case(tmp_path, [network], seconds=1000, test_rows=400)
    # 400 images: read in 4 s, scored at 40 a second.
    assert with_test.mode.trials_end() == pytest.approx(time.time() + 1000 - 4 - 10, abs=1)
    (tmp_path / "none").mkdir()
    without = Case(tmp_path / "none", [network], seconds=1000)
    assert without.mode.trials_end() == pytest.approx(time.time() + 1000, abs=1)


def test_time_is_left_for_the_best_trial_to_go_on(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)], seconds=1000, refit_growth=1.25).ranked()
    # Whichever trial is the best may go on for 0.6 of its epochs, with a quarter more images.
    assert case.mode._left() == pytest.approx(990 / 1.75, abs=1)
    trial = case.trial()
    case.study.note(trial.number, seconds=400.0, epoch_seconds=20.0)
    case.study.tell(trial.number, "completed", 0.9)
    assert case.mode.trials_end() == pytest.approx(case.mode.refit_end() - 300, abs=1)
    case.mode._deadline = time.time() + 400
    assert case.mode._left() == pytest.approx(390 - 300, abs=1)


@pytest.mark.parametrize(("epochs", "share"), [(20, 1.0), (17, 20 / 17), (8, 1.25)])
def test_a_network_that_learns_anew_goes_on_for_all_of_its_epochs(
    tmp_path: Path, epochs: int, share: float
) -> None:
    network = replace(backbone("r", 0.3, "resnet"), training_images_per_second=40.0)
    case = Case(tmp_path, [network], seconds=4000, refit_growth=1.35).ranked(0.3)
    trial = case.trial()
    assert trial.parameters["setting"][2] == 3.0
    for step in range(epochs):
        case.study.report(trial.number, step, 0.5)
    case.study.note(trial.number, seconds=100.0, epoch_seconds=4.0)
    case.study.tell(trial.number, "completed", 0.9)
    reserved = case.mode.refit_end() - case.mode.trials_end()
    assert reserved == pytest.approx(share * 1.35 * 100, abs=1)


def test_where_time_is_short_the_quicker_network_goes_first(tmp_path: Path) -> None:
    ranking = [
        replace(backbone("slow", 0.85, "resnet"), training_images_per_second=10.0),
        replace(backbone("quick", 0.84, "resnet"), training_images_per_second=40.0),
    ]
    hurried = Case(tmp_path, ranking, seconds=150).ranked().trial()
    assert hurried.parameters["model_name"] == "quick"
    assert hurried.parameters["epochs"] < 8
    (tmp_path / "long").mkdir()
    assert Case(tmp_path / "long", ranking).ranked().trial().parameters["model_name"] == "slow"
