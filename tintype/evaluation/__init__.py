"""How good a classifier is: metrics by Azure's names, curves, plots and a report."""

from tintype.evaluation.config import EvaluationConfig
from tintype.evaluation.metrics import METRICS, compute_metrics, metric_direction
from tintype.evaluation.report import Evaluation, evaluate_predictions

__all__ = [
    "METRICS",
    "Evaluation",
    "EvaluationConfig",
    "compute_metrics",
    "evaluate_predictions",
    "metric_direction",
]
