"""The automatic mode's strategy: what to fine-tune, how, and for how long, after the ranking.

The first trials are settings known to be good, on the best ranked backbones; further ones are drawn
by Optuna's estimator around what did well. Each trial gets an even share of the time that is left,
and none is started that could not finish an epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.study import Study, Trial
from tintype.models.scratch import SCRATCH_NAMES
from tintype.schemas.augmentations import AUGMENTATION_PRESETS
from tintype.schemas.distributions import Choice, LogUniform

__all__ = ["FINER", "WAIT", "AutomaticMode", "Setting"]

WAIT: Literal["wait"] = "wait"
"""Nothing to start yet: a running trial's result is needed first."""

# Training passes cost so many times an embedding at the engine's speed: forward and backward in
# torch. Measured on ViT-B/16: 22 images/s embedded, 5.2 trained in full (benchmarks/RESULTS.md).
_COST = {"full": 4.5, "lora": 3.3, "head": 1.2}

# Rates of each method before the multiplier `rate`. Convolutional networks bear more.
_RATES = {"full": 5e-5, "lora": 5e-4, "scratch": 2e-3}
_CONVOLUTIONAL_RATE = 3e-4

# From this multiplier on a convolutional network starts with a new head: the fitted one would not
# outlive the first steps. With 312 photos of clothes the fitted head won (0.91 to 0.87), with 192 of
# cards the new one (IoU 0.67 to 0.54), so both are tried (benchmarks/RESULTS.md).
_NEW_HEAD_FROM = 2.5

_EPOCHS = {"full": 15, "lora": 15, "scratch": 40}

FINER = 288 / 224
"""Finer images: 288 pixels for 224 (the usual step up, Touvron et al. 2019, "Fixing the train-test
resolution discrepancy"), where the family takes them."""

# A backbone that is this far behind the best is not fine-tuned.
_MOST_BEHIND = 0.15

# A trial that is cut short takes this share of the time that is left: less for the first, so that
# there is something good soon, then all but what the job's own end needs.
_FIRST_SHARE, _LARGEST_SHARE = 0.4, 0.85

# Seconds a trial needs besides its epochs: loading, the last evaluation, writing the model. A first
# guess for a model of 100 million parameters; then it is measured.
_FIXED_SECONDS, _FIXED_SECONDS_SMALL = 12.0, 4.0

# After a first fine-tuning, fewer epochs than this are not worth their time.
_LEAST_EPOCHS = 4

_NOTHING_LEFT = 0.99999

_HOW = {"full": "all weights", "lora": "LoRA", "scratch": "from random weights"}


@dataclass(frozen=True)
class Setting:
    """How one backbone is fine-tuned."""

    backbone: str
    method: Literal["full", "lora", "scratch"]
    rate: float = 1.0
    """Multiplies the method's own learning rate."""
    augmentations: str = "standard"
    frozen: float = 0.0
    """Share of the blocks that keep their weights, from the first on; method full only."""
    resolution: float = 1.0
    """Multiplies the side of the checkpoint's own input."""

    def shown(self) -> dict[str, Any]:
        """The setting as tables show it."""
        columns: dict[str, Any] = {"method": self.method, "rate": self.rate}
        if self.augmentations != "standard":
            columns["augmentations"] = self.augmentations
        if self.frozen:
            columns["frozen"] = self.frozen
        if self.resolution != 1:
            columns["resolution"] = self.resolution
        return columns


class AutomaticMode:
    """Proposes trials: `propose` fits `sweep.Sweep`."""

    def __init__(
        self,
        study: Study,
        *,
        backbones: Sequence[str],
        ranking: Callable[[], Sequence[BackboneRank]],
        rows: int,
        metric: str,
        deadline: float,
        max_trials: int,
        say: Callable[[str], None],
    ) -> None:
        """
        Args:
            backbones: checkpoints to rank; empty where there is none.
            ranking: what the ranking trial found, the best first; empty until it has.
            rows: training images.
            say: receives plain sentences on every choice.
        """
        self._study = study
        self._backbones = list(backbones)
        self._ranking = ranking
        self._rows = rows
        self._metric = metric
        self._deadline = deadline
        self._max_trials = max_trials
        self._say = say
        self._said: set[str] = set()

    def propose(self) -> Trial | Literal["wait"] | None:
        """The next trial, WAIT, or None when nothing more is worth trying."""
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
        tried = [trial.parameters["setting"] for trial in trials if "setting" in trial.parameters]
        for setting in self._known_good(ranking):
            if setting_key(setting) not in [tuple(given) for given in tried]:
                # What no longer fits into the time is passed over: a cheaper one may.
                parameters = self._parameters(setting, ranking)
                if parameters is not None:
                    trial = self._study.ask_near_the_best(_space(ranking), _drawn_as(setting))
                    return self._study.settle(trial.number, parameters)
        return self._drawn(ranking)

    def _known_good(self, ranking: Sequence[BackboneRank]) -> list[Setting]:
        if not ranking:
            return [
                Setting(SCRATCH_NAMES[0], "scratch"),
                Setting(SCRATCH_NAMES[0], "scratch", augmentations="light"),
                Setting(SCRATCH_NAMES[1], "scratch"),
                Setting(SCRATCH_NAMES[0], "scratch", rate=2.0),
            ]
        close = [
            backbone for backbone in ranking if backbone.score >= ranking[0].score - _MOST_BEHIND
        ]
        first, second = close[0], close[1] if len(close) > 1 else None
        settings = [_natural(first)]
        if second is not None:
            settings.append(_natural(second))
        settings.append(_other(first))
        if first.finer_side is not None:
            settings.append(Setting(first.name, _natural(first).method, resolution=FINER))
        settings.append(Setting(first.name, "full", frozen=0.5, rate=2.0))
        settings.append(
            Setting(first.name, _natural(first).method, rate=2.0, augmentations="light")
        )
        if second is not None:
            settings.append(_other(second))
        return list(dict.fromkeys(settings))

    def _drawn(self, ranking: Sequence[BackboneRank]) -> Trial | None:
        """A setting where Optuna's estimator expects the most."""
        trial = self._study.ask_near_the_best(_space(ranking))
        drawn = trial.parameters
        backbone = next((b for b in ranking if b.name == drawn["backbone"]), None)
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
        )
        parameters = self._parameters(setting, ranking)
        if parameters is None:
            self._study.tell(trial.number, "stopped")
            return None
        return self._study.settle(trial.number, parameters)

    def _parameters(
        self, setting: Setting, ranking: Sequence[BackboneRank]
    ) -> dict[str, Any] | None:
        """The point of `setting`, its epochs fitted to the time; None when no epoch fits."""
        wanted = _EPOCHS[setting.method]
        backbone = next((b for b in ranking if b.name == setting.backbone), None)
        seconds, fixed = self._costs(setting, backbone)
        left = self._deadline - time.time()
        epochs = wanted
        if seconds is not None:
            tuned = any(trial.facts.get("epoch_seconds") for trial in self._study.trials())
            epochs = int((left * _LARGEST_SHARE - fixed) / seconds)
            if epochs < wanted and not tuned:
                epochs = max(min(epochs, 1), int((left * _FIRST_SHARE - fixed) / seconds))
            epochs = min(wanted, epochs)
            if epochs < (_LEAST_EPOCHS if tuned else 1):
                self._once(
                    f"An epoch of {setting.backbone}, {_HOW[setting.method]}, takes about "
                    f"{seconds:.1f} s, and {max(left, 0):.0f} s are left: too few for that."
                )
                return None
        elif left < _FIXED_SECONDS:
            return None
        self._once(_reason(setting, backbone, epochs, wanted))
        return {
            "model_name": setting.backbone,
            "start": self._start(setting, backbone),
            "setting": list(setting_key(setting)),
            **setting.shown(),
            "epochs": epochs,
            "finetuning": self._finetuning(setting, backbone, epochs),
        }

    def _start(self, setting: Setting, backbone: BackboneRank | None) -> str:
        """The checkpoint to train from: with its linear head already in place, so that the first
        steps do not spoil the features (Kumar et al. 2022, "Fine-tuning can distort pretrained
        features and underperform out-of-distribution")."""
        if backbone is None or (backbone.is_convolutional and setting.rate >= _NEW_HEAD_FROM):
            return setting.backbone
        return backbone.start

    def _costs(self, setting: Setting, backbone: BackboneRank | None) -> tuple[float | None, float]:
        """Seconds of an epoch (None: unknown) and of all else in a trial of this kind.

        From earlier trials of the same kind; else an epoch from the rate of embedding.
        """
        for trial in reversed(self._study.trials()):
            backbone_name, method, *_, resolution = trial.parameters.get("setting", [None] * 3)
            same = (backbone_name, method, resolution) == (
                setting.backbone,
                setting.method,
                setting.resolution,
            )
            epoch = trial.facts.get("epoch_seconds")
            if same and epoch and trial.facts.get("seconds"):
                fixed = trial.facts["seconds"] - epoch * len(trial.intervals)
                return float(epoch), max(1.0, float(fixed))
        if backbone is None:
            return None, _FIXED_SECONDS_SMALL
        large = min(1.0, backbone.parameters / 1e8)
        fixed = _FIXED_SECONDS_SMALL + large * (_FIXED_SECONDS - _FIXED_SECONDS_SMALL)
        if not backbone.images_per_second:
            return None, fixed
        pixels = setting.resolution**2
        cost = pixels * _COST[setting.method] / float(backbone.images_per_second)
        return self._rows * cost, fixed

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
            "early_stopping_patience": 10 if setting.method == "scratch" else 4,
            "early_stopping_delay": 10 if setting.method == "scratch" else 2,
            "apply_augmentations": setting.augmentations != "none",
            "save_total_limit": 1,
        }
        preset = AUGMENTATION_PRESETS.get(setting.augmentations)
        if preset is not None:
            hyperparameters["augmentations"] = preset.model_dump()
        if setting.frozen and backbone is not None:
            hyperparameters["layers_to_freeze"] = int(backbone.blocks * setting.frozen)
        if setting.resolution != 1 and backbone is not None:
            hyperparameters["image_height"] = hyperparameters["image_width"] = backbone.finer_side
        return hyperparameters

    def _once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def setting_key(setting: Setting) -> tuple[Any, ...]:
    """What tells settings apart, as the study keeps it."""
    return (
        setting.backbone,
        setting.method,
        setting.rate,
        setting.augmentations,
        setting.frozen,
        setting.resolution,
    )


def _space(ranking: Sequence[BackboneRank]) -> dict[str, Any]:
    """What settings are drawn from."""
    names = [backbone.name for backbone in ranking[:3]] or list(SCRATCH_NAMES)
    return {
        "backbone": Choice(values=list(names)),
        "method": Choice(values=["full", "lora"] if ranking else ["scratch"]),
        # Powers of e: a fifth to five times the method's own rate.
        "rate": LogUniform(min_value=-1.6, max_value=1.6),
        "augmentations": Choice(values=["light", "standard", "strong"]),
        "frozen": Choice(values=[0.0, 0.5]),
        "resolution": Choice(values=[1.0, FINER]),
    }


def _drawn_as(setting: Setting) -> dict[str, Any]:
    """`setting` as the estimator would have drawn it, so that it learns from the trial."""
    return {
        "backbone": setting.backbone,
        "method": setting.method,
        "rate": setting.rate,
        "augmentations": setting.augmentations,
        "frozen": setting.frozen,
        "resolution": setting.resolution,
    }


def _natural(backbone: BackboneRank) -> Setting:
    """LoRA for transformers (the best of its cost on VTAB, docs/design.md), all weights for others."""
    method: Literal["full", "lora"] = "full" if backbone.is_convolutional else "lora"
    return Setting(backbone.name, method)


def _other(backbone: BackboneRank) -> Setting:
    """The next best thing to `_natural`."""
    if backbone.is_convolutional:
        return Setting(backbone.name, "full", rate=3.0)
    return Setting(backbone.name, "full")


def _reason(setting: Setting, backbone: BackboneRank | None, epochs: int, wanted: int) -> str:
    how = _HOW[setting.method]
    if setting.frozen:
        how = f"the last {1 - setting.frozen:.0%} of the layers"
    why = (
        f"its linear head reached {backbone.score:.4f}"
        if backbone is not None
        else "no pretrained checkpoint is at hand"
    )
    if setting.resolution != 1:
        how += f", images {setting.resolution:.2f} times as wide"
    cut = f", {epochs} of {wanted} epochs for the time's sake" if epochs < wanted else ""
    return f"Next: {setting.backbone}, {how}, rate x{setting.rate:g}{cut}; {why}."
