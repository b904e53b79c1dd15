"""What changes of endpoints: their records and logs as files, instances and counts of requests as the daemon tells.

Topics: `endpoints` (any record, or whether the daemon runs; its part is `list`), and `endpoint:NAME`, whose parts are record, logs and metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tintype.endpoints.online.daemon.control import ask_daemon, daemon_answers
from tintype.errors import TintypeError
from tintype.files import file_stamp
from tintype.settings import get_settings
from tintype.studio.stamps import Stamps, changed_parts

__all__ = ["EndpointWatch"]


class EndpointWatch:
    """Compares one look with the one before; a topic's first look tells nothing."""

    def __init__(self, home: Path | None = None) -> None:
        self._home = home
        self._before: dict[str, Stamps] = {}
        self._busy: set[str] = set()
        """Topics whose counts changed at the last look."""

    def look(self, topics: Iterable[str]) -> dict[str, set[str]]:
        """Parts that are another one, by topic."""
        stamps = {topic: self._stamps(topic) for topic in topics if topic.startswith("endpoint")}
        before, self._before = self._before, stamps
        found = {}
        for topic, now in stamps.items():
            known = before.get(topic, now)
            parts = changed_parts(known, now)
            if topic in self._busy:
                # That nothing more came is news once, too: a rate is zero then.
                parts.add("metrics")
            if "metrics" in parts and now["metrics"] != known.get("metrics"):
                self._busy.add(topic)
            else:
                self._busy.discard(topic)
            if parts:
                found[topic] = parts
        return found

    def _stamps(self, topic: str) -> Stamps:
        home = self._home or get_settings().home
        _, _, name = topic.partition(":")
        if not name:
            records = [
                *home.glob("endpoints/*/endpoint.json"),
                *home.glob("endpoints/*/deployments/*/deployment.json"),
                *home.glob("batch-endpoints/*/endpoint.json"),
                *home.glob("batch-endpoints/*/deployments/*.json"),
            ]
            return {"list": (_files(records), daemon_answers())}
        folder = home / "endpoints" / name
        records = [folder / "endpoint.json", *folder.glob("deployments/*/deployment.json")]
        instances, metrics = _live(name)
        return {
            "record": (_files(records), instances),
            "logs": _files(folder.glob("deployments/*/logs/*.log")),
            "metrics": metrics,
        }


def _live(name: str) -> tuple[Any, Any]:
    """Instances by deployment, and counts; None where the daemon does not tell."""
    try:
        shown = ask_daemon("list-deployments", start=False, endpoint=name)
        metrics = ask_daemon("get-metrics", start=False, name=name)
    except (TintypeError, OSError, ValueError):
        # It is away, ends just now, or the endpoint is gone.
        return None, None
    return [(one["name"], one["instances"]) for one in shown], metrics


def _files(paths: Iterable[Path]) -> list[tuple[str, tuple[int, int, int]]]:
    stamps = ((str(path), file_stamp(path)) for path in paths)
    return sorted((path, stamp) for path, stamp in stamps if stamp is not None)
