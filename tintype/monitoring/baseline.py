"""The baseline of a monitor: computed when it is first needed, and kept.

It is computed anew when the deployment has another model, or collects pictures in another form; new pictures at the same
place are seen when the monitor is created again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.data.reading import read_image_table
from tintype.errors import DataError, FetchError, ImageError, RunCancelled, UsageError
from tintype.files import atomic_folder, write_bytes, write_json
from tintype.images.shown_pictures import COLLECTED_SIDE, small_jpeg
from tintype.images.source import read_image
from tintype.monitoring.samples import UNKNOWN, Answers, Sample, look_at
from tintype.monitoring.watched import Watched
from tintype.monitoring.windows import WindowRows, answers_of, read_window
from tintype.schemas.monitor import Baseline, MonitorDocument
from tintype.schemas.task import EMBEDDINGS, MULTILABEL, ZERO_SHOT
from tintype.workspace.monitors import MonitorStore

__all__ = ["FEWEST", "baseline_of", "check_baseline", "read_baseline_table"]

FEWEST = 20
"""Pictures of a baseline at least."""

# A baseline may be larger than a window, and tells more for it; so many times.
_TIMES_A_WINDOW = 4

_SEED = 42
_ARRAYS = ("codes", "confidences", "right", "statistics", "greys", "embeddings")

_PART = 64


def read_baseline_table(baseline: Baseline) -> ImageTable:
    """The labelled pictures that a document names by their path.

    Raises:
        DataError: names file, line and field of the first row that cannot be used; or they are too few.
    """
    assert baseline.path is not None
    table = read_image_table(
        baseline.path,
        label_column=baseline.label_column_name,
        image_column=baseline.input_column_names,
        split="validation",
    )
    if len(table) < FEWEST:
        raise DataError(
            f"{len(table)} pictures; a baseline needs {FEWEST}, and better several hundred",
            file=baseline.path,
        )
    return table


def check_baseline(monitor: MonitorDocument, watched: Watched) -> None:
    """What can be known of it in seconds.

    Raises:
        UsageError: it cannot be read, has too few pictures, or labels that the model does not know.
    """
    if monitor.baseline.window is None:
        table = read_baseline_table(monitor.baseline)
        classes = watched.known_classes()
        if classes is not None:
            _check_classes(table, classes, watched)
        return
    rows = _earlier_rows(monitor, watched)
    if len(rows.rows) < FEWEST:
        raise UsageError(
            f"baseline.window: {watched.name} collected {rows.total} pictures in that time; a baseline "
            f"needs {FEWEST}, and better several hundred"
        )


def baseline_of(
    store: MonitorStore,
    monitor: MonitorDocument,
    watched: Watched,
    *,
    cancelled: Callable[[], bool],
) -> Sample:
    """What is known of a monitor's baseline; its locked folder keeps it.

    Raises:
        DataError: it cannot be read, or has other classes than the model.
        UsageError: it has too few pictures that can be read.
        CheckpointError: the deployment's model or the embedding model cannot be loaded.
        OutputError: the workspace cannot be written.
        RunCancelled: `cancelled` said so.
    """
    folder = store.folder(monitor.name) / "baseline"
    embeds = "embedding_drift" in monitor.signals
    key = {
        "baseline": monitor.baseline.model_dump(mode="json"),
        "model": watched.record.model,
        "embedding_model": monitor.embedding_model if embeds else None,
        "thumbnails": watched.thumbnails,
        "most": monitor.window.most_pictures,
    }
    kept = _kept(folder, key)
    if kept is not None:
        return kept
    maker = _Maker(monitor, watched, folder.with_name("baseline-pictures"), cancelled)
    sample = maker.of_table() if monitor.baseline.window is None else maker.of_window(store)
    seen = int(sample.seen.sum()) if any(sample.locations) else len(sample)
    if seen < FEWEST:
        raise UsageError(
            f"the baseline has {seen} pictures that can be read; it needs {FEWEST}, and better several "
            "hundred"
        )
    _keep(folder, key, sample)
    return sample


@dataclass(frozen=True)
class _Maker:
    """Computes a baseline."""

    monitor: MonitorDocument
    watched: Watched
    pictures: Path
    """Folder of small copies."""
    cancelled: Callable[[], bool]

    def of_table(self) -> Sample:
        """Labelled pictures, answered by the deployment's model as it answers requests."""
        from tintype.scoring.scorer import Scorer

        table = read_baseline_table(self.monitor.baseline)
        scorer = Scorer.load(self.watched.record.model, self.watched.document.settings.options())
        if scorer.task == EMBEDDINGS:
            answers = _no_answers(len(table))
        else:
            classes = table.classes if scorer.task == ZERO_SHOT else scorer.classes
            _check_classes(table, classes, self.watched)
            answers = _no_answers(len(table), tuple(classes))
        most = _TIMES_A_WINDOW * self.monitor.window.most_pictures
        rows = np.arange(len(table))
        if len(rows) > most:
            rows = np.sort(np.random.default_rng(_SEED).choice(rows, most, replace=False))
        table = table.select(rows)
        locations = list(table.locations())
        answers = answers.take(rows)
        if scorer.task != EMBEDDINGS:
            self._answer(scorer, table, answers)
        return self._looked_at(locations, answers)

    def of_window(self, store: MonitorStore) -> Sample:
        """An earlier time of the deployment."""
        rows = _earlier_rows(self.monitor, self.watched).rows
        classes = self.watched.known_classes() or tuple(
            sorted({row.label or "" for row in rows} - {""})
        )
        return look_at(
            [row.location for row in rows],
            answers_of(rows, classes, store.labels(self.monitor.name)),
            self._embedding_model,
            cancelled=self.cancelled,
        )

    @property
    def _embedding_model(self) -> str | None:
        embeds = "embedding_drift" in self.monitor.signals
        return self.monitor.embedding_model if embeds else None

    def _answer(self, scorer: Any, table: ImageTable, answers: Answers) -> None:
        """Fill in `answers`, which has no answers yet."""
        from tintype.scoring.results import Prediction

        codes = {name: code for code, name in enumerate(answers.classes)}
        labels = answers.classes if scorer.task == ZERO_SHOT else None
        for start in range(0, len(table), _PART):
            if self.cancelled():
                raise RunCancelled("the monitor was asked to stop")
            rows = range(start, min(start + _PART, len(table)))
            found = scorer.stream(list(table.locations(rows)), labels=labels)
            for row, result in zip(rows, found, strict=True):
                if not isinstance(result, Prediction):
                    continue
                ((label, score),) = result.top(1)
                answers.codes[row], answers.confidences[row] = codes[label], score
                if table.task is not None:
                    true = table.label(row)
                    answers.right[row] = label in (true if table.task == MULTILABEL else [true])

    def _looked_at(self, locations: list[str], answers: Answers) -> Sample:
        if not self.watched.thumbnails:
            return look_at(locations, answers, self._embedding_model, cancelled=self.cancelled)
        # Collected pictures are small copies, whose blur would be taken for drift.
        small = [
            _small_copy(location, self.pictures, row) for row, location in enumerate(locations)
        ]
        return look_at(small, answers, self._embedding_model, cancelled=self.cancelled)


def _small_copy(location: str, folder: Path, row: int) -> str:
    """A picture as the data collector would keep it; where it cannot be read, "": as good as none."""
    try:
        content = small_jpeg(read_image(location), COLLECTED_SIDE)
    except (ImageError, FetchError):
        return ""
    path = folder / f"{row:06}.jpg"
    write_bytes(path, content, mode=0o600, survives_power_cut=False)
    return str(path)


def _earlier_rows(monitor: MonitorDocument, watched: Watched) -> WindowRows:
    assert monitor.baseline.window is not None
    start, end = monitor.baseline.window.bounds
    most = _TIMES_A_WINDOW * monitor.window.most_pictures
    return read_window(watched.record.endpoint, watched.record.name, start, end, most)


def _check_classes(table: ImageTable, classes: tuple[str, ...], watched: Watched) -> None:
    """
    Raises:
        DataError: a row has a label that is none of them; names its file and line.
    """
    if table.task is None:
        return
    try:
        table.with_classes(classes)
    except DataError as error:
        raise DataError(
            f"{error.message}. The baseline of a monitor has the labels of the model that it watches, "
            f"{watched.name}: {', '.join(classes[:10])}{', ...' if len(classes) > 10 else ''}",
            file=error.file,
            line=error.line,
            field=error.field,
        ) from None


def _no_answers(rows: int, classes: tuple[str, ...] = ()) -> Answers:
    return Answers(
        classes,
        np.full(rows, UNKNOWN, np.int64),
        np.full(rows, np.nan),
        np.full(rows, UNKNOWN, np.int64),
    )


def _keep(folder: Path, key: dict[str, Any], sample: Sample) -> None:
    arrays = {**vars(sample), **vars(sample.answers)}
    with atomic_folder(folder) as temporary:
        for name in _ARRAYS:
            np.save(temporary / f"{name}.npy", arrays[name], allow_pickle=False)
        content = {"key": key, "locations": sample.locations, "classes": sample.answers.classes}
        write_json(temporary / "baseline.json", content)


def _kept(folder: Path, key: dict[str, Any]) -> Sample | None:
    """What was kept under `key`; None: nothing, or what cannot be read."""
    try:
        content = json.loads((folder / "baseline.json").read_text("utf-8"))
        if content["key"] != key:
            return None
        arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
    except (OSError, ValueError, KeyError):
        return None
    answers = Answers(
        tuple(content["classes"]), arrays["codes"], arrays["confidences"], arrays["right"]
    )
    return Sample(
        tuple(content["locations"]),
        answers,
        arrays["statistics"],
        arrays["greys"],
        arrays["embeddings"],
    )
