"""Rate limits outlive the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tintype.endpoints.online.daemon import kept_limits
from tintype.endpoints.online.daemon.kept_limits import KeptLimits


def used_up(limits: KeptLimits, endpoint: str = "pets", per_minute: int = 12) -> list[bool]:
    """Whether each of three requests with one key is let through: at first two are."""
    limiter = limits.limiter(endpoint, per_minute)
    assert limiter is not None
    return [limiter.wait("primary") == 0 for _ in range(3)]


def test_a_restart_gives_no_more(workspace_home: Path) -> None:
    first = KeptLimits()
    assert used_up(first) == [True, True, False]
    first.write()
    again = KeptLimits()
    assert used_up(again) == [False, False, False]
    assert used_up(again, "birds") == [True, True, False], "each endpoint has its own"
    file = workspace_home / "daemon" / "rate_limits.json"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_was_used_is_written_while_it_is_used(
    workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that is killed has written it a second ago."""
    monkeypatch.setattr(kept_limits, "_KEEP_SECONDS", 0.01)
    file = workspace_home / "daemon" / "rate_limits.json"

    async def use() -> None:
        limits = KeptLimits()
        keeping = asyncio.create_task(limits.keep())
        used_up(limits)
        while not file.exists():
            await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(asyncio.wait_for(use(), 30))
    assert used_up(KeptLimits()) == [False, False, False]


def test_another_limit_goes_on_and_none_is_forgotten(workspace_home: Path) -> None:
    limits = KeptLimits()
    assert used_up(limits) == [True, True, False]
    assert used_up(limits, per_minute=18) == [False] * 3, "a new limit is no new beginning"
    assert limits.limiter("pets", None) is None
    assert used_up(limits) == [True, True, False]
    limits.forget("pets")
    limits.write()
    assert used_up(KeptLimits()) == [True, True, False]


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{", '{"pets": 3}', '{"pets": {"primary": [1]}}']
)
def test_what_cannot_be_read_counts_as_unused(workspace_home: Path, content: str) -> None:
    file = workspace_home / "daemon" / "rate_limits.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert used_up(KeptLimits()) == [True, True, False]


def test_a_disk_that_is_full_costs_the_limit_nothing(
    workspace_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace_home / "daemon").write_text("no folder")
    limits = KeptLimits()
    assert used_up(limits) == [True, True, False]
    limits.write()
    assert "rate limits cannot be kept" in caplog.text
