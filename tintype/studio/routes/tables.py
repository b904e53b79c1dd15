"""Routes of a table of pictures: what it is, rows of a filter, how labels are distributed among them."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel

from tintype.errors import RequestError
from tintype.studio.routes.table_answers import (
    OpenedOf,
    ProgressAnswer,
    RowAnswer,
    RowsBody,
    WantedOf,
)
from tintype.studio.state import StudioOf
from tintype.studio.tables.inspection import Inspection
from tintype.studio.tables.kept import STAGES, key_of
from tintype.studio.tables.opened import OpenTable

__all__ = ["router", "rows_shown"]

router = APIRouter(prefix="/api/table", tags=["data"])

# Labels of one answer, the most frequent ones.
_MOST_LABELS = 1_000


class SummaryAnswer(BaseModel):
    """What a table that was read holds."""

    rows: int
    labels: int
    """How many different ones there are, predictions included."""
    multilabel: bool
    splits: dict[str, int]
    predictions: bool
    """Whether any row has one."""
    notices: list[str]
    faults: int
    """Pictures that cannot be shown, as far as is known."""
    near_duplicates: int | None
    """How many groups of them there are; None before the table was inspected."""
    mapped: str | None
    """How the map was made, pca or t-sne; None before there is one."""


class TableAnswer(BaseModel):
    """A table, and how far the work on it is."""

    of: str
    title: str
    command: str
    """What says the same in the command line."""
    key: str
    """Of these row numbers: requests that give it are refused once the table has changed. The topic
    `table:KEY` tells when the work on it goes on."""
    labelling_project: str | None
    """Whose labels it is, where it is the data asset of an export."""
    summary: SummaryAnswer | None
    """None until it was read."""
    work: dict[Literal["reading", "inspection", "map"], ProgressAnswer | None]


class RowsAnswer(BaseModel):
    """Some rows of a filter."""

    rows: list[RowAnswer]
    total: int
    key: str


class LabelCountAnswer(BaseModel):
    """A label, and how many pictures have it."""

    label: str
    count: int


class BalanceAnswer(BaseModel):
    """How labels and splits are distributed among the rows of a filter."""

    rows: int
    labels: list[LabelCountAnswer]
    """The most frequent first; those that no row of the table has are left out."""
    more: int
    """Labels left out of the list."""
    unlabelled: int
    splits: dict[str, int]


class SelectionAnswer(BaseModel):
    """A selection, by the name that filters know it by."""

    selection: str
    rows: int


@router.get("", response_model=TableAnswer)
def show_table(studio: StudioOf, of: str) -> dict[str, Any]:
    """What a table is; it begins to be read where it was not yet. `of`: asset:NAME:VERSION, run:NAME:INPUT (or
    run:NAME:predictions), folder:FOLDER."""
    source, folder, opened = studio.tables.look(of)
    work = {stage: studio.tables.progress(stage, folder) for stage in STAGES}
    return {
        "of": of,
        "title": source.title,
        "command": source.command,
        "key": key_of(folder),
        "labelling_project": source.labelling_project,
        "summary": None if opened is None else _summary(opened),
        "work": {stage: None if told is None else asdict(told) for stage, told in work.items()},
    }


@router.post("/reading", response_model=TableAnswer)
def read_again(studio: StudioOf, of: str) -> dict[str, Any]:
    """Read a table again that could not be read."""
    source, folder, opened = studio.tables.look(of)
    if opened is None:
        studio.tables.work.begin("reading", source, folder)
    return show_table(studio, of)


@router.get("/rows", response_model=RowsAnswer)
def list_rows(
    opened: OpenedOf,
    wanted: WantedOf,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Rows of a filter by their numbers. `wrong`: the prediction is none of the labels; `least` and `most` bound
    its confidence; `text` is a part of the name; `selection` comes from POST /api/table/selections."""
    rows = opened.rows(wanted.filter, wanted.selection)
    shown = rows_shown(opened, rows[offset : offset + limit].tolist())
    return {"rows": shown, "total": len(rows), "key": opened.key}


@router.get("/balance", response_model=BalanceAnswer)
def show_balance(opened: OpenedOf, wanted: WantedOf) -> dict[str, Any]:
    """How many of the rows of a filter have which label, and are of which split."""
    table = opened.table
    rows = opened.rows(wanted.filter, wanted.selection)
    counts = table.balance(rows)
    # In the order of the whole table, so that bars stay where they are while it is filtered.
    whole = counts if len(rows) == len(table) else table.balance(np.arange(len(table)))
    order = np.argsort(-whole, kind="stable")
    order = order[whole[order] > 0]
    return {
        "rows": len(rows),
        "labels": [
            {"label": table.classes[code], "count": int(counts[code])}
            for code in order[:_MOST_LABELS].tolist()
        ],
        "more": max(0, len(order) - _MOST_LABELS),
        "unlabelled": int((table.first_codes(rows) < 0).sum()),
        "splits": table.split_counts(rows),
    }


@router.post("/selections", response_model=SelectionAnswer)
def select(opened: OpenedOf, body: RowsBody) -> dict[str, Any]:
    """Keep rows as a selection, which filters take by its name."""
    return {"selection": opened.select(body.rows), "rows": len(set(body.rows))}


def rows_shown(opened: OpenTable, rows: list[int]) -> list[dict[str, Any]]:
    """Rows as answers have them, each with its tiny copy where there is one."""
    inspection = opened.inspection
    try:
        return [
            {
                **opened.table.shown(row),
                "fault": opened.fault(row),
                "tiny": _tiny(inspection, row),
            }
            for row in rows
        ]
    except FileNotFoundError:
        # Read anew, and the columns of before are gone.
        raise RequestError("the table has changed since; load the page again", status=409) from None


def _tiny(inspection: Inspection | None, row: int) -> str | None:
    if inspection is None or row in inspection.damaged:
        return None
    return base64.b64encode(inspection.tiny[row][::-1, :, ::-1].tobytes()).decode()


def _summary(opened: OpenTable) -> dict[str, Any]:
    table, inspection, found = opened.table, opened.inspection, opened.map
    faulty = table.faulty()
    if inspection is not None:
        faulty[inspection.damaged_rows] = True
    return {
        "rows": len(table),
        "labels": len(table.classes),
        "multilabel": table.multilabel,
        "splits": table.split_counts(np.arange(len(table))),
        "predictions": table.has_predictions,
        "notices": table.notices,
        "faults": int(faulty.sum()),
        "near_duplicates": None if inspection is None else len(inspection.groups),
        "mapped": None if found is None else found.method,
    }
