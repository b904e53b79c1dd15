"""Whether a running trial can still win, by how far finished ones came from where it is."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.automl.study import Trial

__all__ = ["cannot_win"]

# A trial may gain so many times what the best of its kind gained from the same point on, and
# this much more: metrics of small validation sets jump.
_GAIN, _NOISE = 1.5, 0.02

# Nothing is said of a trial before this share of its epochs.
_FROM_SHARE = 0.3


def cannot_win(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Whether `trial` cannot reach the best finished one even by the luckiest known course.

    A bound from learning curves seen in the same job, after the idea of Domhan et al. 2015 ("Speeding up
    automatic hyperparameter optimization by extrapolation of learning curves") without their fits: no
    trial of this method gained more from the same share of its epochs on.
    """
    epochs = trial.parameters.get("epochs")
    method = trial.parameters.get("method")
    done = len(trial.intervals)
    completed = [other for other in trials if other.state == "completed"]
    if not epochs or not done or not completed or done / epochs < _FROM_SHARE:
        return False
    gains = []
    for other in completed:
        planned = other.parameters.get("epochs")
        if other.parameters.get("method") != method or not planned or not other.intervals:
            continue
        reached = other.intervals[: max(1, round(done / epochs * planned))]
        gains.append(max(other.intervals) - max(reached))
    if not gains:
        return False
    best = max(other.metric or 0.0 for other in completed)
    return max(trial.intervals) + _GAIN * max(gains) + _NOISE < best
