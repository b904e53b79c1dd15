"""The automatic mode's choices, with a ranking and times made up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tintype.automl.automatic import WAIT, AutomaticMode
from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.study import Study, Trial
from tintype.schemas.finetuning import FinetuningParameters


def backbone(name: str, score: float, family: str = "vit", rate: float = 100.0) -> BackboneRank:
    return BackboneRank(
        name=name,
        score=score,
        validation=score,
        images_per_second=rate,
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
        max_trials: int = 30,
        rows: int = 1000,
        backbones: list[str] | None = None,
    ) -> None:
        self.study = Study(folder / "study.db")
        self.said: list[str] = []
        self.mode = AutomaticMode(
            self.study,
            backbones=[b.name for b in ranking] if backbones is None else backbones,
            ranking=lambda: ranking,
            rows=rows,
            metric="accuracy",
            deadline=time.time() + seconds,
            max_trials=max_trials,
            say=self.said.append,
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


def test_transformers_begin_with_lora_from_their_linear_head(tmp_path: Path) -> None:
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
    assert "its linear head reached 0.8000" in case.said[0]


def test_convolutional_networks_train_all_weights_from_the_linear_head_and_from_a_new_one(
    tmp_path: Path,
) -> None:
    case = Case(tmp_path, [backbone("r", 0.8, "resnet")]).ranked()
    first, second = case.trial(), case.trial()
    assert (first.parameters["method"], first.parameters["start"]) == ("full", "/heads/r")
    assert (second.parameters["method"], second.parameters["start"]) == ("full", "r")
    rates = [case.parameters(trial).learning_rate for trial in (first, second)]
    assert rates == pytest.approx([3e-4, 9e-4])
    for _ in range(12):
        trial = case.trial()
        assert trial.parameters["method"] == "full"
        new_head = trial.parameters["setting"][2] >= 2.5
        assert trial.parameters["start"] == ("r" if new_head else "/heads/r")


def test_half_the_layers_can_be_frozen(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)]).ranked()
    frozen = [t for t in (case.trial() for _ in range(5)) if t.parameters.get("frozen")]
    assert case.parameters(frozen[0]).layers_to_freeze == 6


def test_finer_images_where_the_family_takes_them(tmp_path: Path) -> None:
    case = Case(tmp_path / "a", [backbone("a", 0.8)]).ranked()
    finer = [t for t in (case.trial() for _ in range(5)) if t.parameters.get("resolution")]
    assert case.parameters(finer[0]).image_height == case.parameters(finer[0]).image_width == 288
    assert "images 1.29 times as wide" in " ".join(case.said)
    rigid = Case(tmp_path / "rigid", [backbone("rigid", 0.8)]).ranked()
    assert not any(rigid.trial().parameters.get("resolution") for _ in range(12))


def test_epochs_are_fitted_to_the_time(tmp_path: Path) -> None:
    # 1000 images at 100/s, LoRA 3.3 times slower: 33 s an epoch.
    case = Case(tmp_path, [backbone("a", 0.8)], seconds=400).ranked()
    first = case.trial()
    assert first.parameters["epochs"] == int((400 * 0.4 - 11) / 33)
    assert "for the time's sake" in case.said[0]
    # It turns out twice as quick: the next ones are planned by what was measured.
    case.study.note(first.number, seconds=80.0, epoch_seconds=16.5)
    for step in range(4):
        case.study.report(first.number, step, 0.5)
    case.study.tell(first.number, "completed", 0.9)
    case.mode._deadline = time.time() + 200
    # All weights, at 45 s an epoch, would get three: passed over for LoRA at twice the rate.
    lora = case.trial()
    assert lora.parameters["setting"][:3] == ["a", "lora", 2.0]
    fixed = 80 - 4 * 16.5
    assert lora.parameters["epochs"] == int((200 * 0.85 - fixed) / 16.5)


def test_nothing_is_started_that_could_not_finish(tmp_path: Path) -> None:
    case = Case(tmp_path, [backbone("a", 0.8)], seconds=40, rows=10_000).ranked()
    assert case.mode.propose() is None
    assert "too few for that" in case.said[0]


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
