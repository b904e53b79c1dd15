"""The walk *compare*: two models and an image table become a verdict, and the better one the champion."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tintype.errors import RunFailed, UsageError
from tintype.evaluation.metrics import TABLES, Predictions, check_metric_names
from tintype.evaluation.paired import PairedComparison, compare_predictions
from tintype.files import atomic_folder, write_json
from tintype.images.readability import none_readable
from tintype.jobs.data_inputs import settled_data
from tintype.jobs.event_log import log_notices
from tintype.jobs.labelled_images import (
    read_test_table,
    score_labelled,
    task_of_labels,
    work_folder,
)
from tintype.jobs.run import Run
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.comparison_job import ComparisonJob
from tintype.schemas.document import Document, validate
from tintype.schemas.evaluation_job import EXACT
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import ZERO_SHOT
from tintype.tasks import TaskContext
from tintype.workspace.model_aliases import check_alias, set_alias
from tintype.workspace.registry import (
    list_models,
    register_model,
    registered_model,
    resolve_model,
)

if TYPE_CHECKING:
    from tintype.data.image_table import ImageTable
    from tintype.scoring.results import TableScores
    from tintype.scoring.scorer import Scorer

__all__ = ["ModelComparison", "check", "compare_models", "execute", "settle"]


_ALIASED = re.compile(
    r"(?:azureml:|models:/)?(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)@(?P<alias>[\w-]+)"
)


@dataclass(frozen=True)
class ModelComparison:
    """A comparison, and what became of the challenger."""

    champion: str
    challenger: str
    data: str
    found: PairedComparison | None
    """None: there is no champion yet."""
    registered: str | None = None
    """The challenger's version where it is a registered model, or has become one."""
    promoted: str | None = None
    """The alias that it has taken over."""
    notices: tuple[str, ...] = ()

    @property
    def is_better(self) -> bool:
        """Whether the challenger is to take the champion's place."""
        return self.found is None or self.found.verdict == "challenger is better"

    @property
    def verdict(self) -> str:
        """In words."""
        return "there is no champion yet" if self.found is None else self.found.verdict

    def shown(self) -> dict[str, Any]:
        """As commands print it, and as comparison.json has it."""
        return {
            "verdict": self.verdict,
            "champion": self.champion,
            "challenger": self.challenger,
            "data": self.data,
            "registered": self.registered,
            "promoted": self.promoted,
            "comparison": None if self.found is None else self.found.shown(),
            "notices": list(self.notices),
        }

    def sentence(self) -> str:
        """What was found, in a line."""
        if self.found is None:
            return f"{self.verdict}: {self.challenger} takes its place"
        found = self.found
        return (
            f"{found.verdict}: {found.metric} {found.challenger:.4f} against {found.champion:.4f}, better by "
            f"{found.difference:.4f} (95 %: {found.interval[0]:.4f} to {found.interval[1]:.4f}), McNemar's p "
            f"{found.p_value:.3g}, of {found.rows} images"
        )


def compare_models(
    champion: str | Path,
    challenger: str | Path,
    data: str | Path,
    *,
    metric: str = "accuracy",
    output: str | Path | None = None,
    register_as: str | None = None,
    promote: str | None = None,
    label_column: str = "label",
    image_column: str = "image_url",
    group_column: str | None = None,
    group_pattern: str | None = None,
    scoring: ScorerOptions | None = None,
) -> ModelComparison:
    """Hold a challenger against the champion on the same labelled images; see `ComparisonJob`.

    Args:
        output: folder for comparison.json and both models' predictions; None writes nothing.

    Raises:
        DataError: data that cannot be used, or none of whose images can be read.
        UsageError: a model that is missing, models of different tasks, or an unknown metric.
    """
    document = {
        "champion": str(champion),
        "challenger": str(challenger),
        "test_data": {"path": str(data)},
        "metric": metric,
        "register_as": register_as,
        "promote": promote,
        "label_column_name": label_column,
        "input_column_names": image_column,
        "group_column_name": group_column,
        "group_pattern": group_pattern,
        "scoring": scoring or EXACT,
    }
    job = settle(validate(ComparisonJob, Document(document)))
    check(job)
    return _compare(job, None if output is None else Path(output))


def settle(job: ComparisonJob) -> ComparisonJob:
    """See `JobKind.settle`: what aliases mean now is written down."""
    return job.model_copy(
        update={
            "champion": job.champion if _has_no_champion(job) else _settled(job.champion),
            "challenger": _settled(job.challenger),
            "test_data": settled_data(job.test_data),
        }
    )


def check(job: ComparisonJob) -> None:
    """Both models can be had, the data can be read, and what is asked for can be done.

    Raises:
        UsageError: names what is wrong and where.
    """
    if job.promote is not None:
        check_alias(job.promote)
        if job.register_as is None and registered_model(job.challenger) is None:
            raise UsageError(
                f"promote: {job.challenger} is no registered model; say register_as: NAME, or name one"
            )
    if job.metric in TABLES:
        raise UsageError(f"metric {job.metric!r} is not one number; try accuracy")
    for model in (job.challenger, *([] if _has_no_champion(job) else [job.champion])):
        check_obtainable(resolve_model(model))
    table = read_test_table(job)
    if table.task is not None:
        check_metric_names(table.task, [job.metric])


def execute(job: ComparisonJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`."""
    log_notices(job.notices())
    output = run.outputs / "comparison"
    tags = {**job.tags, "tintype.champion": job.champion, "tintype.challenger": job.challenger}
    with run.tracked(job.experiment_name, tags) as tracking:
        compared = _compare(job, output, cancelled=lambda: context.stop() == "cancel")
        log_notices(compared.notices)
        metrics = _metrics(compared.found)
        tracking.log_metrics(metrics, step=0)
        run.update(metrics=metrics)
        print(compared.sentence(), flush=True)
        if job.gate and not compared.is_better:
            raise RunFailed(f"gate: {compared.sentence()}")


def _metrics(found: PairedComparison | None) -> dict[str, float]:
    if found is None:
        return {}
    return {
        found.metric: found.challenger,
        f"champion_{found.metric}": found.champion,
        "difference": found.difference,
        "difference_low": found.interval[0],
        "difference_high": found.interval[1],
        "p_value": found.p_value,
    }


def _compare(
    job: ComparisonJob, output: Path | None, *, cancelled: Callable[[], bool] = lambda: False
) -> ModelComparison:
    compared = ModelComparison(job.champion, job.challenger, job.test_data.path, None)
    if not _has_no_champion(job):
        found, notices = _tested(job, output, cancelled)
        compared = replace(compared, found=found, notices=notices)
    compared = _promoted(job, compared)
    if output is not None:
        with atomic_folder(output) as temporary:
            write_json(temporary / "comparison.json", compared.shown())
            if work_folder(output).exists():
                work_folder(output).replace(temporary / "predictions")
    return compared


def _tested(
    job: ComparisonJob, output: Path | None, cancelled: Callable[[], bool]
) -> tuple[PairedComparison, tuple[str, ...]]:
    """What the tests say, and what people should know of how the data were read."""
    from tintype.scoring.scorer import Scorer

    models = {"champion": job.champion, "challenger": job.challenger}
    scorers = {
        role: Scorer.load(resolve_model(model), job.scoring) for role, model in models.items()
    }
    tasks = {role: task_of_labels(scorer) for role, scorer in scorers.items()}
    if tasks["champion"] != tasks["challenger"]:
        raise UsageError(
            f"the champion does {tasks['champion']}, the challenger {tasks['challenger']}: "
            "they cannot be compared"
        )
    check_metric_names(tasks["champion"], [job.metric])
    table = read_test_table(job, tasks["champion"])
    labels, notices = tuple(table.classes), table.notices
    # What one of them has not learned, it has wrong.
    known = dict.fromkeys(name for scorer in scorers.values() for name in _own(scorer, labels))
    unknown = [name for name in labels if name not in known]
    if unknown:
        notices = (*notices, f"neither model knows {', '.join(unknown)}: both have these wrong")
    table = table.with_classes((*known, *unknown))
    scores = {
        role: score_labelled(
            scorer,
            models[role],
            table,
            job,
            None if output is None else work_folder(output) / role,
            labels=labels if scorer.task == ZERO_SHOT else None,
            cancelled=cancelled,
        )
        for role, scorer in scorers.items()
    }
    rows = np.intersect1d(scores["champion"].rows, scores["challenger"].rows)
    if len(rows) == 0:
        raise none_readable(table, scores["champion"].failures)
    predictions = {
        role: _predictions(scorer, scores[role], rows, table, labels)
        for role, scorer in scorers.items()
    }
    found = compare_predictions(
        predictions["champion"],
        predictions["challenger"],
        metric=job.metric,
        groups=table.select(rows).groups,
    )
    return found, notices


def _promoted(job: ComparisonJob, compared: ModelComparison) -> ModelComparison:
    """Register and promote the challenger, where it is better and that is asked for."""
    model = registered_model(job.challenger)
    if compared.is_better and model is None and job.register_as is not None:
        model = register_model(job.register_as, resolve_model(job.challenger))
    if model is None:
        return compared
    compared = replace(compared, registered=model.id)
    if job.promote is None or not compared.is_better:
        return compared
    set_alias(model.name, job.promote, version=model.version)
    return replace(compared, promoted=job.promote)


def _has_no_champion(job: ComparisonJob) -> bool:
    """Whether it is the first of its name, or alias, and may be."""
    if job.register_as is None and job.promote is None:
        return False
    reference = _ALIASED.fullmatch(job.champion)
    if reference is None or Path(job.champion).exists():
        return False
    versions = list_models(reference["name"], include_archived=True)
    alias = reference["alias"]
    return not any(alias == "latest" or alias in version.aliases for version in versions)


def _settled(reference: str) -> str:
    """A registered model by its version, anything else by its folder."""
    model = registered_model(reference)
    return resolve_model(reference) if model is None else model.id


def _own(scorer: Scorer, labels: Sequence[str]) -> Sequence[str]:
    """What a model may answer; zero-shot, the data's own labels are the choices."""
    return labels if scorer.task == ZERO_SHOT else scorer.classes


def _predictions(
    scorer: Scorer, scores: TableScores, rows: np.ndarray, table: ImageTable, labels: Sequence[str]
) -> Predictions:
    """A model's answers for `rows`, in the order of the table's classes; 0 for those that it has not."""
    columns = [table.classes.index(name) for name in _own(scorer, labels)]
    probabilities = np.zeros((len(rows), len(table.classes)))
    probabilities[:, columns] = scores.probabilities[np.isin(scores.rows, rows)]
    threshold: float | np.ndarray = 0.5
    if scorer.thresholds is not None:
        threshold = np.full(len(table.classes), 0.5)
        threshold[columns] = scorer.thresholds
    return Predictions(task_of_labels(scorer), probabilities, table.targets(rows), threshold)
