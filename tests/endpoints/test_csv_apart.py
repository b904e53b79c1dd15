"""Long CSV bodies hold nobody up."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pictures import encoded, noise

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.instances import csv_apart
from tintype.endpoints.online.instances.csv_apart import csv_rows_apart
from tintype.endpoints.online.instances.protocols import PROTOCOLS
from tintype.endpoints.online.instances.protocols.face import Limits
from tintype.endpoints.online.instances.scoring_service import ScoringService
from tintype.errors import RequestError
from tintype.schemas.csv_rows import csv_rows
from tintype.scoring import Scorer

CELL = base64.b64encode(encoded(noise(50, 60), "JPEG")).decode()


def outcome(read: Callable[[], list[list[str]]]) -> Any:
    try:
        return read()
    except RequestError as error:
        return str(error), error.status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"image\n",
        'image,text\n"a,""b""\r\n",käse\n\n,\n'.encode(),
        b"image\n\xff\n",
        b'image\n"a"b\n',
        b"image\n" + b"a\n" * 6,
        b"image\n" + b"\n" * 10_000_000,
    ],
)
def test_apart_is_what_it_is_here(body: bytes) -> None:
    apart = outcome(lambda: csv_rows_apart(body, 5, timeout_s=60))
    assert apart == outcome(lambda: csv_rows(body, 5))


def test_there_is_a_time_for_it() -> None:
    with pytest.raises(RequestError) as caught:
        csv_rows_apart(b"image\na\n", 5, timeout_s=0.0)
    assert caught.value.status == 408


def test_others_go_on_while_76_megabytes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one cell, which the reader in C takes in one step: here it would hold every thread up."""
    body = b"image\n" + b"A" * 76_000_000 + b"\n"
    call = ScoreCall(body, "text/csv", "invocations", timeout_s=300)

    async def longest_stop() -> float:
        """Seconds that the event loop stood still for at most."""
        limits = Limits(5, images_required=True)
        task = asyncio.create_task(asyncio.to_thread(PROTOCOLS["invocations"].read, call, limits))
        longest, before = 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0.005)
            now = time.monotonic()
            longest, before = max(longest, now - before), now
        assert len((await task).cells[0]) == 76_000_000
        return longest

    apart = asyncio.run(longest_stop())
    monkeypatch.setattr(csv_apart, "_LONG_BYTES", 10**9)
    assert apart < 0.5 * asyncio.run(longest_stop())


def test_short_and_long_bodies_are_answered_alike(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = ScoringService(Scorer.load(model_folder, batch_size=2))
    body = f"image\n{CELL}\n{CELL}\n".encode()

    def ask(padding: int) -> Answer:
        # Blank lines count for nothing.
        call = ScoreCall(body + padding * b"\n", "text/csv", "invocations", timeout_s=60)
        return asyncio.run(service.answer(call))

    expected = ask(0)
    assert expected.status == 200
    monkeypatch.setattr(csv_apart, "_LONG_BYTES", 300_000)
    assert ask(300_000) == expected
    service.close()
