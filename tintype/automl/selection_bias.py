"""What the best of many trials will be worth on other images: its own score is partly luck.

Of many trials the one that is chosen is good, or it fits the validation images by chance, and the
more are tried the more so. The bootstrap tells by how much (BBC-CV; Tsamardinos, Greasidou &
Borboudakis 2018): from resampled images the best trial is chosen anew, as the sweep chose it, and
judged on the images that were not drawn. Nothing is trained again.

The choice of a trial's best epoch, made on the same images, is not part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tintype.evaluation.intervals import LEVEL, resamples, units_of
from tintype.evaluation.metrics import Predictions, metric_direction
from tintype.evaluation.resampled import RankSums, RowSums, is_ranking
from tintype.schemas.task import ClassificationTask

__all__ = ["CorrectedScore", "correct_for_selection"]

# Metrics of ranks cost a pass over all scores for each.
_RESAMPLES, _RESAMPLES_OF_RANKS = 1000, 200

# A fixed number, so that what two sweeps report differs by what they found alone.
_SEED = 0


@dataclass(frozen=True)
class CorrectedScore:
    """The score of the best trial, corrected for its having been chosen."""

    metric: str
    chosen: float
    """On the images that it was chosen on."""
    score: float
    """What is to be expected on others."""
    low: float
    high: float
    """95 % interval of `score`."""
    trials: int
    """How many there were to choose from."""
    images: int

    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.metric} {self.chosen:.4f} is that of the best of {self.trials} trials, on the "
            f"{self.images} validation images that it was chosen by: partly luck. On other "
            "images of the "
            f"same kind {self.score:.4f} is to be expected ({LEVEL:.0%} interval {self.low:.3f} to "
            f"{self.high:.3f})."
        )

    def metrics(self) -> dict[str, float]:
        """As a job records them."""
        name = f"corrected_{self.metric}"
        return {name: self.score, f"{name}_low": self.low, f"{name}_high": self.high}


def correct_for_selection(
    task: ClassificationTask,
    trials: Sequence[np.ndarray],
    targets: np.ndarray,
    metric: str,
    *,
    groups: np.ndarray | None = None,
) -> CorrectedScore | None:
    """The best trial's score, had it been chosen on other images; None where nothing was chosen.

    Args:
        trials: (n, classes) each: probabilities of the same rows, of a trial that could have been
            chosen; of equals the first is.
        targets: int (n,) class codes, or (n, classes) of 0 and 1.
        groups: int (n,): rows of one number are drawn together.
    """
    if len(trials) < 2:
        return None
    units = units_of(groups, len(targets))
    count = int(units.max()) + 1
    made = [Predictions(task, probabilities, targets, 0.5) for probabilities in trials]
    sums: list[RowSums] | list[RankSums] = (
        [RankSums(one) for one in made]
        if is_ranking(metric)
        else [RowSums(one, units) for one in made]
    )

    def scores(weights: np.ndarray) -> np.ndarray:
        """float64 (b, trials) under `weights`, float64 (b, units)."""
        given = weights[:, units] if is_ranking(metric) else weights
        values = np.stack([one.metrics([metric], given)[metric] for one in sums], axis=1)
        return values if metric_direction(metric) == "max" else -values

    judged = []
    draws = _RESAMPLES_OF_RANKS if is_ranking(metric) else _RESAMPLES
    for drawn in resamples(count, draws, _SEED):
        inside = scores(drawn)
        # A draw of all images, or of ones that give no trial a value, tells nothing.
        usable = (drawn == 0).any(1) & ~np.isnan(inside).all(1)
        best = np.nanargmax(inside[usable], axis=1)
        outside = scores((drawn[usable] == 0).astype(np.float64))
        judged.append(outside[np.arange(len(best)), best])
    values = np.concatenate(judged)
    values = values[~np.isnan(values)]
    everywhere = scores(np.ones((1, count)))[0]
    if not len(values) or np.isnan(everywhere).all():
        return None
    sign = 1.0 if metric_direction(metric) == "max" else -1.0
    low, high = np.sort(sign * np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)))
    return CorrectedScore(
        metric,
        float(sign * np.nanmax(everywhere)),
        float(sign * values.mean()),
        float(low),
        float(high),
        len(trials),
        len(targets),
    )
