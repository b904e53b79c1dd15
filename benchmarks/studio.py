"""How soon the studio's pages are there, and what a live page costs the machine.

    python benchmarks/studio.py [--runs 1000] [--pictures 100000] [--rounds 5] [--watch-seconds 30]

A workspace of that many runs is made in a temporary folder, `tintype studio` serves it, headless Chromium opens each
page anew. Printed: milliseconds from the request to the first paint with content, and until what the page is about is
there (asked: first paint below 500 ms), medians; the routes behind them; and the server's CPU time while one
browser watches a sweep that reports every second, or an endpoint (asked: below 2 % of a core), beside nobody watching.
Of a table of that many pictures: how long it takes to be read and looked at in the background; its routes; and the
longest time that a picture in sight was blank while its grid was scrolled (asked: 100 ms). And what a table of a
million rows costs.
"""

from __future__ import annotations

import argparse
import json
import os
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

from commands import run
from pages import PageServer
from pictures import encoded, noise
from studio_models import make_model_run
from studio_runs import make_pipeline, make_run, make_sweep, write_runs

from tintype.studio.tables.picture_table import PictureTable, TableFilter
from tintype.studio.tables.reading import read_table
from tintype.studio.tables.references import TableSource
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore
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
    "/data/table?of=folder:photos": "pictures",
    "/data/picture?of=folder:photos&row=7": "Its row",
    "/models": "photos",
    "/models/photos": "Where it is from",
    "/catalog": "google/vit-base-patch16-224",
    "/endpoints": "photos",
    "/endpoints/photos": "Traffic",
    "/labelling": "No labelling projects yet",
}

ROUTES = (
    "/home",
    "/jobs",
    "/jobs?sort=score&search=experiment-3&offset=100",
    "/jobs/shown",
    "/jobs/sweep/trials",
    "/table?of=folder:photos",
    "/table/rows?of=folder:photos&limit=120&offset=50000",
    "/table/rows?of=folder:photos&limit=120&text=777&label=class-3",
    "/table/balance?of=folder:photos&text=7",
    "/models",
    "/models/photos",
    "/models/catalog",
    "/endpoints",
    "/endpoints/photos",
)

# For every frame, whether a picture in sight shows nothing: neither itself nor its tiny copy.
_BLANK = """() => {
  const grid = document.querySelector(".pictures");
  const told = { longest: 0, frames: 0, blank: 0, until: performance.now() + 8000 };
  let since = null;
  return new Promise((done) => {
    const look = (now) => {
      const box = grid.getBoundingClientRect();
      const tiles = [...grid.querySelectorAll(".thumb")].filter((tile) => {
        const { top, bottom } = tile.getBoundingClientRect();
        return bottom > box.top && top < box.bottom;
      });
      const empty = tiles.length === 0 || tiles.some((tile) => {
        const image = tile.querySelector("img");
        const tiny = tile.style.backgroundImage;
        return !(image?.complete && image.naturalWidth) && (!tiny || tiny === "none");
      });
      told.frames += 1;
      if (empty) {
        told.blank += 1;
        since ??= now;
        told.longest = Math.max(told.longest, now - since);
      } else since = null;
      grid.scrollTop += STEP;
      if (now < told.until) requestAnimationFrame(look);
      else done(told);
    };
    requestAnimationFrame(look);
  });
}"""

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--listed", type=int, default=10_000, help="runs of the first table")
    arguments.add_argument("--pictures", type=int, default=100_000)
    arguments.add_argument("--rows", type=int, default=1_000_000, help="of the largest table")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--watch-seconds", type=float, default=30.0)
    given = arguments.parse_args()
    print(f"Machine: {machine()}")
    _index(given.listed)
    _columns(given.rows)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _fill(home, given.runs)
        photos = write_many_pictures(home / "photos", given.pictures)
        server = PageServer(home, "studio", "--no-browser", "--data", str(photos))
        try:
            _table(server)
            _scrolling(server)
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


def _columns(count: int) -> None:
    """What a table of many rows costs, in CPU time; its pictures need not be there."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        with path.open("w") as lines:
            for number in range(count):
                row = {"image_url": f"{number:07d}.jpg", "label": f"class {number % 1000}"}
                lines.write(json.dumps(row) + "\n")
        kept = Path(folder) / "kept"
        began = time.process_time()
        read_table(TableSource("rows", "rows", path), kept, lambda done, total: None)
        print(f"\n| table of {count} rows | CPU ms |\n|---|---|")
        print(f"| read once, in the background | {1000 * (time.process_time() - began):.0f} |")
        table = PictureTable(kept)
        every = table.found(TableFilter())
        for name, work in (
            ("all rows", lambda: table.found(TableFilter())),
            ("rows of a label", lambda: table.found(TableFilter(labels=("class 7",)))),
            ("rows by a part of the name", lambda: table.found(TableFilter(text="777"))),
            ("how many have which label", lambda: table.balance(every)),
            ("120 rows as JSON", lambda: [table.shown(int(row)) for row in every[-120:]]),
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
    make_model_run(home, "teach", home)
    path = "azureml://jobs/teach/outputs/artifacts/paths/outputs/mlflow-model/"
    run("model", "create", "--name", "photos", "--path", path, TINTYPE_HOME=str(home))
    store = EndpointStore(home)
    keys = {"primary": "", "secondary": ""}
    store.save(EndpointRecord("photos", {"name": "photos"}, keys, {"blue": 100}))
    given = {"name": "blue", "endpoint_name": "photos", "model": "azureml:photos:1"}
    store.save(DeploymentRecord("photos", "blue", given, "a-model"))


def write_many_pictures(folder: Path, count: int) -> Path:
    """`count` pictures in ten class folders: links to 500 different photos of 320 by 240."""
    different = [encoded(noise(240, 320, seed), "JPEG") for seed in range(500)]
    for number in range(count):
        path = folder / f"class-{number % 10}" / f"{number:06d}.jpg"
        if number < 10:
            path.parent.mkdir(parents=True)
        if number < len(different):
            path.write_bytes(different[number])
        else:
            first = number % len(different)
            os.link(folder / f"class-{first % 10}" / f"{first:06d}.jpg", path)
    return folder


def _table(server: PageServer) -> None:
    begun = time.perf_counter()
    while server.ask("/table?of=folder:photos")["summary"] is None:
        time.sleep(0.05)
    print(f"\ntable read in the background: {_ms(begun) / 1000:.1f} s")
    token = server.ask("/session")["csrf"]
    order = urllib.request.Request(
        f"{server.url}/api/table/inspection?of=folder:photos",
        b"",
        {"x-csrf-token": token, "content-type": "application/json"},
        method="POST",
    )
    urllib.request.urlopen(order).close()
    begun = time.perf_counter()
    while server.ask("/table?of=folder:photos")["summary"]["near_duplicates"] is None:
        time.sleep(0.5)
    print(f"every picture looked at in the background: {_ms(begun) / 1000:.1f} s")


def _scrolling(server: PageServer) -> None:
    from playwright.sync_api import sync_playwright

    print(
        "\n| grid scrolled by | longest blank ms | frames | frames with a blank |\n|---|---|---|---|"
    )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        for words, step in (("40 pixels a frame", 40), ("a screen each frame", 800)):
            page.goto(f"{server.url}/data/table?of=folder:photos")
            page.locator(".tile img").first.wait_for()
            told = page.evaluate(_BLANK.replace("STEP", str(step)))
            print(f"| {words} | {told['longest']:.0f} | {told['frames']} | {told['blank']} |")
        browser.close()


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
        page.goto(f"{server.url}/endpoints/photos?tab=logs")
        page.get_by_role("log").wait_for()
        print(f"| one, an endpoint | {_cpu(process, seconds, None):.2f} |")
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
