"""AutoGluon MultiModal on one dataset, in an environment of its own; called by automl.py.

    python automl_peer.py DATA CHECKPOINT SECONDS

DATA holds train.csv and test.csv with the columns image and label, and may hold validation.csv; without it
AutoGluon splits by itself. Prints one line of JSON: what it predicts for the test images, their accuracy, and
seconds of fitting.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")


def main(data: Path, checkpoint: str, seconds: float) -> None:
    """Fit within `seconds` and print what came of it."""
    import_torchvision_beside_a_cpu_torch()
    import pandas as pd
    from autogluon.multimodal import MultiModalPredictor

    train, validation, test = (
        pd.read_csv(path, dtype=str)[["image", "label"]] if path.exists() else None
        for path in (data / f"{name}.csv" for name in ("train", "validation", "test"))
    )
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        predictor = MultiModalPredictor(
            label="label", problem_type="multiclass", eval_metric="accuracy", path=f"{folder}/model"
        )
        predictor.fit(
            train_data=train,
            tuning_data=validation,
            time_limit=seconds,
            column_types={"image": "image_path", "label": "categorical"},
            hyperparameters={
                "model.names": ["timm_image"],
                "model.timm_image.checkpoint_name": checkpoint,
                "env.num_gpus": 0,
                "env.num_workers": 0,
                "env.num_workers_inference": 0,
                "env.strategy": "auto",
            },
        )
        spent = time.monotonic() - begun
        predicted = predictor.predict(test.drop(columns="label"), as_pandas=True)
    answers = predicted.astype(str).tolist()
    accuracy = float((predicted.astype(str) == test["label"]).mean())
    print(json.dumps({"accuracy": accuracy, "seconds": spent, "predicted": answers}), flush=True)


def import_torchvision_beside_a_cpu_torch() -> None:
    """Let torchvision be imported though its compiled operators (nms and kin) fit another torch.

    Image classification needs none of them.
    """
    import torch

    original: Any = torch.library.register_fake

    def lenient(name: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return original(name, *arguments, **named)

    torch.library.register_fake = lenient  # type: ignore[assignment]


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
