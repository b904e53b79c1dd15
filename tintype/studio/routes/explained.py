"""How routes ask the studio's own explanations, and what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel

from tintype.errors import RequestError
from tintype.schemas.explanation import MethodName

__all__ = ["ExplainBody", "ExplainedAnswer", "OfferedAnswer", "unless_gone"]

T = TypeVar("T")


class OfferedMethodAnswer(BaseModel):
    """A method that is valid for the model."""

    name: MethodName
    passes: float
    """About so many predictions of one picture take as long."""


class OfferedAnswer(BaseModel):
    """What may be asked."""

    methods: list[OfferedMethodAnswer]
    """The quickest first."""
    default: MethodName | None
    unavailable: str | None
    """Why nothing can be explained."""
    timeout_s: float


class ExplainBody(BaseModel):
    """By which method."""

    method: MethodName


class ExplainedAnswer(BaseModel):
    """What speaks for a label."""

    label: str
    share: float
    """The model's probability of it."""
    picture: str
    """A PNG as base64: the input, its heat map; both together, and the top 30 % of its pixels."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives; it is given up when the client closes its connection.

    Raises:
        RequestError: 499, the client did.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RequestError("the client went away", status=499)
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
