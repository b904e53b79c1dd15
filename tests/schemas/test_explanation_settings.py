"""`explain` of batches and evaluations: short forms, defaults, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tintype.errors import DocumentError
from tintype.schemas.batch_job import BatchJob, read_batch_job
from tintype.schemas.document import Document, parse_yaml
from tintype.schemas.evaluation_job import EvaluationJob, read_evaluation_job
from tintype.schemas.explanation import ExplanationOptions
from tintype.schemas.explanation_settings import BatchExplanations


def batch_job(explain: str) -> BatchJob:
    text = f"type: batch\nmodel: m\ninput: photos\nexplain: {explain}\n"
    return read_batch_job(parse_yaml(text, Path("job.yml")), Path("/data"))


def test_short_forms() -> None:
    assert batch_job("xrai").explain == BatchExplanations(method="xrai")
    assert batch_job("true").explain == BatchExplanations()
    assert batch_job("false").explain is None
    found = batch_job("{method: rise, masks: 10, rows: all, target: can}").explain
    assert found is not None
    assert (found.rows, found.target) == ("all", ["can"])
    assert found.options() == ExplanationOptions(masks=10)


def test_a_document_keeps_it_through_json() -> None:
    job = batch_job("true")
    content = job.model_dump(mode="json", exclude_unset=True)
    assert BatchJob.model_validate(content).explain == BatchExplanations()


@pytest.mark.parametrize(
    ("explain", "told"),
    [
        ("xray", "job.yml:4: explain: 'xray' given; expected .* Did you mean 'xrai'"),
        ("{rows: 0}", "explain.rows: 0 given; expected a number from 1 on, or all"),
        ("{rows: some}", "explain.rows: 'some' given; expected a number"),
        ("{rows: true}", "explain.rows: True given; expected a number"),
        ("{rows: all, which: first}", "which given, and rows is all"),
        ("{n_steps: 1}", "explain.n_steps: 1 given; expected greater than or equal to 2"),
        ("{step: 5}", "explain.step: unknown key"),
        ("{which: doubtful}", "explain.which: 'doubtful' given; expected 'evenly'"),
        ("3", "explain: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(explain: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        batch_job(explain)


@pytest.mark.parametrize("rows", [0, 25])
def test_a_page_has_room_for_so_many_mistakes(rows: Any) -> None:
    job = {"type": "evaluation", "model": "m", "test_data": {"path": "d"}}
    document = Document({**job, "explain": {"rows": rows}})
    with pytest.raises(DocumentError, match=r"explain\.rows"):
        read_evaluation_job(document, Path("/data"))
    assert isinstance(read_evaluation_job(Document(job), Path("/data")), EvaluationJob)
