"""What is proposed for pictures: suggestions that were imported, else the assistant's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tintype.labelling.assistance.asking import AskedAssistants
from tintype.labelling.assistance.proposed import Suggestion
from tintype.labelling.projects import Project
from tintype.labelling.suggestions import suggestions_for

__all__ = ["proposals_for", "shown_suggestion"]


def proposals_for(
    connection: Connection, project: Project, assistants: AskedAssistants, pictures: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Of each picture that something is proposed for: `labels`, `confidence` (None where the source
    gives none) and `source`."""
    names = {label.id: label.name for label in project.labels}
    assistant = assistants.of(project.name)
    made = {} if assistant is None else assistant.suggestions(pictures)
    found = {number: shown_suggestion(one, names) for number, one in made.items()}
    for number, kept in suggestions_for(connection, pictures).items():
        source, labels, confidence = kept[0]
        found[number] = {
            "labels": [names[label] for label in labels if label in names],
            "confidence": confidence,
            "source": source,
        }
    return found


def shown_suggestion(suggestion: Suggestion, names: dict[int, str]) -> dict[str, Any]:
    """As JSON; `names` are those of labels by id."""
    return {
        "labels": [names[label] for label in suggestion.labels if label in names],
        "confidence": round(suggestion.confidence, 4),
        "source": suggestion.source,
    }
