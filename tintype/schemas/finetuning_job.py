"""`type: finetuning`: one checkpoint fine-tuned on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.explanation_settings import EvaluationExplain
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.job_parts import WITHOUT_EFFECT, JobData, JobDocument, take_ignored

__all__ = ["EvaluationSection", "FinetuningJob", "read_finetuning_job"]


class EvaluationSection(StrictModel):
    """What the evaluation of the finished model computes."""

    metrics: list[str] | None = None
    """Names of docs/contracts.md §5.2; all when left out."""

    explain: EvaluationExplain = None
    """Also explain the surest mistakes on the pages, as `explain` of an evaluation. Left out: none."""


class FinetuningJob(JobDocument):
    """Fine-tune a checkpoint on labelled images, evaluate it, keep the best model."""

    type: Literal["finetuning"] = "finetuning"
    """The kind of job."""

    model_name: str = Field(validation_alias=AliasChoices("model_name", "model"))
    """Checkpoint: Hub id, folder, registered model, or a scratch name (tintype/resnet-small)."""

    label_column_name: str = "label"
    """Key of the label in a JSONL row."""

    input_column_names: str = "image_url"
    """Key of the image in a JSONL row."""

    hyperparameters: FinetuningParameters = Field(default_factory=lambda: FinetuningParameters())
    """How to train."""

    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
    """How to evaluate."""

    @model_validator(mode="after")
    def _check_together(self) -> FinetuningJob:
        self.hyperparameters.check_task(self.task)
        return self

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        return [*super().notices(), *self.hyperparameters.notices(self.task)]

    def located(self, base: Path) -> FinetuningJob:
        """The same with absolute paths; relative ones are taken from `base`."""
        update = self.absolute_paths(base)
        folder = base / Path(self.model_name).expanduser()
        if folder.is_dir():
            update["model_name"] = str(folder.resolve())
        return self.model_copy(update=update)

    def data(self) -> JobData:
        """Its images; the training itself splits some off where no validation data is given."""
        return JobData(
            task=self.task,
            training=self.training_data,
            group_column=self.group_column_name,
            group_pattern=self.group_pattern,
            validation=self.validation_data,
            test=self.test_data,
            label_column=self.label_column_name,
            image_column=self.input_column_names,
            ignore_data_errors=self.hyperparameters.ignore_data_errors,
            near_duplicates_together=self.hyperparameters.near_duplicates_together,
        )


def read_finetuning_job(document: Document, base: Path) -> FinetuningJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "finetuning"}
    ignored = [*take_ignored(data, WITHOUT_EFFECT), *data.pop("without_effect", ())]
    if "training_parameters" in data:
        data["hyperparameters"] = {
            **data.pop("training_parameters"),
            **data.get("hyperparameters", {}),
        }
    # Azure's spelling of where a model comes from: {path: ...} or {name: ...}.
    if isinstance(data.get("model"), dict):
        model = data["model"]
        data["model"] = model.get("path") or model.get("name")
    job = validate(FinetuningJob, Document(data, document.path, document.lines))
    return job.located(base).model_copy(
        update={"without_effect": tuple(ignored), "source": document}
    )
