"""Write docs/jobs.md from the documents' own fields: `python samples/write_job_docs.py`.

A test holds the page to what this would write, so it cannot drift.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from pydantic import BaseModel

from tintype.schemas.augmentations import Augmentations
from tintype.schemas.automl_job import AutomlJob, Limits
from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.batch_job import BatchInput, BatchJob
from tintype.schemas.batch_settings import BatchSettings, RetrySettings
from tintype.schemas.command_job import CommandJob
from tintype.schemas.comparison_job import ComparisonJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.explanation_settings import (
    BatchExplanations,
    EvaluationExplanations,
    ExplanationSettings,
)
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.finetuning_job import EvaluationSection, FinetuningJob
from tintype.schemas.job_parts import DataInput, JobDocument, JobHead, ModelOutput
from tintype.schemas.monitor_job import MonitorJob
from tintype.schemas.pipeline_job import PipelineJob, PipelineSettings
from tintype.schemas.ports import DataValue, OutputPort
from tintype.schemas.scoring_settings import ScoringSettings
from tintype.schemas.sweep import (
    BanditPolicy,
    MedianStoppingPolicy,
    RandomSampling,
    Sweep,
    TruncationSelectionPolicy,
)
from tintype.schemas.sweep_job import Objective, SweepJob, SweepLimits, SweepTrial
from tintype.schemas.training_recipes import TrainingRecipes

PAGE = Path(__file__).parents[1] / "docs" / "jobs.md"

HEAD = """# Jobs

A job document is a YAML file for `tintype job create --file job.yml`. An unknown key is an error that
names its line and the nearest valid key. Keys that mean something on Azure only are accepted and
reported. `--set a.b=value` overrides any key.

`tintype job list | show | stream | cancel | resume | download | archive` take it from there. A job that
was killed goes on with `tintype job resume --name NAME`, or with `tintype job create --file job.yml
--name NAME --resume`: a training from its last checkpoint, to the weights it would have reached; a sweep
without repeating a finished trial.

- `type: finetuning` trains one checkpoint: [below](#fine-tuning).
- `type: automl` finds the best model: [below](#automl), and [automl.md](automl.md) for how it works.
- `type: batch` scores files with a model: [below](#batch), and [batch.md](batch.md). Invoking a batch
  endpoint makes such a job.
- `type: evaluation` holds a model against labelled images: [below](#evaluation-of-a-model), and
  [evaluate.md](evaluate.md).
- `type: monitor` looks at the newest window of a monitor: [below](#a-monitors-window), and [monitoring.md](monitoring.md). The schedules
  of monitors submit such jobs.
- `type: comparison` holds a challenger against the champion: [below](#comparison-of-two-models), and
  [loop.md](loop.md).
- `type: command` runs a command line of your own: [below](#command).
- `type: sweep` runs one at points of a search space: [below](#sweep).
- `type: pipeline` runs several of these in one graph: [below](#pipeline), and [pipelines.md](pipelines.md).
"""


def page() -> str:
    """The whole of docs/jobs.md."""
    parts = [HEAD, section("Every job", JobHead)]
    parts.append(section("Every training job", JobDocument, beyond=JobHead))
    parts.append(section("`training_data`, `validation_data`, `test_data`", DataInput))
    parts.append(section("`outputs.<any name>`", ModelOutput))
    parts.append(section("Fine-tuning", FinetuningJob, beyond=JobDocument))
    parts.append(section("`hyperparameters`", FinetuningParameters, beyond=TrainingRecipes))
    parts.append(
        section("More of `hyperparameters`, and of AutoML's `training_parameters`", TrainingRecipes)
    )
    parts.append(section("`hyperparameters.augmentations`", Augmentations))
    parts.append(section("`evaluation`", EvaluationSection))
    parts.append(section("AutoML", AutomlJob, beyond=JobDocument))
    parts.append(section("`limits`", Limits))
    parts.append(section("`training_parameters`", AutomlParameters, beyond=TrainingRecipes))
    parts.append(section("`sweep`", Sweep))
    parts.append(section("`sweep.sampling_algorithm`, type random", RandomSampling))
    parts.append(section("`sweep.early_termination`, type bandit", BanditPolicy))
    parts.append(section("`sweep.early_termination`, type median_stopping", MedianStoppingPolicy))
    parts.append(
        section("`sweep.early_termination`, type truncation_selection", TruncationSelectionPolicy)
    )
    parts.append(section("Batch", BatchJob, beyond=JobHead))
    parts.append(section("`inputs.<any name>`", BatchInput))
    parts.append(section("`settings`, of batch deployments too", BatchSettings))
    parts.append(section("`settings.retry_settings`", RetrySettings))
    parts.append(section("`scoring`, of batch deployments too", ScoringSettings))
    parts.append(section("`explain`, of batches and evaluations", ExplanationSettings))
    parts.append(
        section("More of `explain` of a batch", BatchExplanations, beyond=ExplanationSettings)
    )
    parts.append(section("Evaluation of a model", EvaluationJob, beyond=JobHead))
    parts.append(
        section(
            "More of `explain` of an evaluation", EvaluationExplanations, beyond=ExplanationSettings
        )
    )
    parts.append(section("A monitor's window", MonitorJob, beyond=JobHead))
    parts.append(section("Comparison of two models", ComparisonJob, beyond=JobHead))
    parts.append(section("Command", CommandJob, beyond=JobHead))
    parts.append(section("`inputs.<any name>`, of commands, sweeps and pipelines", DataValue))
    parts.append(section("`outputs.<any name>`, of commands, sweeps and pipelines", OutputPort))
    parts.append(section("Sweep", SweepJob, beyond=JobHead))
    parts.append(section("`trial`", SweepTrial))
    parts.append(section("`objective`", Objective))
    parts.append(section("`limits`, of sweeps", SweepLimits))
    parts.append(section("Pipeline", PipelineJob, beyond=JobHead))
    parts.append(section("`settings`, of pipelines", PipelineSettings))
    return "\n".join(parts)


def section(title: str, model: type[BaseModel], *, beyond: type[BaseModel] | None = None) -> str:
    """A heading and the table of `model`'s fields, without those that are as in `beyond`."""
    lines = [f"## {title}", "", "| key | default | meaning |", "|---|---|---|"]
    docs = docstrings(model)
    for name, field in model.model_fields.items():
        known = beyond.model_fields.get(name) if beyond is not None else None
        if field.exclude or (known is not None and known.default == field.default):
            continue
        default = (
            "required"
            if field.is_required()
            else shown(field.get_default(call_default_factory=True))
        )
        lines.append(f"| `{field.alias or name}` | {default} | {docs[name]} |")
    return "\n".join([*lines, ""])


def shown(value: object) -> str:
    """A default as YAML would write it."""
    if value is None or isinstance(value, BaseModel) or value in ({}, ""):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The string under each field of `model`, on one line."""
    found: dict[str, str] = {}
    for base in model.__bases__:
        if issubclass(base, BaseModel) and base.__module__.startswith("tintype.schemas."):
            found |= docstrings(base)
    body = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split()).replace(
                "|", "\\|"
            )
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
