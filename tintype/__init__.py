"""Labelled pictures in, a served and trusted image model out.

>>> import tintype
>>> tintype.Client().jobs.create_or_update("job.yml")        # doctest: +SKIP
>>> tintype.Scorer.load("mlflow-model").predict(["cat.jpg"])  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tintype.quiet import no_reports_of_use
from tintype.version import __version__

if TYPE_CHECKING:
    from tintype.batch.runner import run_batch
    from tintype.client import Client, MLClient
    from tintype.data.reading import read_image_table
    from tintype.explaining.scorer import Scorer
    from tintype.jobs.evaluation import evaluate
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.schemas.scorer_options import ScorerOptions
    from tintype.training.finetuning import finetune

__all__ = [
    "Client",
    "FinetuningParameters",
    "MLClient",
    "Scorer",
    "ScorerOptions",
    "__version__",
    "evaluate",
    "finetune",
    "read_image_table",
    "run_batch",
]

no_reports_of_use()

# Imported on first use: `import tintype` itself loads nothing heavy.
_HOMES = {
    "Client": "tintype.client",
    "FinetuningParameters": "tintype.schemas.finetuning",
    "MLClient": "tintype.client",
    "Scorer": "tintype.explaining.scorer",
    "ScorerOptions": "tintype.schemas.scorer_options",
    "evaluate": "tintype.jobs.evaluation",
    "finetune": "tintype.training.finetuning",
    "read_image_table": "tintype.data.reading",
    "run_batch": "tintype.batch.runner",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tintype' has no attribute {name!r}")
