"""What actions change about pictures: read, decided anew and written in one go, with a log of both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tintype.errors import RequestError
from tintype.labelling.decisions import Answer, Decision, decide
from tintype.labelling.projects import Project
from tintype.labelling.tables import (
    AnswerRow,
    ChangeRow,
    HandedOutRow,
    PictureLabelRow,
    PictureRow,
)

__all__ = ["Changed", "PictureState", "apply_changes", "chunks", "states_of"]

T = TypeVar("T")

# Ids or rows in one statement; both databases take more.
_CHUNK = 2_000


# Made once: every action executes these, and to build a statement takes longer than to execute it.
_ANSWERS = (
    select(
        AnswerRow.picture_id,
        AnswerRow.kind,
        AnswerRow.person_id,
        AnswerRow.skipped,
        AnswerRow.labels,
        AnswerRow.how,
        AnswerRow.at,
        AnswerRow.reason,
    )
    .where(AnswerRow.picture_id.in_(bindparam("pictures", expanding=True)))
    .with_for_update()
)
_PICTURES = (
    select(
        PictureRow.id, PictureRow.revision, PictureRow.flagged, PictureRow.state, PictureRow.labels
    )
    .where(
        PictureRow.project_id == bindparam("project"),
        PictureRow.id.in_(bindparam("pictures", expanding=True)),
    )
    # In one order, so that two who want the same pictures cannot wait for each other.
    .order_by(PictureRow.id)
    .with_for_update()
)
_ADD_CHANGES, _ADD_ANSWERS, _GIVE_LABELS = map(insert, (ChangeRow, AnswerRow, PictureLabelRow))
_TAKE_ANSWERS = delete(AnswerRow).where(
    AnswerRow.picture_id == bindparam("g_picture"),
    AnswerRow.kind == bindparam("g_kind"),
    AnswerRow.person_id == bindparam("g_person"),
)
_TAKE_HANDED_OUT = delete(HandedOutRow).where(
    HandedOutRow.picture_id == bindparam("h_picture"),
    HandedOutRow.person_id == bindparam("h_person"),
)
_TAKE_LABELS = delete(PictureLabelRow).where(PictureLabelRow.picture_id == bindparam("u_picture"))
# Values are those of each row's parameters.
_CHANGE_PICTURES = update(PictureRow.__table__).where(  # type: ignore[arg-type]
    PictureRow.__table__.c.id == bindparam("p_id")
)


@dataclass(frozen=True)
class PictureState:
    """What can be changed about a picture."""

    id: int
    revision: int
    decided: tuple[str, tuple[int, ...]]
    """State and labels as they are decided now."""
    answers: Mapping[int, Answer] = field(default_factory=dict)
    """By person."""
    verdict: Answer | None = None
    flagged: bool = False

    def content(self) -> dict[str, Any]:
        """All of it that the log keeps, by keys that can be compared one by one."""
        verdict = None if self.verdict is None else self.verdict.content()
        answers = {f"answer {key}": answer.content() for key, answer in self.answers.items()}
        return {**answers, "verdict": verdict, "flagged": self.flagged}

    def with_content(self, content: Mapping[str, Any], known: frozenset[int]) -> PictureState:
        """The state with some keys of `content` set back; labels that are not `known` are left out,
        and an answer that had no other with them."""
        answers, verdict, flagged = dict(self.answers), self.verdict, self.flagged
        for key, value in content.items():
            if key == "flagged":
                flagged = bool(value)
                continue
            answer = None if value is None else _still_known(Answer.of_content(value), known)
            if key == "verdict":
                verdict = answer
            elif answer is None:
                answers.pop(int(key.removeprefix("answer ")), None)
            else:
                answers[int(key.removeprefix("answer "))] = answer
        return replace(self, answers=answers, verdict=verdict, flagged=flagged)


@dataclass(frozen=True)
class Changed:
    """A picture after an action."""

    id: int
    state: str
    labels: tuple[int, ...]
    revision: int
    flagged: bool


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Parts that fit into one statement."""
    rest = iter(items)
    while part := list(islice(rest, _CHUNK)):
        yield part


def states_of(
    connection: Connection, project: Project, pictures: Sequence[int]
) -> dict[int, PictureState]:
    """The states of `pictures`, held against other writers until the transaction ends.

    Raises:
        RequestError: 404, one of them is none of the project's.
    """
    states: dict[int, PictureState] = {}
    answers: dict[int, dict[int, Answer]] = {}
    verdicts: dict[int, Answer] = {}
    for part in chunks(pictures):
        for row in connection.execute(_ANSWERS, {"pictures": part}):
            answer = Answer(
                row.person_id, bool(row.skipped), tuple(row.labels), row.how, row.at, row.reason
            )
            if row.kind == "verdict":
                verdicts[row.picture_id] = answer
            else:
                answers.setdefault(row.picture_id, {})[row.person_id] = answer
        found = connection.execute(_PICTURES, {"project": project.id, "pictures": part})
        for number, revision, flagged, state, labels in found:
            states[number] = PictureState(
                number,
                revision,
                (state, tuple(labels)),
                answers.get(number, {}),
                verdicts.get(number),
                bool(flagged),
            )
    missing = next((number for number in pictures if number not in states), None)
    if missing is not None:
        raise RequestError(f"project {project.name!r} has no picture {missing}", status=404)
    return states


def apply_changes(
    connection: Connection,
    project: Project,
    action_id: int,
    states: Mapping[int, PictureState],
    change: Callable[[PictureState], PictureState],
) -> list[Changed]:
    """Change every one of `states`, decide it anew, and log what was before and is after.

    A picture about which nothing changes is passed over.
    """
    befores, afters = [], []
    for before in states.values():
        after = change(before)
        if after != before:
            befores.append(before)
            afters.append(after)
    decisions = [
        decide(
            list(after.answers.values()),
            after.verdict,
            least=project.least_answers,
            most=project.most_answers,
        )
        for after in afters
    ]
    _write_log(connection, action_id, befores, afters)
    _write_answers(connection, project, befores, afters)
    _write_pictures(connection, befores, afters, decisions)
    by_id = {
        after.id: Changed(
            after.id, decision.state, decision.labels, after.revision + 1, after.flagged
        )
        for after, decision in zip(afters, decisions, strict=True)
    }
    return [
        by_id.get(number) or Changed(number, *state.decided, state.revision, state.flagged)
        for number, state in states.items()
    ]


def _write_log(
    connection: Connection,
    action_id: int,
    befores: Sequence[PictureState],
    afters: Sequence[PictureState],
) -> None:
    rows = []
    for before, after in zip(befores, afters, strict=True):
        old, new = before.content(), after.content()
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        rows.append(
            {
                "action_id": action_id,
                "picture_id": before.id,
                "before": {key: old.get(key) for key in keys},
                "after": {key: new.get(key) for key in keys},
            }
        )
    if rows:
        connection.execute(_ADD_CHANGES, rows)


def _write_answers(
    connection: Connection,
    project: Project,
    befores: Sequence[PictureState],
    afters: Sequence[PictureState],
) -> None:
    gone, made = [], []
    for before, after in zip(befores, afters, strict=True):
        old, new = _by_row(before), _by_row(after)
        for key in {**old, **new}:
            if old.get(key) == new.get(key):
                continue
            kind, person = key
            if key in old:
                gone.append({"g_picture": before.id, "g_kind": kind, "g_person": person})
            if key in new:
                answer = new[key]
                made.append(
                    {
                        "picture_id": after.id,
                        "kind": kind,
                        "person_id": person,
                        "project_id": project.id,
                        "skipped": answer.skipped,
                        "labels": list(answer.labels),
                        "how": answer.how,
                        "reason": answer.reason,
                        "at": answer.at,
                    }
                )
    if gone:
        connection.execute(_TAKE_ANSWERS, gone)
    if made:
        connection.execute(_ADD_ANSWERS, made)
        # Whoever has answered has it before them no more.
        connection.execute(
            _TAKE_HANDED_OUT,
            [{"h_picture": row["picture_id"], "h_person": row["person_id"]} for row in made],
        )


def _by_row(state: PictureState) -> dict[tuple[str, int], Answer]:
    rows = {("answer", person): answer for person, answer in state.answers.items()}
    if state.verdict is not None:
        rows["verdict", state.verdict.person_id] = state.verdict
    return rows


def _write_pictures(
    connection: Connection,
    befores: Sequence[PictureState],
    afters: Sequence[PictureState],
    decisions: Sequence[Decision],
) -> None:
    updates, ungiven, given = [], [], []
    for before, after, decision in zip(befores, afters, decisions, strict=True):
        updates.append(
            {
                "p_id": after.id,
                "state": decision.state,
                "labels": list(decision.labels),
                "how": decision.how,
                "person_id": decision.person_id,
                "decided_at": decision.at,
                "answers": decision.answers,
                "wanted": decision.wanted,
                "flagged": after.flagged,
                "revision": after.revision + 1,
            }
        )
        if before.decided[1] != decision.labels:
            if before.decided[1]:
                ungiven.append({"u_picture": after.id})
            given += [{"picture_id": after.id, "label_id": label} for label in decision.labels]
    if updates:
        connection.execute(_CHANGE_PICTURES, updates)
    if ungiven:
        connection.execute(_TAKE_LABELS, ungiven)
    if given:
        connection.execute(_GIVE_LABELS, given)


def _still_known(answer: Answer, known: frozenset[int]) -> Answer | None:
    labels = tuple(label for label in answer.labels if label in known)
    if answer.labels and not labels:
        return None
    return replace(answer, labels=labels)
