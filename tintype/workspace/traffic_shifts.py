"""Records of shifts of traffic: JSON files below `<home>/endpoints/<endpoint>/shifts/`, one a shift.

A shift's record is written before the traffic that it asks for is given: whoever finds one that is not
`applied` gives that traffic again. So a shift goes on or back, whenever its process ends.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tintype.errors import OutputError
from tintype.files import write_json
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = ["MIRRORED", "ShiftRecord", "ShiftStatus", "ShiftStore"]

ShiftStatus = Literal["running", "completed", "rolled back", "cancelled"]

MIRRORED = -1
"""The step before the first: the challenger gets copies, and no traffic."""


@dataclass(frozen=True)
class ShiftRecord:
    """A shift: what was asked for, and how far that has come."""

    id: str
    endpoint: str
    champion: str
    challenger: str
    document: dict[str, Any]
    """As it was written, checked; see `TrafficShiftDocument`."""
    mirror_before: dict[str, int]
    """The endpoint's mirror traffic when it began."""
    step: int
    """Index of `document["steps"]`, or MIRRORED."""
    step_began: float
    """Seconds since 1970."""
    status: ShiftStatus = "running"
    reason: str | None = None
    """Why it ended as it did."""
    applied: bool = False
    """Whether the endpoint has the traffic that this asks for."""
    baseline: dict[str, Any] | None = None
    """The champion's requests, errors and times in the last step in which it had traffic."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """`time`, `percent`, `event`, and what was `measured` until then, the oldest first."""
    started_at: str = field(default_factory=now)
    modified_at: str = field(default_factory=now)

    @property
    def percent(self) -> int:
        """Of the traffic, that the challenger is to have."""
        if self.status == "completed":
            return 100
        if self.status != "running" or self.step == MIRRORED:
            return 0
        return int(self.document["steps"][self.step])

    @property
    def traffic(self) -> dict[str, int]:
        """Deployment to percent, as the endpoint is to have it."""
        return {self.champion: 100 - self.percent, self.challenger: self.percent}

    @property
    def mirror_traffic(self) -> dict[str, int]:
        """Likewise of copies."""
        if self.status == "running" and self.step == MIRRORED:
            return {self.challenger: int(self.document["mirror"])}
        # Only one that has no traffic gets copies.
        return {} if self.percent else dict(self.mirror_before)

    def changed(self, event: str | None = None, **changes: Any) -> ShiftRecord:
        """A copy with `changes`, modified now; `event` goes into the history with its `measured`."""
        measured = changes.pop("measured", None)
        made = replace(self, **{"modified_at": now(), **changes})
        if event is None:
            return made
        entry = {"time": made.modified_at, "percent": made.percent, "event": event}
        if measured is not None:
            entry["measured"] = measured
        return replace(made, history=[*self.history, entry])


class ShiftStore:
    """Reads and writes records; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        self._root = (home or get_settings().home) / "endpoints"

    @staticmethod
    def new_id() -> str:
        """Of a new shift; later ones sort after earlier ones."""
        stamp = now().replace("-", "").replace(":", "").split(".")[0].split("+")[0]
        return f"{stamp}-{secrets.token_hex(2)}"

    def save(self, record: ShiftRecord) -> None:
        """
        Raises:
            OutputError: the workspace cannot be written.
        """
        write_json(self._root / record.endpoint / "shifts" / f"{record.id}.json", asdict(record))

    def unsettled(self, endpoint: str) -> list[ShiftRecord]:
        """Those of an endpoint that go on, or whose traffic may not be given yet.

        Raises:
            OutputError: a record cannot be read; names it.
        """
        return [
            record
            for record in self.of_endpoint(endpoint)
            if record.status == "running" or not record.applied
        ]

    def of_endpoint(self, endpoint: str) -> list[ShiftRecord]:
        """All of an endpoint, the newest first.

        Raises:
            OutputError: a record cannot be read; names it.
        """
        records = []
        for path in (self._root / endpoint / "shifts").glob("*.json"):
            try:
                records.append(ShiftRecord(**json.loads(path.read_text("utf-8"))))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, TypeError) as error:
                raise OutputError(f"cannot read {path}: {error}") from None
        # Two of one second are told apart by when they began.
        return sorted(records, key=lambda record: (record.started_at, record.id), reverse=True)
