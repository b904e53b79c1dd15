"""Ranking backbones: each embeds the data once, and a head on top says how far that leads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tintype.automl.backbone_speed import BackboneSpeed
from tintype.automl.embedder import Embedder
from tintype.automl.heads import FittedHead, fit_head
from tintype.data.digests import content_digests
from tintype.data.image_table import ImageTable
from tintype.errors import DataError, RunCancelled, TintypeError
from tintype.evaluation.metrics import compute_metrics
from tintype.images.preprocess import Preprocessor
from tintype.images.views import OTHER_VIEWS
from tintype.models.backbone_classifier import new_backbone_classifier
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.model_folder import ModelFolder, write_model_folder
from tintype.schemas.task import MULTICLASS, ClassificationTask
from tintype.schemas.view import View

__all__ = ["RankedBackbone", "Ranking", "rank_backbones", "write_backbone_classifier"]

# The first backbone makes a first model of so many rows at most, where there are a lot more.
_FIRST_ROWS, _FIRST_FROM = 320, 640

# Heads learn from these, too. The closer view taught none of them more (benchmarks/RESULTS.md).
_LEARNT_VIEWS: tuple[View, ...] = ("mirrored",)


@dataclass(frozen=True)
class RankedBackbone:
    """How a backbone did."""

    name: str
    score: float
    """The metric of its head, by cross-validation on the training rows."""
    validation: float
    """The metric of its head on the validation rows."""
    cached: bool
    """Whether all features were there already."""
    seconds: float
    pooling: str
    family: str
    parameters: int
    head: FittedHead
    probabilities: np.ndarray
    """float32 (n, classes) of the validation rows."""
    other_views: dict[View, np.ndarray]
    """The same of other views of these images, where there was time to embed them."""
    fitted: int
    """Training rows of the head."""
    judged: int
    """Validation rows."""
    speed: BackboneSpeed | None = None
    """Where it was to be measured."""


Ranking = list[RankedBackbone]
"""The best first."""


def rank_backbones(
    names: Sequence[str],
    train: ImageTable,
    validation: ImageTable,
    *,
    task: ClassificationTask,
    metric: str,
    deadline: float,
    log: Callable[[str], None],
    leads: Callable[[RankedBackbone], None] = lambda backbone: None,
    cancelled: Callable[[], bool] = lambda: False,
    finish: Callable[[], bool] = lambda: False,
    timed: bool = False,
    views_seconds: float = 0.0,
) -> Ranking:
    """Embed both tables with each backbone and rank these by cross-validated heads.

    Args:
        names: checkpoints, in the order to try them.
        deadline: time.time() by which all is done: once one backbone has been ranked, no further one is
            tried that would take longer, if it took as long as the longest before it.
        log: receives plain sentences.
        leads: called whenever a backbone does.
        cancelled: asked after every batch of images and before every head; features that are
            computed by then stay in the cache.
        finish: once it says so, no further backbone is tried.
        timed: measure how fast each backbone is, once its model is there.
        views_seconds: that each may take to see training images mirrored, too, and again validation
            images in every view: a head learns from both views of an image, and is judged on it whole.

    Returns:
        The backbones that could be used, the best first; empty if none could.

    Raises:
        DataError: an image cannot be read.
        RunCancelled: `cancelled` said so.
    """
    tables = _Tables.of(train, validation)
    ranking: Ranking = []
    for position, name in enumerate(names):
        # As long as the longest so far: what it takes beyond the time set aside, heads are not fitted again in.
        expected = max((backbone.seconds for backbone in ranking), default=0.0)
        if ranking and (time.time() + expected > deadline or finish()):
            left = ", ".join(names[position:])
            log(f"Not tried, for the time set aside for ranking is too short: {left}.")
            break
        try:
            embedder = Embedder(name, tables.rows, cancelled)
            if not ranking and tables.rows >= _FIRST_FROM:
                first = _judged(embedder, tables.sample(_FIRST_ROWS), task, metric, spare=0.0)
                log(
                    f"{name}: {metric} {first.validation:.4f} on {first.judged} validation images "
                    f"with a head fitted to {first.fitted} images; now with all {len(train)}."
                )
                leads(first)
            backbone = _judged(embedder, tables, task, metric, spare=views_seconds)
        except (DataError, RunCancelled):
            raise
        except TintypeError as error:
            log(f"{name}: cannot be used for features ({error}).")
            continue
        if not ranking or backbone.score > ranking[0].score:
            leads(backbone)
        if timed:
            backbone = replace(backbone, speed=embedder.speed())
        features = ", features from the cache" if backbone.cached else ""
        speed = f" ({backbone.speed.told()})" if backbone.speed is not None else ""
        log(
            f"{name}: {metric} {backbone.score:.4f} by cross-validation, {backbone.validation:.4f} on "
            f"the validation images, in {backbone.seconds:.1f} s{features}{speed}."
        )
        ranking = sorted([*ranking, backbone], key=lambda ranked: -ranked.score)
    return ranking


def write_backbone_classifier(
    path: Path,
    backbone: RankedBackbone,
    head: FittedHead,
    task: ClassificationTask,
    classes: Sequence[str],
) -> ModelFolder:
    """The backbone with `head`, its own or the one to fine-tune from, as a model folder at `path`."""
    source = resolve_checkpoint(backbone.name)
    model = new_backbone_classifier(
        source, backbone.pooling, task=task, classes=classes, head=head.module
    )
    return write_model_folder(
        path,
        model=model,  # type: ignore[arg-type]
        preprocessor=Preprocessor.from_folder(source.folder),
        task=task,
        classes=classes,
        card={
            "base_checkpoint": source.name,
            "base_revision": source.revision,
            "training": {
                "method": "head",
                "pooling": backbone.pooling,
                "solver": head.solver,
                **head.settings,
            },
        },
    )


@dataclass(frozen=True)
class _Tables:
    """Training and validation images with the digest of each."""

    train: ImageTable
    validation: ImageTable
    digests: tuple[list[str], list[str]]

    @classmethod
    def of(cls, train: ImageTable, validation: ImageTable) -> _Tables:
        return cls(train, validation, (content_digests(train), content_digests(validation)))

    @property
    def rows(self) -> int:
        return len(self.train) + len(self.validation)

    def sample(self, rows: int) -> _Tables:
        """About `rows` rows, every class with its share of them, training and validation alike."""
        share = min(1.0, rows / self.rows)
        train, train_rows = _sampled(self.train, share)
        validation, validation_rows = _sampled(self.validation, share)
        return _Tables(
            train,
            validation,
            (
                [self.digests[0][row] for row in train_rows],
                [self.digests[1][row] for row in validation_rows],
            ),
        )


def _sampled(table: ImageTable, share: float) -> tuple[ImageTable, list[int]]:
    """A share of each class's rows (of a row's first class), at least two, evenly spread."""
    targets = table.targets()
    first = targets.argmax(1) if targets.ndim == 2 else targets
    chosen: list[int] = []
    for code in np.unique(first):
        rows = np.flatnonzero(first == code)
        count = min(len(rows), max(2, round(len(rows) * share)))
        chosen.extend(rows[np.linspace(0, len(rows) - 1, count).round().astype(int)].tolist())
    chosen.sort()
    return table.select(np.array(chosen)), chosen


def _judged(
    embedder: Embedder,
    tables: _Tables,
    task: ClassificationTask,
    metric: str,
    *,
    spare: float,
) -> RankedBackbone:
    """A head on the backbone's features of `tables`, and how well it does.

    Args:
        spare: seconds that further views of training images may take, and of validation images.
    """
    judged = embedder.views(tables.validation, tables.digests[1], OTHER_VIEWS, spare=spare)
    views = np.stack(
        list(embedder.views(tables.train, tables.digests[0], _LEARNT_VIEWS, spare=spare).values())
    )
    train = views[0]
    embedder.check()
    head = fit_head(
        train,
        tables.train.targets(),
        task=task,
        classes=len(tables.train.classes),
        metric=metric,
        groups=tables.train.together,
        zero_shot=embedder.zero_shot(tables.train.classes, train) if task == MULTICLASS else None,
        views=views,
    )
    told = {view: head.probabilities(features, task) for view, features in judged.items()}
    probabilities = told.pop("whole")
    scores = compute_metrics(task, probabilities, tables.validation.targets(), metrics=[metric])
    return RankedBackbone(
        name=embedder.name,
        score=head.score,
        validation=scores.get(metric, 0.0),
        cached=embedder.cached,
        seconds=time.monotonic() - embedder.started,
        pooling=embedder.pooling,
        family=embedder.checkpoint.family,
        parameters=embedder.parameters,
        head=head,
        probabilities=probabilities,
        other_views=told,
        fitted=len(tables.train),
        judged=len(tables.validation),
    )
