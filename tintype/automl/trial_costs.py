"""What a trial costs on this machine, and how many epochs of it fit into the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.settings_to_try import Method, Setting
from tintype.automl.study import Trial

__all__ = ["TrialCost", "cost_of", "epochs_that_fit", "epochs_wanted", "scoring_seconds"]

# Passes over the images that a method is given where there is time, and one that learns anew.
_EPOCHS: dict[Method, int] = {"full": 15, "lora": 15, "scratch": 40}
_EPOCHS_ANEW = 20

# Where it was not measured how fast all weights learn, that costs so many times an embedding at the
# engine's speed. ViT-B/16: 22 images/s embedded, 5.2 trained (benchmarks/RESULTS.md). An engine joins the
# many small layers of a convolutional network, torch does not: of Lite0 370 and 19 on two cores with AMX.
_COST, _COST_OF_CONVOLUTIONS = 4.5, 20.0

# LoRA costs this share of training all weights.
_LORA_SHARE = 0.73

# Seconds an image of augmentation and evaluation beside frozen layers, on two cores.
_BESIDE_FROZEN = 0.005

# A convolutional network's last layers see fewer pixels: they cost less than their share. Lite0's last
# 70 % and 30 % learnt at 28 and 45 images/s, all at 19.
_POWER_OF_CONVOLUTIONS = 2.0

# A pass in torch, in passes of the fastest engine.
_EAGER, _EAGER_CONVOLUTIONS = 1.3, 2.5

# Where the rate of learning was not measured, a cost may be so much higher than it is told.
_UNMEASURED = 1.25

# A trial that is cut short takes this share of the time that is left: less where its cost was not
# measured yet, for it may be wrong. One that is trained to its end beats two that are not.
_UNMEASURED_SHARE, _MEASURED_SHARE = 0.8, 0.9

# Seconds a trial needs besides its epochs and reading the images: loading, writing the model. A first
# guess for a model of 100 million parameters; then it is measured.
_FIXED_SECONDS, _FIXED_SECONDS_SMALL = 12.0, 4.0

# From pretrained weights fewer epochs than this rarely beat the head that they start from;
# from random ones not even half of them lead anywhere (5 of 40 were seen to reach 0.35 where 0.74 stood).
_LEAST_EPOCHS, _LEAST_SHARE_FROM_SCRATCH = 4, 0.5


@dataclass(frozen=True)
class TrialCost:
    """Seconds of a trial."""

    epoch: float | None
    """Of one epoch; None: not known."""
    fixed: float
    """Of all else."""
    measured: bool
    """Whether an earlier trial of the kind told; else it follows from the rate of embedding."""

    def of_epochs(self, epochs: int) -> float:
        """Seconds of a trial of so many epochs."""
        return self.fixed + epochs * (self.epoch or 0.0)


def cost_of(
    setting: Setting, backbone: BackboneRank | None, rows: int, trials: Sequence[Trial]
) -> TrialCost:
    """What a trial of `setting` on `rows` images costs.

    Args:
        backbone: its place in the ranking; None for random weights.
        trials: earlier ones; the newest of the same kind tells.
    """
    alike: tuple[Setting, float, float] | None = None
    for trial in reversed(trials):
        epoch, seconds = trial.facts.get("epoch_seconds"), trial.facts.get("seconds")
        if "setting" not in trial.parameters or not epoch or not seconds:
            continue
        other = Setting(*trial.parameters["setting"])
        if (other.backbone, other.method) != (setting.backbone, setting.method):
            continue
        fixed = max(1.0, float(seconds - epoch * len(trial.intervals)))
        if (other.frozen, other.resolution) == (setting.frozen, setting.resolution):
            return TrialCost(float(epoch), fixed, True)
        alike = alike or (other, float(epoch), fixed)
    if alike is not None:
        # As much more or less as the two should differ by.
        other, epoch, fixed = alike
        ratio = _image_seconds(setting, backbone) / _image_seconds(other, backbone)
        return TrialCost(epoch * ratio, fixed, False)
    if backbone is None:
        return TrialCost(None, _FIXED_SECONDS_SMALL, False)
    large = min(1.0, backbone.parameters / 1e8)
    fixed = _FIXED_SECONDS_SMALL + large * (_FIXED_SECONDS - _FIXED_SECONDS_SMALL)
    fixed += rows * backbone.reading_seconds
    margin = 1.0 if backbone.training_images_per_second else _UNMEASURED
    return TrialCost(margin * rows * _image_seconds(setting, backbone), fixed, False)


def epochs_wanted(setting: Setting) -> int:
    """Of a trial of `setting` for which there is time."""
    return _EPOCHS_ANEW if setting.learns_anew else _EPOCHS[setting.method]


def scoring_seconds(backbone: BackboneRank, rows: int) -> float:
    """What scoring `rows` images with a model of the backbone takes in torch, which needs no conversion."""
    passes = _EAGER_CONVOLUTIONS if backbone.is_convolutional else _EAGER
    return rows * (backbone.reading_seconds + passes / backbone.images_per_second)


def _image_seconds(setting: Setting, backbone: BackboneRank | None) -> float:
    """What training on one image costs; without a backbone in units of its own."""
    if backbone is None:
        return setting.resolution**2
    whole = 1 / _images_learnt_per_second(backbone)
    if setting.method == "lora":
        whole *= _LORA_SHARE
    power = _POWER_OF_CONVOLUTIONS if backbone.is_convolutional else 1.0
    seconds = whole * (1 - setting.frozen) ** power
    if setting.frozen:
        # The frozen layers run at the engine's speed, the rest is trained.
        seconds += setting.frozen / backbone.images_per_second + _BESIDE_FROZEN
    return seconds * setting.resolution**2


def _images_learnt_per_second(backbone: BackboneRank) -> float:
    """Images a second at which all weights learn, measured or guessed."""
    cost = _COST_OF_CONVOLUTIONS if backbone.is_convolutional else _COST
    return backbone.training_images_per_second or backbone.images_per_second / cost


def epochs_that_fit(
    setting: Setting, cost: TrialCost, left: float, *, first: bool = False
) -> int | None:
    """Epochs of a trial that has `left` seconds; None where too few fit to be worth them.

    Args:
        first: nothing has been fine-tuned yet.
    """
    wanted = epochs_wanted(setting)
    if cost.epoch is None:
        return wanted if left >= cost.fixed + _FIXED_SECONDS else None
    if cost.of_epochs(wanted) <= left * _MEASURED_SHARE:
        return wanted
    share = _MEASURED_SHARE if cost.measured else _UNMEASURED_SHARE
    epochs = min(wanted, int((left * share - cost.fixed) / cost.epoch))
    least = _LEAST_EPOCHS
    if first and not cost.measured and epochs < least:
        # Guessed costs are mostly too high, and time that is not used gains nothing.
        epochs, least = min(least, int((left * _MEASURED_SHARE - cost.fixed) / cost.epoch)), 2
    if setting.method == "scratch":
        least = int(wanted * _LEAST_SHARE_FROM_SCRATCH)
    return epochs if epochs >= least else None
