"""Routes of what is found out of a table: near-duplicates, damaged pictures, the map of embeddings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tintype.errors import RequestError
from tintype.models.catalog import find_card
from tintype.schemas.labelling_project import DEFAULT_MODEL
from tintype.studio.routes.table_answers import OpenedOf, ProgressAnswer, RowAnswer
from tintype.studio.routes.tables import rows_shown
from tintype.studio.state import Studio, StudioOf
from tintype.studio.tables.kept import Progress, Stage
from tintype.studio.tables.opened import OpenTable

__all__ = ["router"]

router = APIRouter(prefix="/api/table", tags=["data"])

# Pictures of a group that one answer has.
_MOST_SHOWN = 60


class MapBody(BaseModel):
    """How a map is to be made."""

    model: str = DEFAULT_MODEL
    """A checkpoint of the catalog, whose features are compared."""


class GroupAnswer(BaseModel):
    """Pictures that are nearly the same."""

    count: int
    pictures: list[RowAnswer]
    """Some of them, where there are many."""
    alike: list[float]
    """How each correlates with the one of the group that is most like it, 0 to 1."""
    labels: int
    """How many different labels they have: more than one is a mistake, mostly."""
    splits: int
    """How many different splits they are of: more than one makes metrics too good."""


class GroupsAnswer(BaseModel):
    """Groups of near-duplicates, the largest first."""

    groups: list[GroupAnswer]
    total: int
    pictures: int
    """In all groups."""


class MapAnswer(BaseModel):
    """Where pictures stand."""

    method: Literal["pca", "t-sne"]
    model: str
    rows: list[int]
    x: list[float]
    """From 0 to 1."""
    y: list[float]
    labels: list[int]
    """The place in `names` of each picture's first label; -1: none."""
    predictions: list[int]
    splits: list[int]
    names: list[str]
    split_names: list[str]
    of: int
    """Rows of the whole table, of which the map shows a sample where they are more."""


@router.post("/inspection", response_model=ProgressAnswer)
def inspect(studio: StudioOf, opened: OpenedOf) -> Progress:
    """Look at every picture: which are damaged, which are nearly the same. In the background."""
    return _begun(studio, opened, "inspection")


@router.get("/near-duplicates", response_model=GroupsAnswer)
def list_near_duplicates(
    opened: OpenedOf,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Groups of pictures that are nearly the same; 409 before the table was inspected."""
    inspection = opened.inspection
    if inspection is None:
        raise RequestError("look at the pictures first: POST /api/table/inspection", status=409)
    return {
        "groups": [_group(opened, group) for group in inspection.groups[offset : offset + limit]],
        "total": len(inspection.groups),
        "pictures": len(inspection.group_of),
    }


@router.post("/map", response_model=ProgressAnswer)
def make_map(studio: StudioOf, opened: OpenedOf, body: MapBody) -> Progress:
    """Compute embeddings, of up to 5,000 pictures, and where each stands. In the background."""
    if find_card(body.model) is None:
        # No path and no name of a foreign hub comes from a request.
        raise RequestError(f"model={body.model!r} is not in the catalog: tintype model catalog")
    return _begun(studio, opened, "map", body.model)


@router.get("/map", response_model=MapAnswer)
def show_map(opened: OpenedOf) -> dict[str, Any]:
    """Where pictures stand: what looks alike is close. 404 before there is a map."""
    found = opened.map
    if found is None:
        raise RequestError("there is no map yet: POST /api/table/map", status=404)
    table = opened.table
    return {
        "method": found.method,
        "model": found.model,
        "rows": found.rows.tolist(),
        "x": found.places[:, 0].round(5).tolist(),
        "y": found.places[:, 1].round(5).tolist(),
        "labels": table.first_codes(found.rows).tolist(),
        "predictions": table.prediction_codes(found.rows).tolist(),
        "splits": table.split_codes(found.rows).tolist(),
        "names": table.classes,
        "split_names": table.splits,
        "of": len(table),
    }


def _begun(studio: Studio, opened: OpenTable, stage: Stage, model: str = "") -> Progress:
    studio.tables.work.begin(stage, opened.source, opened.folder, model)
    return studio.tables.progress(stage, opened.folder) or Progress("waiting")


def _group(opened: OpenTable, group: dict[str, Any]) -> dict[str, Any]:
    pictures = rows_shown(opened, group["rows"][:_MOST_SHOWN])
    return {
        "count": len(group["rows"]),
        "pictures": pictures,
        "alike": group["alike"][:_MOST_SHOWN],
        "labels": len({tuple(sorted(each["labels"])) for each in pictures}),
        "splits": len({each["split"] for each in pictures}),
    }
