"""What a gateway asks of a deployment, and what it is answered: no HTTP, no model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from tintype.errors import RequestError, UsageError

__all__ = [
    "MODEL_VERSION",
    "Answer",
    "Protocol",
    "RowErrors",
    "ScoreCall",
    "answer_header",
    "call_header",
    "call_of",
    "error_answer",
    "parse_row_errors",
    "refusal",
    "too_late",
]

Protocol = Literal["score", "invocations", "infer"]
"""Azure's, MLflow's, or the Open Inference Protocol's way of asking."""

MODEL_VERSION = "1"
"""What the Open Inference Protocol is told: a deployment has one model at a time."""

RowErrors = Literal["fail", "skip"]
"""What an unreadable image does: refuses its call, or is answered by an error in its row."""


@dataclass(frozen=True, slots=True)
class ScoreCall:
    """One request to score, read whole and not yet looked into."""

    body: bytes
    content_type: str = "application/json"
    """With its parameters: a form's boundary is one of them."""
    protocol: Protocol = "score"
    style: str | None = None
    """Response style that the caller asks for; None leaves it to the deployment."""
    on_row_error: str | None = None
    """`fail` or `skip`, likewise."""
    timeout_s: float = 5.0
    """Seconds left to answer in."""
    request_id: str = ""
    """By which the gateway's log and the client know it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body and headers, as they go on the wire."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def call_header(call: ScoreCall) -> dict[str, Any]:
    """All of a call but its body, JSON-able."""
    return {
        "content_type": call.content_type,
        "protocol": call.protocol,
        "style": call.style,
        "on_row_error": call.on_row_error,
        "timeout_s": call.timeout_s,
        "request_id": call.request_id,
    }


def call_of(header: dict[str, Any], body: bytes) -> ScoreCall:
    """The call that `call_header` and a body make."""
    return ScoreCall(
        body,
        header["content_type"],
        header["protocol"],
        header["style"],
        header["on_row_error"],
        header["timeout_s"],
        # A gateway that is older than this instance does not say it.
        header.get("request_id", ""),
    )


def answer_header(answer: Answer) -> dict[str, Any]:
    """All of an answer but its body, JSON-able."""
    return {"status": answer.status, "headers": answer.headers}


def too_late(timeout_s: float) -> RequestError:
    """What to raise, or to refuse with, when `timeout_s` seconds were not enough."""
    return RequestError(f"no answer within {timeout_s:.1f} s (request_timeout_ms)", status=408)


def error_answer(status: int, message: str, row: int | None = None) -> Answer:
    """`{"error": {"code", "message", "row"?}}`."""
    content: dict[str, Any] = {"code": status, "message": message}
    if row is not None:
        content["row"] = row
    try:
        body = orjson.dumps({"error": content})
    except TypeError:
        # Lone surrogates of a client's own JSON.
        content["message"] = message.encode("ascii", "backslashreplace").decode()
        body = orjson.dumps({"error": content})
    return Answer(status, body, {"Retry-After": "1"} if status in (429, 503) else {})


def refusal(error: RequestError) -> Answer:
    """What a RequestError is on the wire."""
    return error_answer(error.status, str(error), error.row)


def parse_row_errors(name: str) -> RowErrors:
    """
    Raises:
        UsageError: neither `fail` nor `skip`.
    """
    if name == "fail":
        return "fail"
    if name == "skip":
        return "skip"
    raise UsageError(f"on_row_error {name!r}: expected fail or skip")
