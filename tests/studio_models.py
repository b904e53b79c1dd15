"""Registered models as the studio finds them: a run with a model and an evaluation, registered from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from checkpoints import write_checkpoint
from pictures import encoded, noise
from studio_runs import make_run

__all__ = ["make_model_run"]


def make_model_run(home: Path, name: str, scratch: Path, **changes: Any) -> Path:
    """A run that has made a small ViT for three labels, and has evaluated it; the model's folder."""
    from tintype.images.preprocess import Preprocessor
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.classifier import load_classifier
    from tintype.models.model_folder import write_model_folder

    run = make_run(home, name, **changes)
    checkpoint = resolve_checkpoint(str(write_checkpoint(scratch / f"{name}-source")))
    folder = write_model_folder(
        run.outputs / "mlflow-model",
        model=load_classifier(checkpoint),
        preprocessor=Preprocessor.from_folder(checkpoint.folder),
        task="image_classification",
        classes=("can", "carton", "<b id=evil>jug</b>"),
        card={"base_checkpoint": "a small one", "limits": "Knows three things."},
        input_example=encoded(noise(40, 50)),
    ).path
    evaluation = run.outputs / "evaluation"
    evaluation.mkdir()
    content = {
        "rows": 50,
        "metrics": {"accuracy": 0.8125, "log_loss": 0.4},
        "intervals": {"accuracy": [0.7, 0.9], "log_loss": [0.3, 0.6]},
    }
    (evaluation / "metrics.json").write_text(json.dumps(content))
    (evaluation / "evaluation.html").write_text("<h1>How good it is</h1>")
    return folder
