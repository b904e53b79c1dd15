"""Settings in words, for the log and the report."""

from __future__ import annotations

from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.recipes import PLAIN
from tintype.automl.settings_to_try import Setting
from tintype.automl.trial_costs import epochs_wanted

__all__ = ["described", "reason_for"]

_HOW = {"full": "all weights", "lora": "LoRA", "scratch": "from random weights"}


def described(setting: Setting) -> str:
    """How it is trained."""
    how = _HOW[setting.method]
    if setting.frozen:
        how = f"the last {1 - setting.frozen:.0%} of the layers"
    if setting.resolution != 1:
        how += f", images {setting.resolution:.2f} times as wide"
    if setting.recipe != PLAIN:
        how += f", {setting.recipe}"
    return how


def reason_for(setting: Setting, backbone: BackboneRank | None, epochs: int) -> str:
    """What is trained next, and why.

    Args:
        backbone: its place in the ranking; None for random weights.
    """
    why = (
        f"its head reached {backbone.score:.4f}"
        if backbone is not None
        else "no pretrained checkpoint is at hand"
    )
    wanted = epochs_wanted(setting)
    cut = f", {epochs} of {wanted} epochs for the time's sake" if epochs < wanted else ""
    how = f"{described(setting)}, rate x{setting.rate:g}"
    return f"Next: {setting.backbone}, {how}{cut}; {why}."
