"""The automatic mode's strategy: what to fine-tune, how, and for how long, after the ranking.

The whole run is planned from measured rates of this machine, and the plan is said. The first trials are
settings known to be good, on the best ranked backbones; further ones are drawn by Optuna's estimator
around what did well. None is started whose epochs would not fit into the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.outlook import cannot_win
from tintype.automl.recipes import RECIPES
from tintype.automl.setting_sentences import described, reason_for
from tintype.automl.settings_to_try import (
    Setting,
    drawn_as,
    known_good,
    setting_key,
    setting_space,
)
from tintype.automl.study import Study, Trial
from tintype.automl.trial_costs import (
    TrialCost,
    cost_of,
    epochs_that_fit,
    epochs_wanted,
    scoring_seconds,
)
from tintype.schemas.augmentations import AUGMENTATION_PRESETS
from tintype.schemas.automl_limits import Quality
from tintype.schemas.duration import told
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["WAIT", "AutomaticMode"]

WAIT: Literal["wait"] = "wait"
"""Nothing to start yet: a running trial's result is needed first."""

# Rates of each method before the multiplier `rate`. Convolutional networks bear more.
_RATES = {"full": 5e-5, "lora": 5e-4, "scratch": 2e-3}
_CONVOLUTIONAL_RATE = 3e-4

_NOTHING_LEFT = 0.99999

# With fewer epochs than this, a cheaper setting that has time for more is tried first.
_ENOUGH_EPOCHS = 8

# Szegedy et al. 2016, "Rethinking the Inception architecture": over-confident heads learn no more.
_LABEL_SMOOTHING = 0.1

# quality: good tries so many settings; best ends when so many in a row brought no more than this.
_GOOD_SETTINGS = 3
_BEST_PATIENCE, _WORTH = 10, 0.001

# The best trial is to go on for this share of its epochs; a network that learns anew for as many as it
# should have where there is time: of playing cards nothing that came after it brought as much.
_REFIT_SHARE, _MOST_REFIT = 0.6, 1.25

# Set aside for an ensemble: written, converted and scored on the validation images.
_ENSEMBLE_SECONDS = 10.0


class AutomaticMode:
    """Proposes trials: `propose` fits `sweep.Sweep`."""

    def __init__(
        self,
        study: Study,
        *,
        backbones: Sequence[str],
        ranking: Callable[[], Sequence[BackboneRank]],
        rows: int,
        recipes: Sequence[str],
        task: ClassificationTask,
        metric: str,
        deadline: float,
        say: Callable[[str], None],
        test_rows: int = 0,
        refit_growth: float = 0.0,
        quality: Quality | None = None,
        ensemble: Callable[[Sequence[Trial]], tuple[list[Any], str] | None] = lambda finished: None,
    ) -> None:
        """
        Args:
            backbones: checkpoints to rank; empty where there is none.
            ranking: what the ranking trial found, the best first; empty until it has.
            rows: training images.
            recipes: those of `recipes.RECIPES` that suit them.
            deadline: time.time() by which everything is done but the report.
            say: receives plain sentences on every choice.
            test_rows: images that the best model is scored on in the end.
            refit_growth: how many times a trial's images there are when the best one goes on with all
                of them, after the last one; 0: it does not.
            quality: how much is tried; None: as much as fits into the time.
            ensemble: of finished trials, the members of an ensemble that wins, and a sentence on it.
        """
        self._study = study
        self._backbones = list(backbones)
        self._ranking = ranking
        self._rows = rows
        self._recipes = list(recipes)
        self._multilabel = task == MULTILABEL
        self._metric = metric
        self._deadline = deadline
        self._test_rows = test_rows
        self._refit_growth = refit_growth
        self._say = say
        self._quality = quality
        self._ensemble = ensemble
        self._said: set[str] = set()

    def trials_end(self) -> float:
        """time.time() by which the last trial ends: the best one may go on then."""
        return self.refit_end() - self._refit_seconds()

    def refit_end(self) -> float:
        """time.time() by which nothing is learnt any more: the test images are to be scored."""
        ranking = self._ranking()
        if not ranking or not self._test_rows:
            return self._deadline
        return self._deadline - scoring_seconds(ranking[0], self._test_rows)

    def propose(self) -> Trial | Literal["wait"] | None:
        """The next trial, WAIT, or None when nothing more is worth trying."""
        proposed = self._proposed()
        return self._last() if proposed is None else proposed

    def _last(self) -> Trial | Literal["wait"] | None:
        """Models of the finished trials averaged, where that is better than the best of them."""
        trials = self._study.trials()
        if any(trial.state == "running" for trial in trials):
            return WAIT
        completed = [trial for trial in trials if trial.state == "completed"]
        if any("ensemble" in trial.parameters for trial in trials) or not completed:
            return None
        members = self._ensemble(completed)
        if members is None:
            self._once("No mean of several models is better than the best one by more than noise.")
            return None
        chosen, sentence = members
        self._say(sentence)
        return self._study.ask_at({"ensemble": chosen})

    def _proposed(self) -> Trial | Literal["wait"] | None:
        """What to train next."""
        trials = self._study.trials()
        if not trials and self._backbones:
            return self._study.ask_at({"ranking": True})
        ranking_trial = next((trial for trial in trials if "ranking" in trial.parameters), None)
        if ranking_trial is not None and ranking_trial.state == "running":
            return WAIT
        best = self._study.best()
        if best is not None and (best.metric or 0) >= _NOTHING_LEFT:
            self._once(
                f"Trial {best.number} has {self._metric} {best.metric:.4f}: nothing is left to gain."
            )
            return None
        ranking = self._ranking()
        if self._quality == "fast" and ranking:
            self._once("Quality fast: the head is the model; nothing is fine-tuned.")
            return None
        settings = known_good(ranking)
        if self._quality == "good":
            settings = settings[:_GOOD_SETTINGS]
        self._tell_plan(settings, ranking)
        tried = [tuple(t.parameters["setting"]) for t in trials if "setting" in t.parameters]
        untried = [setting for setting in settings if setting_key(setting) not in tried]
        for setting in self._in_time(untried, ranking):
            # What no longer fits into the time is passed over: a cheaper one may.
            parameters = self._parameters(setting, ranking)
            if parameters is not None:
                trial = self._study.ask_near_the_best(
                    setting_space(ranking, self._recipes), drawn_as(setting)
                )
                return self._study.settle(trial.number, parameters)
        if self._quality == "good":
            return None
        if self._quality == "best" and self._settled(trials):
            return None
        return self._drawn(ranking)

    def _in_time(
        self, settings: Sequence[Setting], ranking: Sequence[BackboneRank]
    ) -> list[Setting]:
        """The settings, those first that have time for enough epochs; of others those that have time
        for the most."""
        left = self._left()

        def missing(setting: Setting) -> int:
            _, epochs = self._cost_and_epochs(setting, ranking, left)
            return max(0, min(_ENOUGH_EPOCHS, epochs_wanted(setting)) - (epochs or 0))

        return sorted(settings, key=missing)

    def cannot_win(self, number: int) -> bool:
        """Whether the running trial `number` is worth no more time; see `outlook.cannot_win`."""
        trials = self._study.trials()
        hopeless = cannot_win(trials[number], trials)
        if hopeless:
            self._say(f"trial {number}: cannot reach the best any more, by what others gained.")
        return hopeless

    def _settled(self, trials: Sequence[Trial]) -> bool:
        """Whether the newest trials have brought nothing more."""
        tuned = [t for t in trials if "setting" in t.parameters and t.state == "completed"]
        before, newest = tuned[:-_BEST_PATIENCE], tuned[-_BEST_PATIENCE:]
        if not before:
            return False
        gain = max(t.metric or 0.0 for t in newest) - max(t.metric or 0.0 for t in before)
        if gain <= _WORTH:
            self._once(f"The last {_BEST_PATIENCE} trials have brought nothing more: it is done.")
        return gain <= _WORTH

    def _tell_plan(self, settings: Sequence[Setting], ranking: Sequence[BackboneRank]) -> None:
        """Say once what will be done, with the time that each part takes."""
        if "plan" in self._said:
            return
        self._said.add("plan")
        left = self._left()
        steps: list[str] = []
        passed: list[str] = []
        rest = left
        for setting in self._in_time(settings, ranking):
            cost, epochs = self._cost_and_epochs(setting, ranking, rest, others=bool(steps))
            what = f"{setting.backbone}, {described(setting)}"
            if epochs is None:
                passed.append(what)
                continue
            seconds = cost.of_epochs(epochs)
            rest -= seconds
            about = "" if cost.epoch is None else f", about {told(seconds)}"
            steps.append(f"{len(steps) + 1}. {what}, {epochs} epochs{about}")
        if self._quality != "good" and rest > 0:
            steps.append(f"{len(steps) + 1}. settings drawn near the best, while time is left")
        plan = f"Plan for the {told(max(left, 0))} that are left: {'; '.join(steps) or 'nothing fits'}."
        if passed:
            plan += f" Too long for the time: {'; '.join(passed)}."
        self._say(plan)

    def _drawn(self, ranking: Sequence[BackboneRank]) -> Trial | None:
        """A setting where Optuna's estimator expects the most."""
        trial = self._study.ask_near_the_best(setting_space(ranking, self._recipes))
        drawn = trial.parameters
        backbone = _ranked(drawn["backbone"], ranking)
        method: Literal["full", "lora", "scratch"] = drawn["method"]
        if method == "lora" and backbone is not None and backbone.is_convolutional:
            method = "full"
        setting = Setting(
            drawn["backbone"],
            method,
            round(float(drawn["rate"]), 3),
            drawn["augmentations"],
            drawn["frozen"] if method == "full" else 0.0,
            drawn["resolution"] if backbone is not None and backbone.finer_side else 1.0,
            drawn["recipe"],
        )
        parameters = self._parameters(setting, ranking)
        if parameters is None:
            self._once("No time is left for enough epochs of any further setting.")
            self._study.tell(trial.number, "stopped")
            return None
        return self._study.settle(trial.number, parameters)

    def _parameters(
        self, setting: Setting, ranking: Sequence[BackboneRank]
    ) -> dict[str, Any] | None:
        """The point of `setting`, its epochs fitted to the time; None when too few fit."""
        backbone = _ranked(setting.backbone, ranking)
        left = self._left()
        _, epochs = self._cost_and_epochs(setting, ranking, left)
        if epochs is None:
            return None
        self._once(reason_for(setting, backbone, epochs))
        return {
            "model_name": setting.backbone,
            "start": self._start(setting, backbone),
            "setting": list(setting_key(setting)),
            **setting.shown(),
            "epochs": epochs,
            "finetuning": self._finetuning(setting, backbone, epochs),
        }

    def _cost_and_epochs(
        self,
        setting: Setting,
        ranking: Sequence[BackboneRank],
        left: float,
        *,
        others: bool = False,
    ) -> tuple[TrialCost, int | None]:
        """See `cost_of` and `epochs_that_fit`.

        Args:
            others: trials are to be run before this one.
        """
        trials = self._study.trials()
        cost = cost_of(setting, _ranked(setting.backbone, ranking), self._rows, trials)
        first = not others and not any(trial.facts.get("epoch_seconds") for trial in trials)
        return cost, epochs_that_fit(setting, cost, left, first=first)

    def _start(self, setting: Setting, backbone: BackboneRank | None) -> str:
        """The checkpoint to train from: with its head already in place, so that the first
        steps do not spoil the features (Kumar et al. 2022, "Fine-tuning can distort pretrained
        features and underperform out-of-distribution")."""
        if backbone is None or (backbone.is_convolutional and setting.learns_anew):
            return setting.backbone
        return backbone.start

    def _finetuning(
        self, setting: Setting, backbone: BackboneRank | None, epochs: int
    ) -> dict[str, Any]:
        rate = _RATES[setting.method]
        convolutional = backbone is not None and backbone.is_convolutional
        if convolutional and setting.method == "full":
            rate = _CONVOLUTIONAL_RATE
        hyperparameters: dict[str, Any] = {
            "method": "lora" if setting.method == "lora" else "full",
            "learning_rate": rate * setting.rate,
            "learning_rate_scheduler": "warmup_cosine",
            "number_of_epochs": epochs,
            "metric_for_best_model": self._metric,
            "early_stopping": True,
            "early_stopping_patience": _patience(setting),
            "early_stopping_delay": 10 if setting.method == "scratch" else 2,
            "apply_augmentations": setting.augmentations != "none",
            "save_total_limit": 1,
        }
        if not self._multilabel:
            hyperparameters["label_smoothing_factor"] = _LABEL_SMOOTHING
        preset = AUGMENTATION_PRESETS.get(setting.augmentations)
        if preset is not None:
            hyperparameters["augmentations"] = preset.model_dump()
        if setting.frozen and backbone is not None:
            hyperparameters["layers_to_freeze"] = int(backbone.blocks * setting.frozen)
        if setting.resolution != 1 and backbone is not None:
            hyperparameters["image_height"] = hyperparameters["image_width"] = backbone.finer_side
        return hyperparameters | RECIPES[setting.recipe]

    def _left(self) -> float:
        """Seconds for a trial; after it an ensemble may be made, and the best trial goes on with all
        images, be it this one."""
        left = self.refit_end() - time.time() - _ENSEMBLE_SECONDS
        return min(left - self._refit_seconds(), left / (1 + _REFIT_SHARE * self._refit_growth))

    def _refit_seconds(self) -> float:
        """How long what is best now would go on."""
        best = self._study.best()
        if best is None or "setting" not in best.parameters:
            return 0.0
        setting = Setting(*best.parameters["setting"])
        share = _REFIT_SHARE
        if setting.learns_anew:
            share = min(_MOST_REFIT, epochs_wanted(setting) / max(1, len(best.intervals)))
        return share * self._refit_growth * float(best.facts.get("seconds") or 0.0)

    def _once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def _patience(setting: Setting) -> int:
    """Evaluations without a gain until a trial is ended: more where a network learns anew."""
    if setting.method == "scratch":
        return 10
    return 6 if setting.learns_anew else 4


def _ranked(name: str, ranking: Sequence[BackboneRank]) -> BackboneRank | None:
    return next((backbone for backbone in ranking if backbone.name == name), None)
