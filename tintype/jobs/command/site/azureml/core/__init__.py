"""What scripts of Azure's samples ask of the older SDK: their own run, and where MLflow is.

Commands find this package where no other `azureml` is installed; nothing else imports it.
"""

from __future__ import annotations

import os
from typing import Any

__all__ = ["Experiment", "Run", "Workspace"]


class Workspace:
    """The workspace of the command's run."""

    def get_mlflow_tracking_uri(self) -> str:
        """Where MLflow logs."""
        return os.environ["MLFLOW_TRACKING_URI"]


class Experiment:
    """The experiment of the command's run."""

    def __init__(self) -> None:
        self.name = os.environ["MLFLOW_EXPERIMENT_NAME"]
        self.workspace = Workspace()


class Run:
    """The command's own run."""

    def __init__(self) -> None:
        self.id = os.environ["AZUREML_RUN_ID"]
        self.experiment = Experiment()

    @staticmethod
    def get_context(allow_offline: bool = True, **_: Any) -> Run:
        """The run in which the script stands."""
        return Run()

    def log(self, name: str, value: float, **_: Any) -> None:
        """Log a metric."""
        from mlflow import MlflowClient

        MlflowClient().log_metric(os.environ["MLFLOW_RUN_ID"], name, float(value))
