"""The walk *batch*: inputs and a model become predictions on disk, each row exactly once.

    <output>/predictions.csv, predictions.jsonl, or predictions/part-*.parquet
    <output>/errors.jsonl       rows without an answer, and why (only where there are any)
    <output>/summary.json, index.html
    <output>/explanations/      where a second pass makes them
    <output>/.batch/            plan and shards while it is under way; gone when it is done

A batch that was ended in any way goes on from its last committed shard when it is run again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tintype.batch.merging import merge_errors, merge_rows
from tintype.batch.options import BatchOptions
from tintype.batch.pace import Pace
from tintype.batch.plan import Plan, check_unchanged, load_plan, make_plan
from tintype.batch.ray_scoring import score_on_ray
from tintype.batch.report import write_report
from tintype.batch.scoring import ScoredBatch
from tintype.batch.second_pass import BatchAtWork, Found, SecondPass
from tintype.batch.shard_scoring import described, score_shards
from tintype.batch.shards import ShardFacts, ShardStore
from tintype.batch.summary import BatchSummary, FailedFiles, summarize
from tintype.batch.writers import csv_header
from tintype.errors import RunCancelled, RunFailed, UsageError
from tintype.files import locked_folder, write_json
from tintype.progress import counting
from tintype.schemas.scorer_options import ScorerOptions
from tintype.scoring.scorer import Scorer

__all__ = ["run_batch"]


def run_batch(
    model: str,
    inputs: Mapping[str, str],
    output: Path,
    *,
    options: BatchOptions | None = None,
    scoring: ScorerOptions | None = None,
    scorer: Scorer | None = None,
    second_pass: SecondPass | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], object] = lambda line: None,
) -> BatchSummary:
    """Score every image of `inputs`, or go on where an earlier call with the same arguments ended.

    Args:
        model: what `Scorer.load` takes.
        inputs: references by name; see `inputs.find_inputs`.
        output: folder, made when it is not there.
        scoring: what `Scorer.load` is told beside the model.
        scorer: what `model` and `scoring` give, where it is loaded already.
        second_pass: what is done with some rows once all are scored.
        cancelled: asked after every batch of images.
        tell: receives a line about the progress every 15 seconds.

    Raises:
        UsageError: the folder holds something else, or the model or an input cannot be used.
        RunFailed: more input files failed than `error_threshold` allows.
        RunCancelled: `cancelled` said so; what was committed stays.
        OutputError: the disk is full or gone; what was committed stays.
    """
    options = options or BatchOptions()
    scoring = scoring or ScorerOptions()
    identity = {
        "model": model,
        "weights": _stamp(Path(model)),
        "inputs": dict(inputs),
        **scoring.identity(),
        **options.identity(),
    }
    if second_pass is not None:
        identity |= second_pass.identity
        options = replace(options, least_certain=second_pass.least_certain)
    finished = _finished(output, identity)
    work = output / ".batch"
    if finished is not None:
        tell(f"{output} is complete already")
        # Left by a process that was killed in its very last moment.
        shutil.rmtree(work, ignore_errors=True)
        return finished
    with locked_folder(work):
        batch = _Batch(
            output, work, options, identity, scoring, scorer, second_pass, cancelled, tell
        )
        summary = batch.run()
    shutil.rmtree(work, ignore_errors=True)
    return summary


def _finished(output: Path, identity: dict[str, Any]) -> BatchSummary | None:
    """The summary of this very batch, where the folder holds it complete.

    Raises:
        UsageError: it holds another one, or something else.
    """
    target = _target(output, identity)
    try:
        content = json.loads((output / "summary.json").read_text("utf-8"))
        identity_there = content["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        if target.exists() and not (output / ".batch" / "plan.json").exists():
            raise UsageError(
                f"{target} exists, and is not of a batch that could be gone on with; remove it or "
                "choose another output folder"
            ) from None
        return None
    if identity_there != identity:
        raise UsageError(
            f"{output} holds a batch with {_difference(identity_there, identity)}; choose another output folder"
        )
    return BatchSummary.of_content(content)


def _stamp(model: Path) -> list[list[Any]]:
    """Names, sizes and times of change of a folder's weights; empty for a name on the Hub."""
    if not model.is_dir():
        return []
    files = sorted(model.rglob("*.safetensors"))
    stats = [(str(path.relative_to(model)), path.stat()) for path in files]
    return [[name, status.st_size, status.st_mtime_ns] for name, status in stats]


def _target(output: Path, identity: dict[str, Any]) -> Path:
    return output / ("predictions" if identity["form"] == "parquet" else identity["file_name"])


def _difference(there: dict[str, Any], wanted: dict[str, Any]) -> str:
    """What of two identities is not the same, in words."""
    keys = [key for key in {**wanted, **there} if there.get(key) != wanted.get(key)]
    return ", ".join(f"{key} {there.get(key)!r} (now {wanted.get(key)!r})" for key in keys[:3])


class _Batch:
    """One call of `run_batch`."""

    def __init__(
        self,
        output: Path,
        work: Path,
        options: BatchOptions,
        identity: dict[str, Any],
        scoring: ScorerOptions,
        scorer: Scorer | None,
        second_pass: SecondPass | None,
        cancelled: Callable[[], bool],
        tell: Callable[[str], object],
    ) -> None:
        self._given = scorer
        self._second_pass = second_pass
        self._output = output
        self._work = work
        self._options = options
        self._identity = identity
        self._scoring = scoring
        self._cancelled = cancelled
        self._tell = tell
        self._target = _target(output, identity)
        data = self._target if options.form == "parquet" else work / "rows"
        self._store = ShardStore(data, work, options.form, options.writes_rows)
        self._failed = FailedFiles()

    def run(self) -> BatchSummary:
        local = self._options.compute == "local"
        # On Ray, actors hold the model; a second pass is made here.
        scorer = self._scorer() if local or self._second_pass is not None else None
        plan = self._plan()
        at_work = None
        if self._second_pass is not None and scorer is not None:
            at_work = BatchAtWork(
                scorer,
                plan,
                self._work,
                self._output,
                self._options,
                self._check_cancelled,
                self._tell,
                lambda: self._facts(plan),
            )
            self._second_pass.prepare(at_work)
        self._store.clear_unfinished()
        pending = [shard for shard in plan.shards if not self._store.is_committed(shard.number)]
        for facts in self._facts(plan):
            self._failed.add_shard(facts)
        done = plan.rows - sum(shard.rows for shard in pending)
        self._tell(f"{plan.rows:,} rows in {plan.files:,} files" + f", {done:,} done" * bool(done))
        with counting("scoring", plan.rows, done) as bar:
            pace = Pace(plan.rows, done, self._tell, bar)
            if local and scorer is not None:
                self._describe(scorer)

                def watch(batch: ScoredBatch) -> None:
                    self._watch_rows(batch)
                    pace.advance(len(batch.rows))

                for _ in score_shards(scorer, pending, self._store, plan, self._options, watch):
                    pass
            elif pending:
                for facts in score_on_ray(
                    self._identity["model"],
                    self._scoring,
                    pending,
                    self._store,
                    plan,
                    self._options,
                ):
                    self._failed.add_shard(facts)
                    self._check()
                    pace.advance(facts.rows)
        return self._finish(plan, at_work)

    def _scorer(self) -> Scorer:
        return self._given or Scorer.load(self._identity["model"], self._scoring)

    def _plan(self) -> Plan:
        plan = load_plan(self._work)
        if plan is None:
            return make_plan(
                self._identity["inputs"],
                self._work,
                batch_size=self._scoring.batch_size,
                shard_rows=self._options.shard_rows,
                identity=self._identity,
            )
        if plan.identity != self._identity:
            raise UsageError(
                f"{self._output} was begun with {_difference(plan.identity, self._identity)}; run "
                "it again as it was, or choose another output folder"
            )
        check_unchanged(self._work)
        return plan

    def _describe(self, scorer: Scorer) -> None:
        """Note what runs; rows of two kinds of arithmetic do not belong in one output.

        Raises:
            UsageError: the rows so far were made by something else.
        """
        path, now = self._work / "scorer.json", described(scorer)
        before = _read_json(path)
        for key in ("runtime", "precision", "device"):
            if before and before[key] != now[key]:
                raise UsageError(
                    f"{self._output} was begun with {key} {before[key]}, and now it is {now[key]}: "
                    f"say --{key} {before[key]}, or choose another output folder"
                )
        write_json(path, now)

    def _facts(self, plan: Plan) -> Iterator[ShardFacts]:
        """Of every shard that is committed, in order."""
        for shard in plan.shards:
            facts = self._store.facts(shard.number)
            if facts is not None:
                yield facts

    def _watch_rows(self, batch: ScoredBatch) -> None:
        for scored in batch.rows:
            if scored.error is not None:
                self._failed.add(scored.file)
        self._check()

    def _check(self) -> None:
        threshold = self._options.error_threshold
        if 0 <= threshold < self._failed.count:
            raise RunFailed(
                f"{self._failed.count} input files failed, and error_threshold allows {threshold}; "
                f"what was done is kept in {self._work}: run it again with a higher threshold"
            )
        self._check_cancelled()

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise RunCancelled(
                f"the batch was asked to stop; run it again to go on: {self._output}"
            )

    def _finish(self, plan: Plan, at_work: BatchAtWork | None) -> BatchSummary:
        """Put the shards together and say what came of them; may be ended and begun anew."""
        scorer = _read_json(self._work / "scorer.json")
        merge_errors(self._facts(plan), self._work, self._output / "errors.jsonl")
        if self._options.writes_rows and self._options.form != "parquet":
            header = b""
            if self._options.form == "csv" and self._options.header:
                images, texts = plan.embedded(reads_text=scorer["reads_text"])
                header = csv_header(scorer["task"], images=images, texts=texts)
            parts = [self._store.path(shard.number) for shard in plan.shards]
            merge_rows(parts, self._work, self._target, header)
        found = Found()
        if self._second_pass is not None and at_work is not None:
            found = self._second_pass.run(at_work)
        summary = summarize(
            plan,
            self._facts(plan),
            scorer=scorer,
            output=self._target.name if self._options.writes_rows else "",
            explanations=found.summary,
        )
        write_report(self._output / "index.html", summary, self._facts(plan), found.page)
        # Last: with this the batch is done.
        write_json(self._output / "summary.json", summary.content())
        return summary


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content
