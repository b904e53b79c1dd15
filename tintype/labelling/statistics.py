"""What a project's owner wants to know: progress, throughput of people, agreement."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, func, select

from tintype.labelling.agreement import krippendorff_alpha, pairwise_kappas
from tintype.labelling.people import members_of
from tintype.labelling.pictures import count_by_fault, count_by_label, count_by_state
from tintype.labelling.projects import Project
from tintype.labelling.tables import ActionRow, AnswerRow, PersonRow

__all__ = ["people_statistics", "project_statistics"]

# Answers that agreement is computed of: the latest.
_MOST_ANSWERS = 100_000

_HOUR = 3600.0


def project_statistics(connection: Connection, project: Project) -> dict[str, Any]:
    """`pictures` by state, `labelled` by label, `faults` of files, and who may do what."""
    states = count_by_state(connection, project)
    return {
        "pictures": {"total": sum(states.values()), **states},
        "labelled": count_by_label(connection, project),
        "faults": count_by_fault(connection, project),
        "members": {name: role for _, name, role in members_of(connection, project.id)},
    }


def people_statistics(connection: Connection, project: Project) -> dict[str, Any]:
    """What each person has done, and how far people agree.

    Returns:
        `people`: of each, `answers` that stand, `last_hour` of them, and the median `seconds` a
        picture took where the page says so. `alpha`: Krippendorff's, of answers to common pictures;
        `kappas`: Cohen's of each two, with how many pictures they have in common. None where there
        is nothing in common.
    """
    since = time.time() - _HOUR
    rows = connection.execute(
        select(
            PersonRow.id,
            PersonRow.name,
            func.count(),
            func.count().filter(AnswerRow.at >= since),
        )
        .join(PersonRow, PersonRow.id == AnswerRow.person_id)
        .where(AnswerRow.project_id == project.id, AnswerRow.kind == "answer")
        .group_by(PersonRow.id, PersonRow.name)
        .order_by(PersonRow.name)
    ).all()
    names = {number: name for number, name, _, _ in rows}
    answers = _common_answers(connection, project)
    return {
        "people": [
            {
                "person": name,
                "answers": total,
                "last_hour": recent,
                "seconds": _median_seconds(connection, project, number),
            }
            for number, name, total, recent in rows
        ],
        "alpha": krippendorff_alpha(answers),
        "kappas": [
            {"people": [names[first], names[second]], "kappa": kappa, "pictures": count}
            for (first, second), (kappa, count) in sorted(pairwise_kappas(answers).items())
        ],
    }


def _common_answers(
    connection: Connection, project: Project
) -> dict[int, dict[int, tuple[int, ...]]]:
    """Of pictures that several people answered; skipping is no answer here."""
    if project.most_answers == 1:
        return {}
    rows = connection.execute(
        select(AnswerRow.picture_id, AnswerRow.person_id, AnswerRow.labels)
        .where(
            AnswerRow.project_id == project.id,
            AnswerRow.kind == "answer",
            AnswerRow.how != "imported",
            AnswerRow.skipped.is_(False),
        )
        .order_by(AnswerRow.at.desc())
        .limit(_MOST_ANSWERS)
    )
    answers: dict[int, dict[int, tuple[int, ...]]] = {}
    for picture, person, labels in rows:
        answers.setdefault(picture, {})[person] = tuple(labels)
    return {picture: given for picture, given in answers.items() if len(given) > 1}


def _median_seconds(connection: Connection, project: Project, person_id: int) -> float | None:
    seconds = list(
        connection.execute(
            select(ActionRow.seconds)
            .where(
                ActionRow.project_id == project.id,
                ActionRow.person_id == person_id,
                ActionRow.seconds.is_not(None),
            )
            .order_by(ActionRow.id.desc())
            .limit(200)
        ).scalars()
    )
    ordered = sorted(value for value in seconds if value is not None)
    return ordered[len(ordered) // 2] if ordered else None
