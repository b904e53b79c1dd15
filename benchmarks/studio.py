"""How soon the studio's pages are there, and what a live page costs the machine.

    python benchmarks/studio.py [--runs 1000] [--rounds 5] [--watch-seconds 30]

A workspace of that many runs is made in a temporary folder, `tintype studio` serves it, headless Chromium opens each
page anew. Printed: milliseconds from the request to the first paint with content, and until what the page is about is
there (asked: first paint below 500 ms), medians; the routes behind them; and the server's CPU time while one
browser watches a sweep that reports every second (asked: below 2 % of a core), beside nobody watching.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from machine import machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from pages import PageServer
from studio_runs import make_pipeline, make_run, make_sweep, write_runs

from tintype.workspace.run_index import RunIndex, RunQuery
from tintype.workspace.runs import RunStore

PAGES = {
    "/": "Works now",
    "/jobs": "Run 00",
    "/jobs/shown": "accuracy",
    "/jobs/sweep?tab=trials": "Parameters and where they led",
    "/jobs/pipe?tab=graph": "no picture could be read",
    "/jobs/shown?tab=log": "step 199",
    "/jobs/shown?tab=files": "outputs/",
    "/new-job": "What to do",
    "/compare?name=shown&name=run-00001": "experiment_name",
    "/data": "No data assets yet",
    "/endpoints": "No endpoints yet",
    "/labelling": "No labelling projects yet",
}

ROUTES = (
    "/home",
    "/jobs",
    "/jobs?sort=score&search=experiment-3&offset=100",
    "/jobs/shown",
    "/jobs/sweep/trials",
)

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--listed", type=int, default=10_000, help="runs of the first table")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--watch-seconds", type=float, default=30.0)
    given = arguments.parse_args()
    print(f"Machine: {machine()}")
    _index(given.listed)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _fill(home, given.runs)
        server = PageServer(home, "studio", "--no-browser")
        try:
            _routes(server, given.rounds)
            _pages(server, given.rounds)
            _watching(server, given.watch_seconds)
        finally:
            server.close()


def _index(count: int) -> None:
    """What lists of many runs cost the server, in CPU time."""
    with tempfile.TemporaryDirectory() as folder:
        write_runs(Path(folder), count)
        index = RunIndex(RunStore(Path(folder)))
        print(f"\n| {count} runs | CPU ms |\n|---|---|")
        for name, work in (
            ("every record read, once", index.refresh),
            ("another look, while none works", index.refresh),
            ("a page, newest first", lambda: index.page(RunQuery(), 0, 100)),
            ("a page of a search", lambda: index.page(RunQuery(search="experiment-3 run"), 0, 100)),
            ("a page, by score", lambda: index.page(RunQuery(sort="score"), 0, 100)),
            ("a page, by duration", lambda: index.page(RunQuery(sort="duration"), 0, 100)),
        ):
            began = time.process_time()
            work()
            print(f"| {name} | {1000 * (time.process_time() - began):.1f} |", flush=True)


def _fill(home: Path, runs: int) -> None:
    write_runs(home, runs)
    shown = make_run(home, "shown")
    shown.log.write_text("".join(f"step {number}\n" for number in range(200)))
    shown.outputs.mkdir()
    make_sweep(home, "sweep", 40)
    make_pipeline(home, "pipe")


def _routes(server: PageServer, rounds: int) -> None:
    began = time.perf_counter()
    server.ask("/jobs")
    print(f"\nfirst answer after the start, reading every record: {_ms(began):.0f} ms")
    print("\n| route | median ms | KiB |\n|---|---|---|")
    for route in ROUTES:
        times, size = [], 0
        for _ in range(4 * rounds):
            began = time.perf_counter()
            with urllib.request.urlopen(f"{server.url}/api{route}") as answer:
                size = len(answer.read())
            times.append(_ms(began))
        print(f"| {route} | {statistics.median(times):.1f} | {size / 1024:.0f} |")


def _pages(server: PageServer, rounds: int) -> None:
    from playwright.sync_api import sync_playwright

    print("\n| page | first paint ms | there ms |\n|---|---|---|")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for path, text in PAGES.items():
            paints, there = [], []
            for _ in range(rounds):
                # A context of its own: nothing is in its cache.
                context = browser.new_context(viewport={"width": 1280, "height": 860})
                page = context.new_page()
                page.set_default_timeout(120_000)
                page.goto(f"{server.url}{path}", wait_until="commit")
                page.locator("main").get_by_text(text).first.wait_for(state="attached")
                there.append(page.evaluate("performance.now()"))
                paints.append(page.evaluate(_PAINT))
                context.close()
            print(f"| {path} | {statistics.median(paints):.0f} | {statistics.median(there):.0f} |")
        browser.close()


def _watching(server: PageServer, seconds: float) -> None:
    from playwright.sync_api import sync_playwright

    process = psutil.Process(server.process.pid)
    print("\n| who watches | CPU of the server, % of a core |\n|---|---|")
    print(f"| nobody | {_cpu(process, seconds, None):.2f} |")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(f"{server.url}/jobs/sweep?tab=trials")
        page.get_by_role("table", name="Trials").wait_for()
        sweep = server.home / "runs" / "sweep" / "sweep.json"
        content = json.loads(sweep.read_text())
        print(
            f"| one, a sweep of 40 trials that reports every second | {_cpu(process, seconds, (sweep, content)):.2f} |"
        )
        browser.close()


def _cpu(
    process: psutil.Process, seconds: float, sweep: tuple[Path, dict[str, Any]] | None
) -> float:
    """Percent of a core; `sweep` (its file and content) is written anew every second meanwhile."""
    before = process.cpu_times()
    began = time.monotonic()
    rounds = 0
    while time.monotonic() - began < seconds:
        if sweep is not None:
            path, content = sweep
            content["trials"][-1]["intervals"].append(0.5 + rounds / 1000)
            path.with_suffix(".part").write_text(json.dumps(content))
            path.with_suffix(".part").replace(path)
        rounds += 1
        time.sleep(1)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return 100 * spent / (time.monotonic() - began)


def _ms(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
