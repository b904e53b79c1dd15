"""The page of a monitor: its windows over time, the newest one in full, and the pictures that drifted most.

`page.js` draws it, of the data that are made here.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tintype.evaluation.intervals import wilson_interval
from tintype.images.thumbnails import THUMBNAIL_TYPE, thumbnails
from tintype.monitoring.image_statistics import STATISTICS
from tintype.monitoring.samples import Sample
from tintype.pages import data_url, document
from tintype.schemas.monitor import MonitorDocument
from tintype.workspace.monitors import LaterLabels

__all__ = ["PageSide", "write_monitor_page"]

_PAGE = Path(__file__).with_name("page.js")

_SIDE = 144  # pixels of a thumbnail
_NAME = 20  # characters
_WINDOWS = 200  # the newest ones
_BINS = 24

# Evidence that a chart has room for: an adjusted p-value of 10^-12 and less looks the same.
_MOST_EVIDENCE = 12.0


@dataclass(frozen=True)
class PageSide:
    """Pictures of one side, and which of them are shown."""

    sample: Sample
    witness: np.ndarray
    """float64 (n,); see `drifted_pictures`."""
    first: np.ndarray
    """Rows: the baseline's typical ones, or the window's that drifted most."""
    second: np.ndarray | None = None
    """Rows: of the baseline, what the window has least of."""


def write_monitor_page(
    monitor: MonitorDocument,
    windows: Sequence[Mapping[str, Any]],
    baseline: PageSide,
    window: PageSide,
    labels: Sequence[LaterLabels],
) -> str:
    """The page as one HTML file, of bounded size.

    Args:
        windows: what each showed, the oldest first; the last one is that of `window`.
    """
    last = windows[-1]
    shown = list(windows[-_WINDOWS:])
    first = len(windows) - len(shown) + 1
    return document(
        f"Monitor {monitor.name}",
        page=_PAGE,
        lead=_lead(monitor, windows),
        data={
            "alarms": last["alarms"],
            "notices": last["notices"],
            "significance": monitor.alarm.significance,
            "accuracy_below": monitor.alarm.accuracy_below,
            "windows": [
                _window_data(each, first + place, labels) for place, each in enumerate(shown)
            ],
            "tests": last["tests"],
            "psi": last["psi"],
            "labels": last["labels"],
            "statistics": _histograms(baseline.sample, window.sample),
            "pictures": {
                "drifted": _pictures(window, window.first),
                "typical": _pictures(baseline, baseline.first),
                "missed": _pictures(baseline, baseline.second),
            },
        },
    )


def _lead(monitor: MonitorDocument, windows: Sequence[Mapping[str, Any]]) -> list[str]:
    last = windows[-1]
    deployment = f"{monitor.endpoint}/{monitor.deployment or '(its only deployment)'}"
    lead = [
        f"Window {len(windows)} of {deployment}: {_time(last['start'])} to {_time(last['end'])}, "
        f"{last['different']:,} different pictures of {last['rows']:,} collected, beside "
        f"{last['baseline_pictures']:,} of the baseline."
    ]
    if last["repeated"]:
        lead.append(
            f"{last['repeated']:,} pictures are nearly the same as others and are counted once."
        )
    if last["unreadable"]:
        lead.append(f"{last['unreadable']:,} pictures could not be read.")
    alarm = "Alarm: " + "; ".join(last["alarms"]) + "." if last["alarms"] else "No alarm."
    return [*lead, alarm]


def _window_data(
    window: Mapping[str, Any], number: int, labels: Sequence[LaterLabels]
) -> dict[str, Any]:
    """What charts over time show of a window."""
    right = [each.right for each in labels if window["start"] <= each.time <= window["end"]]
    accuracy = None
    if right:
        low, high = wilson_interval(sum(right), len(right))
        accuracy = [sum(right) / len(right), low, high, len(right)]
    return {
        "number": number,
        "end": _time(window["end"]),
        "different": window["different"],
        "alarms": len(window["alarms"]),
        "evidence": {
            f"{test['signal']}: {test['name']}": min(
                _MOST_EVIDENCE, -math.log10(max(test["adjusted"], 1e-300))
            )
            for test in window["tests"]
        },
        "estimates": {
            name: [each["value"], each["low"], each["high"]]
            for name, each in window["estimates"].items()
        },
        "accuracy": accuracy,
    }


def _histograms(baseline: Sample, window: Sample) -> list[dict[str, Any]]:
    """Shares of pictures by each image statistic, and by confidence, in the same bins on both sides."""
    sides = (baseline, window)
    numbers = {
        name: [side.statistics[side.seen, place] for side in sides]
        for place, name in enumerate(STATISTICS)
    }
    numbers["confidence"] = [side.answers.confidences[side.answers.answered] for side in sides]
    found = []
    for name, values in numbers.items():
        if not all(map(len, values)):
            continue
        # Without the farthest of each side, that most bins may be of use.
        low = min(float(np.quantile(each, 0.005)) for each in values)
        high = max(float(np.quantile(each, 0.995)) for each in values)
        edges = np.linspace(low, max(high, low + 1e-6), _BINS + 1)
        shares = [np.histogram(np.clip(each, low, high), edges)[0] / len(each) for each in values]
        found.append(
            {
                "name": name,
                "low": _rounded(edges[:-1]),
                "high": _rounded(edges[1:]),
                "baseline": _rounded(shares[0]),
                "window": _rounded(shares[1]),
            }
        )
    return found


def _pictures(side: PageSide, rows: np.ndarray | None) -> list[dict[str, Any]]:
    if rows is None:
        return []
    sample, answers = side.sample, side.sample.answers
    places = [sample.locations[row] for row in rows]
    made = thumbnails(places, _SIDE)
    found = []
    for row, place in zip(rows.tolist(), places, strict=True):
        content = made.get(place)
        code = int(answers.codes[row])
        found.append(
            {
                # Collected pictures are called by 64 digits of their content.
                "name": place.rsplit("/", 1)[-1][:_NAME],
                "picture": None if content is None else data_url(content, THUMBNAIL_TYPE),
                "label": answers.classes[code] if code >= 0 else None,
                "score": round(float(answers.confidences[row]), 3) if code >= 0 else None,
                "witness": round(float(side.witness[row]), 4),
            }
        )
    return found


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _time(text: str | None) -> str:
    """A moment as people read it, UTC."""
    if text is None:
        return "-"
    moment = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
