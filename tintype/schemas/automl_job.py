"""`type: automl`: find the best classifier for labelled images. Source: docs/contracts.md §2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from tintype.errors import DocumentError, nearest
from tintype.schemas.automl_limits import LEAST_BUDGET, MOST_TRIALS, Limits, Quality
from tintype.schemas.automl_parameters import ALIASES, NOT_SEARCHABLE, AutomlParameters
from tintype.schemas.distributions import Choice, Distribution, QUniform, SearchValue, Uniform
from tintype.schemas.document import Document, KeyPath, validate
from tintype.schemas.duration import Duration
from tintype.schemas.job_parts import WITHOUT_EFFECT, JobData, JobDocument, take_ignored
from tintype.schemas.place import Place, place_notices
from tintype.schemas.sweep import BayesianSampling, GridSampling, Sweep
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask

__all__ = ["PRIMARY_METRICS", "AutomlJob", "Limits", "read_automl_job"]

# Azure's names; its documents also spell them in snake case.
PRIMARY_METRICS = (
    "accuracy",
    "AUC_weighted",
    "norm_macro_recall",
    "average_precision_score_weighted",
    "precision_score_weighted",
    "iou",
)

_MODES = Literal["automatic", "individual", "manual"]

# Azure's default share (docs/contracts.md §2.1).
_VALIDATION_SHARE = 0.2

# A sweep of more points than this would not end.
_MOST_GRID_POINTS = 100_000


def _metric(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    wanted = value.strip().replace("-", "_").lower()
    for name in PRIMARY_METRICS:
        if name.lower() == wanted:
            return name
    raise ValueError(
        f"{value!r} given; expected one of {', '.join(PRIMARY_METRICS)}."
        f"{nearest(wanted, PRIMARY_METRICS)}"
    )


class AutomlJob(JobDocument):
    """Find the best classifier: by itself, with one model, or over a search space of yours."""

    type: Literal["automl"] = "automl"
    """The kind of job."""

    compute: Place | None = None
    """local (default): this machine. ray: a Ray cluster, as RAY_ADDRESS says or a local one;
    ray://host:port: that cluster. Azure's cluster names mean local."""

    primary_metric: Annotated[str | None, BeforeValidator(_metric)] = None
    """What is maximised: accuracy (default, multi-class), iou (default, multi-label), AUC_weighted,
    norm_macro_recall, average_precision_score_weighted, precision_score_weighted."""

    target_column_name: str = "label"
    """Key of the label in a JSONL row."""

    image_column_name: str = "image_url"
    """Key of the image in a JSONL row."""

    validation_data_size: float | None = Field(None, gt=0, lt=1)
    """Share of training_data split off without validation_data. Default 0.2."""

    test_data_size: float | None = Field(None, gt=0, lt=1)
    """Share of training_data held back for a test at the end, without test_data."""

    near_duplicates_together: bool = True
    """Beyond Azure's: keep training images that are nearly the same (the same photo, saved again, smaller
    or cropped a little) on one side of every split, and of the folds that rank backbones. Looked for
    among up to 20,000 images."""

    limits: Limits = Field(default_factory=Limits)
    """How much may be spent."""

    budget: Annotated[Duration, Field(ge=LEAST_BUDGET)] | None = None
    """Beyond Azure's, for automatic sweeps: 90s, 5m, 1h30m for the whole job, from submit to report, in
    place of trials and limits. What is tried is planned to fit."""

    quality: Quality | None = None
    """Beyond Azure's, for automatic sweeps, in place of a budget: fast (a head on the best
    backbone), good (and the most promising fine-tunings), best (until nothing more is gained)."""

    training_parameters: AutomlParameters = Field(default_factory=AutomlParameters)
    """Fixed hyperparameters of every trial."""

    portfolio: list[str] | None = Field(None, min_length=1)
    """Automatic sweeps only, beyond Azure's: the checkpoints to choose from. Left out: the catalog's
    portfolio as far as it can be had, and the workspace's registered models."""

    sweep: Sweep | None = None
    """How points of the search space are drawn, and hopeless trials ended."""

    search_space: list[dict[str, SearchValue]] | None = None
    """Sub-spaces; each a mapping of hyperparameter to value, distribution or expression."""

    @property
    def metric(self) -> str:
        """`primary_metric`, or its default for the task."""
        return self.primary_metric or default_metric(self.task)

    @property
    def mode(self) -> _MODES:
        """Which of the three steps this is."""
        if self.search_space:
            return "manual"
        if self.training_parameters.model_name is not None:
            return "individual"
        dialled = self.budget is not None or self.quality is not None
        return "automatic" if dialled or self.limits.max_trials > 1 else "individual"

    @property
    def seconds(self) -> int:
        """For the whole job."""
        return self.budget or self.limits.timeout_minutes * 60

    @property
    def most_trials(self) -> int:
        """Trials in all."""
        if self.mode == "individual":
            return 1
        dialled = self.budget is not None or self.quality is not None
        if dialled and "max_trials" not in self.limits.model_fields_set:
            return MOST_TRIALS
        return self.limits.max_trials

    def located(self, base: Path) -> AutomlJob:
        """The same with absolute paths; relative ones are taken from `base`."""
        update = self.absolute_paths(base)
        if self.portfolio is not None:
            update["portfolio"] = [_local(name, base) for name in self.portfolio]
        model = _local(self.training_parameters.model_name, base)
        update["training_parameters"] = self.training_parameters.model_copy(
            update={"model_name": model}
        )
        if self.search_space is not None:
            update["search_space"] = [
                {
                    name: _local_models(value, base) if name == "model_name" else value
                    for name, value in space.items()
                }
                for space in self.search_space
            ]
        return self.model_copy(update=update)

    def data(self) -> JobData:
        """Its images. As in Azure's runtime, an image that cannot be read ends no sweep."""
        return JobData(
            task=self.task,
            training=self.training_data,
            group_column=self.group_column_name,
            group_pattern=self.group_pattern,
            validation=self.validation_data,
            test=self.test_data,
            label_column=self.target_column_name,
            image_column=self.image_column_name,
            ignore_data_errors=True,
            validation_share=self.validation_data_size or _VALIDATION_SHARE,
            test_share=self.test_data_size,
            near_duplicates_together=self.near_duplicates_together,
        )

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        notices = super().notices()
        return [
            *notices,
            *place_notices(self.compute or "local"),
            *self.training_parameters.notices(),
        ]

    def conflicts(self) -> list[tuple[KeyPath, str]]:
        """Everything that cannot go together, each with the key it is about."""
        return [*self._limit_conflicts(), *self._sweep_conflicts(), *self._space_conflicts()]

    def _limit_conflicts(self) -> Iterator[tuple[KeyPath, str]]:
        limits = self.limits
        yield from self._dial_conflicts()
        if limits.max_concurrent_trials > self.most_trials:
            yield (
                ("limits", "max_concurrent_trials"),
                (
                    f"{limits.max_concurrent_trials} is above max_trials {limits.max_trials}; lower it, "
                    "or raise max_trials"
                ),
            )
        if self.portfolio is not None and self.mode != "automatic":
            yield (
                ("portfolio",),
                "is for automatic sweeps: max_trials above 1, no model_name and no search_space",
            )
        if self.task == MULTICLASS and self.metric == "iou":
            yield ("primary_metric",), "iou is for image_classification_multilabel"
        if self.validation_data is not None and self.validation_data_size is not None:
            yield ("validation_data_size",), "give either validation_data or validation_data_size"
        if self.test_data is not None and self.test_data_size is not None:
            yield ("test_data_size",), "give either test_data or test_data_size"
        shares = (self.validation_data_size or 0) + (self.test_data_size or 0)
        if shares >= 1:
            yield ("test_data_size",), "nothing would be left to train on"
        try:
            self.training_parameters.to_finetuning(
                self.task, metric=self.metric, validation_data_size=0.2
            )
        except (ValueError, ValidationError) as error:
            yield ("training_parameters",), _reason(error)

    def _dial_conflicts(self) -> Iterator[tuple[KeyPath, str]]:
        for key in ("budget", "quality"):
            if getattr(self, key) is None:
                continue
            if self.mode != "automatic":
                yield (key,), "is for automatic sweeps: no model_name and no search_space"
            if "timeout_minutes" in self.limits.model_fields_set and key == "budget":
                yield (key,), "and limits.timeout_minutes given; keep one"
        if self.budget is not None and self.quality is not None:
            yield (
                ("quality",),
                "and budget given; keep one: a budget is used up, a quality ends itself",
            )

    def _sweep_conflicts(self) -> Iterator[tuple[KeyPath, str]]:
        if self.search_space is not None and self.sweep is None:
            yield (
                ("search_space",),
                "needs sweep: with a sampling_algorithm (random, grid, bayesian)",
            )
        if self.sweep is None:
            return
        if not self.search_space:
            yield ("sweep",), "needs a search_space; leave sweep out for an automatic sweep"
            return
        algorithm = self.sweep.sampling_algorithm
        key: KeyPath = ("sweep", "sampling_algorithm")
        if isinstance(algorithm, BayesianSampling) and len(self.search_space) > 1:
            yield (
                key,
                (
                    f"bayesian sampling takes one sub-space, {len(self.search_space)} given; use random "
                    "or grid"
                ),
            )
        for number, space in enumerate(self.search_space):
            for name, value in space.items():
                place: KeyPath = ("search_space", number, name)
                if not isinstance(value, Distribution) or isinstance(value, Choice):
                    continue
                if isinstance(algorithm, GridSampling):
                    yield place, f"grid sampling takes choice only, not {value_name(value)}"
                bayesian = type(value) in (Uniform, QUniform)
                if isinstance(algorithm, BayesianSampling) and not bayesian:
                    yield (
                        place,
                        (
                            "bayesian sampling takes choice, uniform and quniform, not "
                            f"{value_name(value)}"
                        ),
                    )
        if isinstance(algorithm, GridSampling) and self._grid_points() > _MOST_GRID_POINTS:
            yield key, f"the grid has {self._grid_points()} points; use random"

    def _space_conflicts(self) -> Iterator[tuple[KeyPath, str]]:
        if self.search_space is not None and not self.search_space:
            yield ("search_space",), "is empty; leave it out for an automatic sweep"
        for number, space in enumerate(self.search_space or ()):
            if not space:
                yield ("search_space", number), "holds nothing to search"
            for name, value in space.items():
                reason = self._value_conflict(name, value)
                if reason:
                    yield ("search_space", number, name), reason

    def _value_conflict(self, name: str, value: Any) -> str | None:
        """Why `value` cannot stand for the hyperparameter `name`, tried at its ends."""
        if name in NOT_SEARCHABLE:
            return "cannot be searched; put it into training_parameters"
        fields = AutomlParameters.model_fields
        if name not in fields:
            return f"unknown key.{nearest(name, [*fields, *ALIASES])}"
        if isinstance(value, Distribution) and not isinstance(value, Choice):
            annotation = str(fields[name].annotation)
            if "int" not in annotation and "float" not in annotation:
                return f"takes one value or choice, not {value_name(value)}"
        fixed = self.training_parameters.model_dump(exclude_unset=True)
        for example in _examples(value):
            try:
                parameters = AutomlParameters.model_validate({**fixed, name: example})
                parameters.to_finetuning(self.task, metric=self.metric, validation_data_size=0.2)
            except (ValueError, ValidationError) as error:
                return _reason(error, example)
        return None

    def _grid_points(self) -> int:
        total = 0
        for space in self.search_space or ():
            size = 1
            for value in space.values():
                size *= len(value.values) if isinstance(value, Choice) else 1
            total += size
        return total


def default_metric(task: ClassificationTask) -> str:
    """accuracy, or iou for multi-label (§2.2)."""
    return "iou" if task == MULTILABEL else "accuracy"


def read_automl_job(document: Document, base: Path) -> AutomlJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = _modernised({**document.data, "type": "automl"})
    compute = data.pop("compute", None)
    ignored = take_ignored(data, WITHOUT_EFFECT)
    if compute is not None:
        data["compute"] = compute
    ignored += data.pop("without_effect", ())
    job = validate(AutomlJob, Document(data, document.path, document.lines))
    problems = job.conflicts()
    if problems:
        raise conflict_error(problems, document)
    return job.located(base).model_copy(update={"without_effect": tuple(ignored)})


def conflict_error(problems: list[tuple[KeyPath, str]], document: Document) -> DocumentError:
    """One error of all `problems`, each with its place."""

    def dotted(key: KeyPath) -> str:
        return ".".join(str(part) for part in key)

    (key, message), rest = problems[0], problems[1:]
    for other, text in rest:
        line = document.line(other)
        where = f"{document.path or ''}{f':{line}' if line else ''}"
        message += f"\n{where}{': ' if where else ''}{dotted(other)}: {text}"
    return DocumentError(message, file=document.path, line=document.line(key), field=dotted(key))


def value_name(value: Distribution) -> str:
    """The distribution's name in documents."""
    return str(getattr(value, "type", type(value).__name__))


def _modernised(data: dict[str, Any]) -> dict[str, Any]:
    """Older spellings of Azure's own samples: `image_model`, and limits below `sweep`."""
    if "image_model" in data:
        data["training_parameters"] = {
            **data.pop("image_model"),
            **(data.get("training_parameters") or {}),
        }
    sweep = data.get("sweep")
    if isinstance(sweep, dict) and isinstance(sweep.get("limits"), dict):
        data["sweep"] = {key: value for key, value in sweep.items() if key != "limits"}
        data["limits"] = {**sweep["limits"], **(data.get("limits") or {})}
    spaces = data.get("search_space")
    if isinstance(spaces, dict):
        spaces = [spaces]
    if isinstance(spaces, list):
        data["search_space"] = [
            {ALIASES.get(key, key): value for key, value in space.items()}
            if isinstance(space, dict)
            else space
            for space in spaces
        ]
    return data


def _examples(value: Any) -> list[Any]:
    """Values that stand for all: every choice, both ends, or the value itself."""
    if isinstance(value, Choice):
        return list(value.values)
    if isinstance(value, Distribution):
        bounds = value.bounds()
        # A normal number has no ends: those of its central part, which most draws fall into.
        return list(bounds) if bounds is not None else [value.quantile(0.5)]
    return [value]


def _reason(error: ValueError | ValidationError, example: Any = None) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors()[0]
    reason = (problem.get("ctx") or {}).get("error") or problem["msg"]
    text = str(reason).removeprefix("Value error, ").removeprefix("Input should be ")
    return text if example is None else f"{example!r} given; expected {text}"


def _local(name: str | None, base: Path) -> str | None:
    """The absolute path of a model that is a folder beside the document, or the name as it is."""
    if name is None:
        return None
    folder = base / Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name


def _local_models(value: Any, base: Path) -> Any:
    if isinstance(value, Choice):
        return Choice(values=[_local(str(name), base) or "" for name in value.values])
    return _local(str(value), base)
