"""Pages of any server for tests: the server in a process of its own, and a browser before it."""

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

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["PageServer", "expect", "opened_page"]

# What Chromium logs of a server that is away, or that refuses what a test wants it to.
_REFUSED = ("net::ERR", "the server responded with a status of")


class PageServer:
    """A command that serves pages of a workspace, on one port for as long as a test wants."""

    def __init__(self, home: Path, *command: str, host: str = "127.0.0.1") -> None:
        self.home, self.command, self.host = home, command, host
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        arguments = [*self.command, "--host", self.host, "--port", str(self.port)]
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

    def ask(self, path: str) -> Any:
        """What `GET /api{path}` answers."""
        with urllib.request.urlopen(f"{self.url}/api{path}", timeout=60) as answer:
            return json.load(answer)


@contextlib.contextmanager
def opened_page(
    browser: Browser, *, known: tuple[str, ...] = (), **options: Any
) -> Iterator[Callable[[str], Page]]:
    """Opens addresses in windows of one browser profile; in the end, none may have asked elsewhere, or have
    logged trouble.

    Args:
        known: parts of what a test makes Chromium log.
        options: of the profile.
    """
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
        homes.add("/".join(url.split("/")[:3]))
        page.goto(url)
        return page

    try:
        yield open_
    finally:
        context.close()
    elsewhere = [url for url in asked if not url.startswith((*homes, "data:"))]
    assert elsewhere == [], elsewhere
    expected = (*_REFUSED, *known)
    logged = [text for text in troubles if not any(part in text for part in expected)]
    assert logged == [], logged


def expect(actual: Any) -> Any:
    """Playwright's assertions, which wait; imported late, as not every machine has it."""
    from playwright.sync_api import expect as waiting

    waiting.set_options(timeout=30_000)
    return waiting(actual)
