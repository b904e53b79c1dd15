"""Saves a checkpoint as an MLflow model of the transformers flavour, for `mlflow models serve`.

python mlflow_model.py FOLDER TARGET
"""

from __future__ import annotations

import sys

import mlflow
import transformers


def main(folder: str, target: str) -> None:
    """Save the pipeline of `folder` as the model folder `target`."""
    classifier = transformers.pipeline("image-classification", model=folder)
    mlflow.transformers.save_model(
        transformers_model=classifier,
        path=target,
        # Named, or MLflow finds them out by running the model once more.
        pip_requirements=["torch", "transformers", "pillow"],
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
