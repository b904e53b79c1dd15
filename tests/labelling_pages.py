"""The labelling page for tests: a server in a process of its own, and a browser before it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands import TINTYPE

from tintype.labelling.database import Database, open_database
from tintype.labelling.making import make_project
from tintype.schemas.labelling_project import LabellingProjectDocument

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = [
    "LabellingServer",
    "cells",
    "current",
    "expect",
    "bare_waits",
    "key_waits",
    "opened_page",
    "saved",
]

# What Chromium logs of a server that is away, or that refuses what a test wants it to.
_REFUSED = ("net::ERR", "the server responded with a status of")


class LabellingServer:
    """`tintype label serve` in a workspace of its own, on one port for as long as a test wants."""

    def __init__(self, home: Path, host: str = "127.0.0.1") -> None:
        self.home, self.host = home, host
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (home / "labelling").mkdir(parents=True, exist_ok=True)
        self.database: Database = open_database(f"sqlite:///{home / 'labelling' / 'labelling.db'}")
        self.start()

    def start(self) -> None:
        arguments = ["label", "serve", "--host", self.host, "--port", str(self.port)]
        self.process = subprocess.Popen(
            [TINTYPE, *arguments],
            env={**os.environ, "TINTYPE_HOME": str(self.home)},
            stdout=subprocess.DEVNULL,
        )
        try:
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                    return
                assert self.process.poll() is None, "the server does not start"
                time.sleep(0.05)
        except BaseException:
            # The test's time may be over.
            self.kill()
            raise

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
        self.database.close()

    def project(self, name: str, data: Path, **document: Any) -> str:
        """Make a project; gives its address in the page."""
        given = {"name": name, "data": str(data), "labels": ["Upright", "Level", "Checks"]}
        make_project(self.database, LabellingProjectDocument.model_validate({**given, **document}))
        return f"{self.url}/#/{name}"

    def ask(self, path: str) -> Any:
        """What `GET /api{path}` answers."""
        with urllib.request.urlopen(f"{self.url}/api{path}", timeout=60) as answer:
            return json.load(answer)

    def states(self, name: str) -> dict[str, int]:
        """Counts above 0, without the total."""
        counts = self.ask(f"/projects/{name}")["pictures"]
        return {state: count for state, count in counts.items() if count and state != "total"}

    def actions(self, name: str) -> list[tuple[str, str]]:
        """(kind, how) of all that was logged, in order."""
        query = (
            "SELECT a.kind, a.how FROM actions a JOIN projects p ON p.id = a.project_id "
            "WHERE p.name = ? ORDER BY a.id"
        )
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query, (name,))]


@contextlib.contextmanager
def opened_page(browser: Browser, **options: Any) -> Iterator[Callable[[str], Page]]:
    """Opens addresses in windows of one browser profile; in the end, none may have asked elsewhere, or have
    logged trouble."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    asked: list[str] = []
    troubles: list[str] = []
    homes: set[str] = set()
    context.on("request", lambda request: asked.append(request.url))
    context.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective));"
    )

    def open_(url: str) -> Page:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda message: (
                troubles.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        homes.add(url.partition("#")[0])
        page.goto(url)
        return page

    try:
        yield open_
    finally:
        context.close()
    assert [url for url in asked if not url.startswith((*homes, "data:"))] == []
    assert [text for text in troubles if not any(known in text for known in _REFUSED)] == []


def expect(actual: Any) -> Any:
    """Playwright's assertions, which wait; imported late, as not every machine has it."""
    from playwright.sync_api import expect as waiting

    waiting.set_options(timeout=30_000)
    return waiting(actual)


def cells(page: Page) -> Locator:
    """The pictures in sight."""
    return page.get_by_role("gridcell")


def current(page: Page) -> Locator:
    """The picture that keys are about."""
    return page.locator(".cell[aria-current=true]")


def saved(page: Page) -> None:
    """Wait until all is answered for."""
    expect(page.locator(".save-state")).to_have_text("Saved")


# From a key to the frame after the next picture is there and decoded.
_WATCH = """() => {
    window.waits = [];
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(0);
    }));
    const shown = () => document.querySelector(".cell[aria-current]").dataset.id;
    addEventListener("keydown", async () => {
        const start = performance.now();
        const before = shown();
        while (shown() === before) await new Promise((resolve) => setTimeout(resolve));
        await document.querySelector(".cell[aria-current] img").decode();
        await painted();
        window.waits.push(performance.now() - start);
    }, true);
}"""


# As `_WATCH`, of a key by which nothing changes.
_WATCH_BARE = """() => {
    window.bareWaits = [];
    addEventListener("keydown", (event) => {
        if (event.key !== "F8") return;
        const start = performance.now();
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => window.bareWaits.push(performance.now() - start);
            port2.postMessage(0);
        });
    }, true);
}"""


def key_waits(page: Page, keys: list[str]) -> list[float]:
    """Press keys that each lead to another picture; milliseconds until that is painted, ascending."""
    return _waits(page, _WATCH, "window.waits", keys)


def bare_waits(page: Page, count: int) -> list[float]:
    """Press a key that does nothing so many times; milliseconds until the next frame is painted, ascending."""
    return _waits(page, _WATCH_BARE, "window.bareWaits", ["F8"] * count)


def _waits(page: Page, watch: str, found: str, keys: list[str]) -> list[float]:
    page.evaluate(watch)
    for number, key in enumerate(keys):
        page.keyboard.press(key)
        while page.evaluate(f"{found}.length") <= number:
            page.wait_for_timeout(5)
        page.wait_for_timeout(60)
    return sorted(page.evaluate(found))
