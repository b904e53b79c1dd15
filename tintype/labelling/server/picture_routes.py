"""Routes of pictures: pages of a filter, files, history; tasks, actions, undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection, select

from tintype.errors import RequestError
from tintype.labelling.actions import Action, Recorded
from tintype.labelling.doing import do_action, redo, undo
from tintype.labelling.handing_out import give_back, hand_out
from tintype.labelling.labels import named_label
from tintype.labelling.people import allows, known_person
from tintype.labelling.pictures import (
    Picture,
    PictureFilter,
    answers_to,
    history_of,
    page_of,
    picture_of,
    pictures_of,
)
from tintype.labelling.projects import Project
from tintype.labelling.server.answers import (
    ActionAnswer,
    PageAnswer,
    PicturesAnswer,
    PictureWithHistoryAnswer,
    json_answer,
)
from tintype.labelling.server.bodies import ActionBody, ReversalBody, TasksBody
from tintype.labelling.server.proposals import proposals_for
from tintype.labelling.server.shown_pictures import SIDES, picture_bytes, thumbnail_bytes
from tintype.labelling.server.visitors import Access, as_labeller
from tintype.labelling.tables import PictureRow

__all__ = ["router"]

router = APIRouter(prefix="/api/projects/{name}", tags=["pictures"])

AsLabeller = Annotated[Access, Depends(as_labeller)]

State = Literal["unlabelled", "labelled", "skipped", "needs_review", "completed"]

# What only a reviewer does.
_REVIEWS = ("accept", "change", "reject")

# A picture by its id and stamp never changes; people who may not see it have no cookie for it.
_KEPT = {"cache-control": "private, max-age=3600"}


@router.get("/pictures", response_model=PageAnswer)
def list_pictures(
    access: AsLabeller,
    id: Annotated[list[int], Query(max_length=500)] = [],  # noqa: B006
    state: Annotated[list[State], Query()] = [],  # noqa: B006
    label: str | None = None,
    how: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006
    person: str | None = None,
    flagged: bool | None = None,
    fault: bool | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The next pictures of a filter whose ids are above `after`; `next` is where to go on. With `id`:
    those pictures, in that order."""
    with access.database.reading() as connection:
        if id:
            found = pictures_of(connection, access.project, id)
            return json_answer({"pictures": _with_answers(connection, access, found), "next": None})
        chosen = PictureFilter(
            states=tuple(state),
            label=None if label is None else named_label(access.project.labels, label).id,
            hows=tuple(how),
            person=None if person is None else known_person(connection, person),
            flagged=flagged,
            fault=fault,
        )
        page = page_of(connection, access.project, chosen, after=after, limit=limit)
        shown = _with_answers(connection, access, page)
    return json_answer({"pictures": shown, "next": page[-1].id if len(page) == limit else None})


@router.get("/pictures/{number}", response_model=PictureWithHistoryAnswer)
def show_picture(access: AsLabeller, number: int) -> dict[str, Any]:
    """One picture, what is proposed for it, and its history, comments among it."""
    with access.database.reading() as connection:
        picture = picture_of(connection, access.project, number)
        history = history_of(connection, access.project, number)
        return {**_with_answers(connection, access, [picture])[0], "history": history}


@router.get("/pictures/{number}/image", response_class=Response)
def show_image(access: AsLabeller, number: int) -> Response:
    """The picture in full."""
    with access.database.reading() as connection:
        location = picture_of(connection, access.project, number).location
    content, media_type = picture_bytes(location)
    return Response(content, media_type=media_type, headers=_KEPT)


@router.get("/pictures/{number}/thumbnail", response_class=Response)
def show_thumbnail(access: AsLabeller, number: int, side: int = 256) -> Response:
    """The picture as a JPEG of at most `side` pixels a side: 128, 256, 512 or 1024."""
    if side not in SIDES:
        raise RequestError(f"side={side}: expected one of {', '.join(map(str, SIDES))}")
    with access.database.reading() as connection:
        location = picture_of(connection, access.project, number).location
        stamp = connection.execute(
            select(PictureRow.size, PictureRow.modified_ns).where(PictureRow.id == number)
        ).one()
    content = thumbnail_bytes(location, f"{stamp[0]}-{stamp[1]}", side)
    return Response(content, media_type="image/jpeg", headers=_KEPT)


@router.post("/tasks", response_model=PicturesAnswer)
def hand_out_tasks(access: AsLabeller, body: TasksBody) -> Response:
    """Pictures to label next, first those that the person has before them already; held for a
    quarter of an hour."""
    assistant = access.labelling.assistants.of(access.project.name)
    order = [] if assistant is None else assistant.order(body.order)
    with access.database.writing() as connection:
        numbers = hand_out(connection, access.project, access.visitor.id, body.count, order)
    with access.database.reading() as connection:
        found = pictures_of(connection, access.project, numbers)
        return json_answer({"pictures": _shown(connection, access, found)})


@router.delete("/tasks", response_model=PicturesAnswer)
def give_tasks_back(access: AsLabeller) -> dict[str, Any]:
    """Give back what is not answered, for others to have."""
    with access.database.writing() as connection:
        give_back(connection, access.project, access.visitor.id)
    return {"pictures": []}


@router.post("/actions", response_model=ActionAnswer)
def act(access: AsLabeller, body: ActionBody) -> Response:
    """Label, skip, clear, flag, comment or review; saved when it is answered. 409: look again."""
    if body.kind in _REVIEWS and not allows(access.role, "reviewer"):
        raise RequestError(f"that is for a reviewer; you are {access.role}", status=403)
    ids = {label.name: label.id for label in access.project.labels}
    labels: Sequence[int] | Mapping[int, Sequence[int]] = _ids(body.labels, ids)
    if body.labels_by_picture is not None:
        labels = {number: _ids(given, ids) for number, given in body.labels_by_picture.items()}
    action = Action(
        body.client_id,
        body.kind,
        body.pictures,
        labels,
        how=body.how,
        text=body.text,
        seconds=body.seconds,
        revisions=body.revisions,
    )
    return _done(access, do_action, action)


@router.post("/undo", response_model=ActionAnswer)
def undo_last(access: AsLabeller, body: ReversalBody) -> Response:
    """Take back the last action of whoever asks; again, the one before it."""
    return _done(access, undo, body.client_id)


@router.post("/redo", response_model=ActionAnswer)
def redo_last(access: AsLabeller, body: ReversalBody) -> Response:
    """Do again what was undone last."""
    return _done(access, redo, body.client_id)


def _done(access: Access, how: Callable[..., Recorded], what: Action | str) -> Response:
    """`what` done by whoever asks; the assistant looks at it."""
    done = how(access.database, access.project, access.visitor.id, what)
    access.labelling.assistants.wake()
    return json_answer(_recorded(done, access.project))


def _ids(names: Sequence[str], ids: Mapping[str, int]) -> list[int]:
    unknown = next((name for name in names if name not in ids), None)
    if unknown is not None:
        raise RequestError(
            f"the project has no label {unknown!r}; it may have been removed: load it again",
            status=404,
        )
    return [ids[name] for name in names]


def _shown(
    connection: Connection, access: Access, pictures: Sequence[Picture]
) -> list[dict[str, Any]]:
    """Pictures with what is proposed for them."""
    names = {label.id: label.name for label in access.project.labels}
    numbers = [picture.id for picture in pictures]
    proposed = proposals_for(connection, access.project, access.labelling.assistants, numbers)
    return [
        {**picture.shown(names), "suggestion": proposed.get(picture.id)} for picture in pictures
    ]


def _with_answers(
    connection: Connection, access: Access, pictures: Sequence[Picture]
) -> list[dict[str, Any]]:
    """As `_shown`; to reviewers with what each person said."""
    shown = _shown(connection, access, pictures)
    if not allows(access.role, "reviewer"):
        return shown
    names = {label.id: label.name for label in access.project.labels}
    given = answers_to(connection, [picture.id for picture in pictures])
    return [
        {**one, "answers": [answer.shown(names) for answer in given.get(one["id"], [])]}
        for one in shown
    ]


def _recorded(done: Recorded, project: Project) -> dict[str, Any]:
    names = {label.id: label.name for label in project.labels}
    return {
        "action": done.action_id,
        "kind": done.kind,
        "repeated": done.repeated,
        "conflicts": list(done.conflicts),
        "pictures": [
            {
                "id": picture.id,
                "state": picture.state,
                "labels": [names[label] for label in picture.labels if label in names],
                "flagged": picture.flagged,
                "revision": picture.revision,
            }
            for picture in done.pictures
        ],
    }
