"""The labelling page for tests: its server with projects, and what is looked for in the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pages import PageServer, expect, opened_page

from tintype.labelling.database import Database, open_database
from tintype.labelling.making import make_project
from tintype.schemas.labelling_project import LabellingProjectDocument

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

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


class LabellingServer(PageServer):
    """`tintype label serve` in a workspace of its own."""

    def __init__(self, home: Path, host: str = "127.0.0.1") -> None:
        (home / "labelling").mkdir(parents=True, exist_ok=True)
        self.database: Database = open_database(f"sqlite:///{home / 'labelling' / 'labelling.db'}")
        super().__init__(home, "label", "serve", host=host)

    def close(self) -> None:
        super().close()
        self.database.close()

    def project(self, name: str, data: Path, **document: Any) -> str:
        """Make a project; gives its address in the page."""
        given = {"name": name, "data": str(data), "labels": ["Upright", "Level", "Checks"]}
        make_project(self.database, LabellingProjectDocument.model_validate({**given, **document}))
        return f"{self.url}/#/{name}"

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
