"""An automatic sweep of which a test runs every trial itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from checkpoints import write_checkpoint
from in_process import Listener
from pictures import write_class_folders

from tintype.automl.study import Study, Trial
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.jobs.worker import run_task
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.job import load_job
from tintype.scoring import Scorer

FINETUNING = {
    "number_of_epochs": 2,
    "learning_rate": 0.001,
    "metric_for_best_model": "accuracy",
    "apply_augmentations": False,
}


class Sweep:
    """An automatic sweep of which the test runs every trial itself."""

    def __init__(self, folder: Path) -> None:
        write_class_folders(folder / "stripes", per_class=15)
        self.checkpoint = str(write_checkpoint(folder / "vit", labels=("level", "upright")))
        document = {
            "type": "automl",
            "task": "image_classification",
            "training_data": "stripes",
            "limits": {"max_trials": 5, "timeout_minutes": 5},
            "portfolio": ["./vit"],
        }
        (folder / "job.yml").write_text(yaml.safe_dump(document))
        job = load_job(folder / "job.yml")
        assert isinstance(job, AutomlJob)
        self.job = job
        self.run = Run(submit_job(self.job).name)
        self.study = Study(folder / "study.db")
        with self.run.tracked("tintype", {}) as tracking:
            self.trials = TrialRuns(self.job, self.run, tracking.run_id)
        self.trials.begin_sweep()
        self.trials.backbones = [self.checkpoint]

    def done(self, **parameters: Any) -> Trial:
        trial = self.study.ask_at(parameters)
        result = run_task(self.trials.document(trial), Listener())
        assert result["state"] == "completed", result
        self.study.tell(trial.number, "completed", result["metric"])
        return self.study.trials()[trial.number]

    def network(self) -> Trial:
        return self.done(start=self.checkpoint, finetuning=FINETUNING)

    def went_on(self, best: Trial, epochs: dict[int, int]) -> dict[str, Any]:
        return run_task(self.trials.refit_document(best, epochs), Listener())

    def answers(self) -> np.ndarray:
        """Of the model that went on, on the images of validation: float32 (n, classes)."""
        scorer = Scorer.load(self.trials.refit_run.model_folder)
        return scorer.score_table(tables_of_sweep(self.job).held_out).probabilities
