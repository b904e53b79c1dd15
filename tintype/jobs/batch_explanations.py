"""The second pass of a batch that explains its answers.

<output>/explanations/index.jsonl         a line for each label explained; joins to the rows by file_name and row
<output>/explanations/000042-photo.png    and -overlay.png, .npy; see `explaining.writing`
<output>/explanations/explanations.json   the method, its settings, what auto compared
<output>/.batch/explained.jsonl           the rows that are done, in order: what a process that goes on skips
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tintype.batch.pace import Pace
from tintype.batch.scoring import Scored
from tintype.batch.second_pass import BatchAtWork, Found, SecondPass, choose_rows
from tintype.errors import ModelError, UsageError
from tintype.explaining.automatic import MOST_TRIED
from tintype.explaining.explainer import Explainer
from tintype.explaining.methods import find_method
from tintype.explaining.targets import Targets
from tintype.explaining.writing import shown_explanation, stem_of, write_explanation
from tintype.files import output_errors, write_json
from tintype.jobs.explanations import ChosenMethod, check_explains, chosen_method, cost_of
from tintype.progress import counting
from tintype.schemas.explanation_settings import BatchExplanations
from tintype.schemas.task import ZERO_SHOT
from tintype.scoring.results import Prediction

__all__ = ["FOLDER", "ExplainRows"]

FOLDER = "explanations"
"""In the output of a batch."""

# Rows that are looked at for pictures on which auto compares the methods.
_LOOKED_AT = 4 * MOST_TRIED

# Explained pictures that the report shows.
_SHOWN = 24

# What failed, and is told in the report.
_FAILURES = 20


class ExplainRows(SecondPass):
    """Explains some rows of a batch, each once, whatever ends the process.

    >>> run_batch("my-model", {"input": "photos"}, Path("out"),          # doctest: +SKIP
    ...           second_pass=ExplainRows(BatchExplanations(method="xrai")))
    """

    def __init__(
        self, settings: BatchExplanations, tell: Callable[[str], object] = lambda line: None
    ) -> None:
        """
        Args:
            tell: receives a sentence about what it will cost, before any row is scored.
        """
        self.settings = settings
        self._tell = tell
        self._work: _Work | None = None
        if settings.which == "least_certain" and settings.rows != "all":
            self.least_certain = settings.rows

    @property
    def identity(self) -> dict[str, Any]:
        """See `SecondPass`."""
        return {"explain": self.settings.model_dump(mode="json", exclude_defaults=True)}

    def prepare(self, batch: BatchAtWork) -> None:
        """See `SecondPass`; the method is chosen here, and kept for the whole batch."""
        settings, scorer = self.settings, batch.scorer
        check_explains(scorer, settings)
        if scorer.task != ZERO_SHOT:
            Targets(scorer).check(settings.target)
        explainer = Explainer(scorer)
        # What it went through before it was ended was made by this method.
        chosen = _read_chosen(batch.work)
        if chosen is None:
            chosen = self._choose(explainer, batch)
            _write_chosen(batch.work, chosen)
        rows = batch.plan.rows
        count = rows if settings.rows == "all" else min(settings.rows, rows)
        done = _log_of(batch).clear_unfinished()
        what = f"{count:,} of {rows:,} rows" + f", {done:,} done," * bool(done)
        maps = (count - done) * max(1, len(settings.target))
        self._tell(cost_of(explainer, chosen.method, settings, maps, what))
        self._work = _Work(explainer, chosen, settings)

    def run(self, batch: BatchAtWork) -> Found:
        """See `SecondPass`."""
        assert self._work is not None
        work, folder = self._work, batch.output / FOLDER
        numbers = choose_rows(batch, self.settings.rows, self.settings.which)
        log = _log_of(batch)
        done = log.clear_unfinished()
        shown = set(np.linspace(0, len(numbers) - 1, _SHOWN).round().astype(int).tolist())
        pages = batch.work / "explained"
        with counting("explaining", len(numbers), done) as bar:
            pace = Pace(len(numbers), done, batch.tell, bar, "rows explained")
            remaining = batch.scored_again(numbers[done:])
            for place, (number, scored, pixels) in enumerate(remaining, done):
                batch.check()
                page = pages / f"{place:09}.json" if place in shown else None
                log.append(work.explain(number, scored, pixels, folder, page))
                pace.advance(1)
        return self._found(work, log, folder, pages)

    def _choose(self, explainer: Explainer, batch: BatchAtWork) -> ChosenMethod:
        """Auto compares on the first pictures that can be read: of those that are explained, where these are
        known before all rows are scored."""
        settings = self.settings
        pixels: list[np.ndarray] = []
        targets: Targets | None = None
        if settings.method == "auto":
            early = settings.which != "least_certain"
            numbers = choose_rows(batch, settings.rows if early else "all", settings.which)
            for _, scored, image in batch.scored_again(list(islice(numbers, _LOOKED_AT))):
                if image is None or not isinstance(scored.result, Prediction):
                    continue
                if targets is None and set(settings.target) <= set(scored.result.labels):
                    targets = _targets(explainer, scored.result)
                # Zero-shot, the labels may differ from file to file.
                if targets is not None and targets.labels == scored.result.labels:
                    pixels.append(image)
        return chosen_method(explainer, settings, pixels[:MOST_TRIED], targets, settings.target)

    def _found(self, work: _Work, log: _RowLog, folder: Path, pages: Path) -> Found:
        """Put together what was done; may be ended and begun anew."""
        explained = failed = 0
        failures: list[str] = []
        partial = log.path.with_name("index.jsonl")
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8") as stream:
                for lines in log:
                    for line in lines:
                        stream.write(json.dumps(line) + "\n")
                    if "error" not in lines[0]:
                        explained += 1
                        continue
                    failed += 1
                    if len(failures) < _FAILURES:
                        name = f"{lines[0]['file_name']} ({lines[0]['row']})"
                        failures.append(f"{name}: {lines[0]['error']}")
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(folder / "index.jsonl")
        method = work.chosen.method
        facts = {
            "method": method.name,
            "detail": method.detail,
            "rows": explained,
            "failed": failed,
        }
        settings = self.settings.model_dump(mode="json", exclude={"method"})
        compared = {"compared": work.chosen.compared} if work.chosen.compared else {}
        write_json(folder / "explanations.json", {**facts, "settings": settings, **compared})
        return Found(
            summary={**facts, "folder": FOLDER},
            page={
                "method": method.name,
                "detail": method.detail,
                "pictures": [
                    json.loads(path.read_text("utf-8")) for path in sorted(pages.glob("[!.]*.json"))
                ],
                "failures": failures,
            },
        )


class _Work:
    """Explains row after row."""

    def __init__(
        self, explainer: Explainer, chosen: ChosenMethod, settings: BatchExplanations
    ) -> None:
        self._explainer = explainer
        self.chosen = chosen
        self._settings = settings
        self._options = settings.options()
        self._targets: Targets | None = None

    def explain(
        self,
        number: int,
        scored: Scored,
        pixels: np.ndarray | None,
        folder: Path,
        page: Path | None,
    ) -> list[dict[str, Any]]:
        """The lines of the index for one row; its files are in `folder`, and, for the report, in `page`."""
        key: dict[str, Any] = {"file_name": scored.file, "row": scored.number}
        if scored.location is not None:
            key["image"] = scored.location
        if pixels is None or not isinstance(scored.result, Prediction):
            return [{**key, "error": scored.error or "there is no image in this row"}]
        targets, names = self._targets_of(scored.result), self._settings.target
        try:
            targets.check(names)
        except UsageError as error:
            return [{**key, "error": str(error)}]
        try:
            found = self._explainer.explain_pixels(
                pixels, self.chosen.method, targets, names, self._options
            )
        except (ModelError, RuntimeError, MemoryError) as error:
            return [{**key, "error": str(error)}]
        written = write_explanation(
            found,
            folder,
            stem_of(number, scored.file, digits=6),
            arrays=self._settings.attributions,
        )
        if page is not None and found.attributions:
            write_json(page, shown_explanation(found, f"{scored.file} ({scored.number})").data())
        # Of a multi-label model without a label at the threshold, one line says so.
        return [{**key, **each} for each in written["explained"] or [{"label": None}]]

    def _targets_of(self, prediction: Prediction) -> Targets:
        if self._targets is None or self._targets.labels != prediction.labels:
            self._targets = _targets(self._explainer, prediction)
        return self._targets


class _RowLog:
    """Rows that are done, in order, each a line with its lines of the index as JSON."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        if self.path.exists():
            with self.path.open("rb") as stream:
                for line in stream:
                    yield json.loads(line)

    def clear_unfinished(self) -> int:
        """Cut off the line that a process was killed in; how many there are."""
        whole = count = 0
        if not self.path.exists():
            return 0
        with output_errors(self.path), self.path.open("r+b") as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    whole += len(line)
                    count += 1
            stream.truncate(whole)
        return count

    def append(self, lines: Sequence[dict[str, Any]]) -> None:
        """One more row is done: it counts once the disk has the line.

        Raises:
            OutputError: the disk is full or gone.
        """
        with output_errors(self.path), self.path.open("ab") as stream:
            stream.write(json.dumps(lines).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _targets(explainer: Explainer, prediction: Prediction) -> Targets:
    zero_shot = explainer.scorer.task == ZERO_SHOT
    return Targets(explainer.scorer, labels=prediction.labels if zero_shot else None)


def _log_of(batch: BatchAtWork) -> _RowLog:
    return _RowLog(batch.work / "explained.jsonl")


def _read_chosen(work: Path) -> ChosenMethod | None:
    """The method of a batch that was ended; None where none was chosen."""
    try:
        content = json.loads((work / "explanations.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return ChosenMethod(find_method(content["method"]), content["compared"])


def _write_chosen(work: Path, chosen: ChosenMethod) -> None:
    write_json(
        work / "explanations.json", {"method": chosen.method.name, "compared": chosen.compared}
    )
