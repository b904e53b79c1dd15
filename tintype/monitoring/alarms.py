"""Alarms: when there is one, and telling those who want to know."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from tintype.errors import FetchError
from tintype.monitoring.signals import Comparison
from tintype.public_http import is_public, post
from tintype.schemas.monitor import Alarm
from tintype.settings import get_settings

__all__ = ["alarms_of", "post_alarm"]

_log = logging.getLogger("tintype")

# Seconds before each further attempt; each attempt takes ten at most.
_WAITS = (2.0, 10.0)


def alarms_of(comparison: Comparison, alarm: Alarm) -> list[str]:
    """One sentence for each thing that is an alarm; empty without one."""
    found = [
        f"{test.signal}: {test.name} p = {test.adjusted:.2g} at level {alarm.significance:g}"
        + (
            f" ({test.baseline:.4g} in the baseline, {test.window:.4g} now)"
            if test.baseline is not None and test.window is not None
            else f" (statistic {test.statistic:.3g})"
        )
        for test in comparison.tests
        if test.drifted
    ]
    least = alarm.accuracy_below
    if least is not None:
        estimated = comparison.estimates.get("atc")
        for name, each in (("accuracy", comparison.accuracy), ("estimated_accuracy", estimated)):
            if each is not None and each.high < least:
                found.append(
                    f"{name}: {each.value:.3f} ({each.low:.3f} to {each.high:.3f}) is below {least:g}"
                )
    return found


def post_alarm(
    url: str, content: Mapping[str, Any], *, wait: Callable[[float], None] = time.sleep
) -> str | None:
    """Post an alarm, three times at most; why it could not be, or None.

    Args:
        wait: between attempts, by seconds.
    """
    body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    allowed = (lambda address: True) if get_settings().private_webhooks else is_public
    for seconds in (*_WAITS, None):
        try:
            post(url, body, allowed=allowed)
            return None
        except FetchError as error:
            reason = str(error)
        if seconds is not None:
            wait(seconds)
    if "not a public address" in reason:
        reason += "; TINTYPE_PRIVATE_WEBHOOKS=true allows it"
    _log.error("the alarm could not be posted: %s", reason)
    return reason
