"""From the answers of people to the labels of a picture: majority, and a reviewer's last word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["IMPORTED", "Answer", "Decision", "State", "decide"]

State = Literal["unlabelled", "labelled", "skipped", "needs_review", "completed"]

IMPORTED = "imported"
"""How labels came that are those of an import."""


@dataclass(frozen=True)
class Answer:
    """What one person says of a picture."""

    person_id: int
    skipped: bool
    labels: tuple[int, ...]
    """Ids, ascending; none where it was skipped."""
    how: str
    """chosen, suggested, changed (from what was suggested), bulk, imported or reviewed."""
    at: float
    reason: str = ""
    """Of skipping."""

    def content(self) -> dict[str, Any]:
        """As the log keeps it."""
        return {
            "person_id": self.person_id,
            "skipped": self.skipped,
            "labels": list(self.labels),
            "how": self.how,
            "at": self.at,
            "reason": self.reason,
        }

    @classmethod
    def of_content(cls, content: dict[str, Any]) -> Answer:
        """The opposite of `content`."""
        return cls(**{**content, "labels": tuple(content["labels"])})


@dataclass(frozen=True)
class Decision:
    """What answers make of a picture."""

    state: State
    labels: tuple[int, ...]
    how: str | None
    person_id: int | None
    at: float | None
    answers: int
    """People who have answered; imports are none."""
    wanted: int
    """How many more are to be asked; 0 where it is decided."""


def decide(answers: Sequence[Answer], verdict: Answer | None, *, least: int, most: int) -> Decision:
    """What a picture is by its answers, one a person, and a reviewer's verdict.

    A verdict decides. Else `least` people are asked, and an answer that more than half of them gave
    decides; while there is none, further people are asked, up to `most`, and then the picture needs a
    review. Imported labels decide while no person has answered.
    """
    people = [answer for answer in answers if answer.how != IMPORTED]
    if verdict is not None:
        # Whoever accepted a skipped picture has dropped it.
        return Decision(
            "completed",
            verdict.labels,
            verdict.how,
            verdict.person_id,
            verdict.at,
            len(people),
            0,
        )
    if not people:
        imported = max(answers, key=lambda answer: answer.at, default=None)
        if imported is None:
            return Decision("unlabelled", (), None, None, None, 0, least)
        return _decided(imported, 0)
    if len(people) < least:
        return Decision("unlabelled", (), None, None, None, len(people), least - len(people))
    votes = Counter((answer.skipped, answer.labels) for answer in people)
    winner, count = votes.most_common(1)[0]
    if count * 2 > len(people):
        last = max(
            (answer for answer in people if (answer.skipped, answer.labels) == winner),
            key=lambda answer: answer.at,
        )
        return _decided(last, len(people))
    if least == 1 and most == 1:
        # One answer is enough: where there are several, the last one counts.
        return _decided(max(people, key=lambda answer: answer.at), len(people))
    if len(people) < most:
        return Decision("unlabelled", (), None, None, None, len(people), 1)
    return Decision("needs_review", (), None, None, None, len(people), 0)


def _decided(answer: Answer, people: int) -> Decision:
    state: State = "skipped" if answer.skipped else "labelled"
    return Decision(state, answer.labels, answer.how, answer.person_id, answer.at, people, 0)
