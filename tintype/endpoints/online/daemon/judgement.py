"""Whether a step of a shift of traffic goes on, waits or goes back: by what was seen of both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tintype.endpoints.online.observed import Compared, Observed
from tintype.schemas.traffic_shift import ShiftBounds

__all__ = ["Judgement", "judge_mirrored", "judge_step"]

# Of so many requests more than half failed: no more are needed.
_FEWEST_FAILED, _MOSTLY = 10, 0.5


@dataclass(frozen=True)
class Judgement:
    """What is to become of a step, and why."""

    verdict: Literal["well", "waits", "back"]
    reason: str


def judge_mirrored(bounds: ShiftBounds, fewest: int, compared: Compared) -> Judgement:
    """Of a step in which the challenger gets copies of the champion's requests.

    Args:
        fewest: pictures before it is judged.
    """
    if compared.rows < fewest:
        return Judgement("waits", f"{compared.rows} of {fewest} mirrored pictures are compared")
    told = f"{compared.different} of {compared.rows} mirrored pictures have another label"
    if bounds.disagreement is not None and compared.share > bounds.disagreement:
        return Judgement("back", f"disagreement: {told}; the bound is {bounds.disagreement:.4g}")
    return Judgement("well", told)


def judge_step(
    bounds: ShiftBounds, fewest: int, champion: Observed | None, challenger: Observed
) -> Judgement:
    """Of a step in which the challenger has traffic.

    Args:
        fewest: requests of each side before it is judged; that most of the first few fail is told at once.
        champion: in the same time, or, where it has no traffic any more, when it had some last; None where nothing is
            known of it.
    """
    before = 0.0 if champion is None else champion.error_share
    failed = f"{challenger.errors} of {challenger.requests} requests failed"
    if bounds.errors is not None:
        most = before + bounds.errors
        if challenger.requests >= _FEWEST_FAILED and challenger.error_share > max(_MOSTLY, most):
            return Judgement("back", f"errors: {failed}")
        if challenger.requests >= fewest and challenger.error_share > most:
            return Judgement(
                "back", f"errors: {failed}, {before:.2%} of the champion's; the bound is {most:.2%}"
            )
    if challenger.requests < fewest:
        return Judgement("waits", f"the challenger has {challenger.requests} of {fewest} requests")
    if bounds.latency_p95 is None or champion is None:
        return Judgement("well", failed)
    if champion.requests < fewest:
        return Judgement("waits", f"the champion has {champion.requests} of {fewest} requests")
    mine, its = challenger.p95_s, champion.p95_s
    if mine is None or its is None:
        return Judgement("well", failed)
    told = f"p95 {1000 * mine:.0f} ms against {1000 * its:.0f} ms"
    if mine > bounds.latency_p95 * its:
        return Judgement("back", f"latency: {told}; the bound is {bounds.latency_p95:.4g}x")
    return Judgement("well", f"{failed}, {told}")
