"""Shifts of traffic under way: begun, judged again and again, gone on with, and taken back by themselves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from tintype.endpoints.online.daemon.judgement import Judgement, judge_mirrored, judge_step
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.endpoints.online.observed import Observed, Watch
from tintype.errors import TintypeError, UsageError
from tintype.schemas.traffic_shift import TrafficShiftDocument
from tintype.workspace.endpoints import EndpointStore
from tintype.workspace.traffic_shifts import MIRRORED, ShiftRecord, ShiftStatus, ShiftStore

__all__ = ["SetTraffic", "TrafficShifts"]

SetTraffic = Callable[[str, dict[str, int], dict[str, int]], None]
"""(endpoint, traffic, mirror traffic): has the endpoint share its requests out so from now on."""

_log = logging.getLogger("tintype")

# Between two looks at what was measured.
_LOOK_SECONDS = 1.0


class TrafficShifts:
    """The shifts of a workspace's endpoints, one at a time each."""

    def __init__(
        self,
        metrics: GatewayMetrics,
        set_traffic: SetTraffic,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoints, self._store = EndpointStore(), ShiftStore()
        self._metrics, self._set_traffic, self._clock = metrics, set_traffic, clock
        self._running: dict[str, ShiftRecord] = {}
        # Written, but the traffic could not be given yet: a disk was full.
        self._pending: dict[str, ShiftRecord] = {}
        self._watches: dict[str, Watch] = {}

    # Verbs --------------------------------------------------------------------------------------

    def start(self, document: dict[str, Any]) -> dict[str, Any]:
        """Begin a shift.

        Raises:
            UsageError: one is under way, there is no such deployment, it does not serve yet or has traffic
                already, or several share the traffic.
        """
        asked = TrafficShiftDocument.model_validate(document)
        endpoint = self._endpoints.endpoint(asked.endpoint)
        self.check_free(asked.endpoint)
        challenger = self._endpoints.deployment(asked.endpoint, asked.to)
        live = {name: share for name, share in endpoint.traffic.items() if share}
        if list(live.values()) != [100]:
            shown = ", ".join(f"{name}={share}" for name, share in live.items()) or "none"
            raise UsageError(
                f"endpoint {asked.endpoint!r}: one deployment must have all of the traffic, from which it is "
                f"shifted; it is shared as {shown}. Give it to one: tintype online-endpoint update "
                f'--name {asked.endpoint} --traffic "NAME=100"'
            )
        (champion,) = live
        if champion == asked.to:
            raise UsageError(f"deployment {asked.to!r} has all of the traffic already")
        if challenger.provisioning_state != "Succeeded":
            raise UsageError(
                f"deployment {asked.to!r} is {challenger.provisioning_state.lower()}; shift traffic to one "
                "that serves"
            )
        record = ShiftRecord(
            id=self._store.new_id(),
            endpoint=asked.endpoint,
            champion=champion,
            challenger=asked.to,
            document=document,
            mirror_before=dict(endpoint.mirror_traffic),
            step=0 if asked.bounds.disagreement is None else MIRRORED,
            step_began=self._clock(),
        )
        self._go(record.changed("began"))
        return self.show(asked.endpoint)

    def show(self, endpoint: str) -> dict[str, Any]:
        """The shift that is under way, or the last one.

        Raises:
            UsageError: there is no such endpoint, or it has never had one.
        """
        self._endpoints.endpoint(endpoint)
        records = self._store.of_endpoint(endpoint)
        if not records:
            raise UsageError(
                f"endpoint {endpoint!r} has had no shift of traffic; begin one: tintype online-endpoint "
                f"shift --name {endpoint} --to DEPLOYMENT"
            )
        return self._shown(self._running.get(endpoint, records[0]))

    def list(self, endpoint: str) -> list[dict[str, Any]]:
        """All shifts of an endpoint, the newest first.

        Raises:
            UsageError: there is no such endpoint.
        """
        self._endpoints.endpoint(endpoint)
        return [self._shown(record) for record in self._store.of_endpoint(endpoint)]

    def cancel(self, endpoint: str) -> dict[str, Any]:
        """Give the champion its traffic back.

        Raises:
            UsageError: there is no such endpoint, or no shift is under way.
        """
        self._endpoints.endpoint(endpoint)
        record = self._running.get(endpoint)
        if record is None:
            raise UsageError(f"endpoint {endpoint!r}: no shift of traffic is under way")
        self._end(record, "cancelled", "cancelled")
        return self.show(endpoint)

    # For the daemon -----------------------------------------------------------------------------

    def check_free(self, endpoint: str, deployment: str | None = None) -> None:
        """
        Raises:
            UsageError: a shift of the endpoint's traffic (that `deployment` has a part in) is under way.
        """
        record = self._running.get(endpoint)
        record = record or self._pending.get(endpoint)
        if record is None or deployment not in (None, record.champion, record.challenger):
            return
        raise UsageError(
            f"the traffic of endpoint {endpoint!r} is being shifted from {record.champion!r} to "
            f"{record.challenger!r}; wait for it, or end it first: tintype online-endpoint cancel-shift "
            f"--name {endpoint}"
        )

    def restore(self) -> None:
        """Go on, or back, with what an earlier process has left: its records say what the traffic is to be.

        A record that cannot be read, or a disk that is full, keeps nothing from being served.
        """
        for endpoint in self._endpoints.endpoints():
            try:
                for record in self._store.unsettled(endpoint.name):
                    self._go(record)
            except TintypeError as error:
                _log.error("shift of endpoint %s: %s", endpoint.name, error)

    def forget(self, endpoint: str) -> None:
        """The endpoint is gone, and its shifts with it."""
        self._running.pop(endpoint, None)
        self._pending.pop(endpoint, None)
        self._watches.pop(endpoint, None)
        self._metrics.unwatch(endpoint)

    async def keep(self, turn: asyncio.Lock) -> None:
        """Look after all shifts until cancelled; `turn` is held while something changes."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            async with turn:
                self.look()

    def look(self) -> None:
        """Judge every shift under way by what was measured since its step began."""
        for endpoint in {*self._running, *self._pending}:
            # One that cannot go on keeps no other from its way.
            try:
                if endpoint in self._pending:
                    self._go(self._pending[endpoint])
                else:
                    self._look_at(self._running[endpoint])
            except Exception as error:
                _log.error("shift of endpoint %s: %s", endpoint, error)

    # Its parts ----------------------------------------------------------------------------------

    def _look_at(self, record: ShiftRecord) -> None:
        judgement = self._judged(record)
        if judgement.verdict == "back":
            self._end(record, "rolled back", judgement.reason)
            return
        asked = TrafficShiftDocument.model_validate(record.document)
        if judgement.verdict == "waits" or self._clock() - record.step_began < asked.every:
            return
        if record.step + 1 == len(asked.steps):
            self._end(record, "completed", judgement.reason)
            return
        watch = self._watches[record.endpoint]
        seen = watch.of(record.champion)
        self._go(
            record.changed(
                "went on",
                measured=self._measured(record),
                step=record.step + 1,
                step_began=self._clock(),
                baseline=_kept(seen) if seen.requests else record.baseline,
                applied=False,
            )
        )

    def _judged(self, record: ShiftRecord) -> Judgement:
        asked = TrafficShiftDocument.model_validate(record.document)
        watch = self._watches[record.endpoint]
        if record.step == MIRRORED:
            return judge_mirrored(asked.bounds, asked.min_requests, watch.compared)
        champion: Observed | None = watch.of(record.champion)
        if record.percent == 100:
            # It has no traffic any more.
            champion = None if record.baseline is None else _seen(record.baseline)
        return judge_step(asked.bounds, asked.min_requests, champion, watch.of(record.challenger))

    def _end(self, record: ShiftRecord, status: ShiftStatus, reason: str) -> None:
        measured = self._measured(record)
        ended = record.changed(status=status, reason=reason, applied=False)
        self._go(ended.changed(status, measured=measured))

    def _go(self, record: ShiftRecord) -> None:
        """Write what the traffic is to be, then give it, then write that it is given."""
        if not record.applied:
            self._store.save(record)
        self._pending[record.endpoint] = record
        self._set_traffic(record.endpoint, record.traffic, record.mirror_traffic)
        record = record.changed(applied=True)
        self._store.save(record)
        del self._pending[record.endpoint]
        if record.status == "running":
            self._running[record.endpoint] = record
            self._watches[record.endpoint] = self._metrics.watch(record.endpoint)
        else:
            self.forget(record.endpoint)
            self._metrics.shift_ended(record.endpoint, record.challenger, record.status)
            _log.warning(
                "shift of endpoint %s to %s: %s: %s",
                record.endpoint,
                record.challenger,
                record.status,
                record.reason,
            )
        self._metrics.shifting(record.endpoint, record.challenger, record.percent)

    def _measured(self, record: ShiftRecord) -> dict[str, Any]:
        watch = self._watches[record.endpoint]
        return {
            "champion": watch.of(record.champion).shown(),
            "challenger": watch.of(record.challenger).shown(),
            "mirrored_pictures": watch.compared.rows,
            "different_labels": watch.compared.different,
        }

    def _shown(self, record: ShiftRecord) -> dict[str, Any]:
        shown = {
            "id": record.id,
            "endpoint": record.endpoint,
            "from": record.champion,
            "to": record.challenger,
            "status": record.status,
            "reason": record.reason,
            "percent": record.percent,
            "mirrored": record.status == "running" and record.step == MIRRORED,
            **{
                key: record.document.get(key)
                for key in ("steps", "every", "min_requests", "bounds")
            },
            "history": record.history,
            "started_at": record.started_at,
            "modified_at": record.modified_at,
        }
        if self._running.get(record.endpoint) == record:
            shown |= {"measured": self._measured(record), "reason": self._judged(record).reason}
        return shown


def _kept(seen: Observed) -> dict[str, Any]:
    return {"requests": seen.requests, "errors": seen.errors, "p95_s": seen.p95_s}


def _seen(kept: dict[str, Any]) -> Observed:
    seen = Observed(int(kept["requests"]), int(kept["errors"]))
    if kept["p95_s"] is not None:
        seen.times.append(float(kept["p95_s"]))
    return seen
