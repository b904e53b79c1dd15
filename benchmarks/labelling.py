"""What labelling costs a person and a server: `python benchmarks/labelling.py teach|bulk|server`.

teach    labels until a linear head has 95 % of the accuracy that all labels give, by the assistant's order,
         by plain uncertainty (the margin alone, as Label Studio orders tasks by a model's score) and at random
bulk     actions until everything is labelled: groups and sure suggestions confirmed at a stroke, wrong
         ones taken out one by one; the peer is one key a picture
server   labellers who act twice a second on many pictures, while the server is killed
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import numpy as np
from machine import machine
from photo_sets import NAMES, photo_set

from tintype.data import read_image_table
from tintype.labelling.access import open_session
from tintype.labelling.actions import Action, record_action
from tintype.labelling.assistance.accuracy import right_of
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.features import PictureFeatures
from tintype.labelling.assistance.known import Decided, targets_of
from tintype.labelling.assistance.quick_head import Scaling, fit_quick_head
from tintype.labelling.database import Database, open_database
from tintype.labelling.making import make_project
from tintype.labelling.people import assign_role, person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, page_of
from tintype.labelling.projects import create_project, find_project
from tintype.labelling.server.guard import COOKIE
from tintype.schemas.labelling_project import LabellingProjectDocument

STEP, SHARE = 10, 0.95
MISSED = 0.1  # of the wrong pictures on a page, so many are not seen
PAGE = 36


class Simulated:
    """A project of photos whose labels are known, its features, and a labeller who knows them."""

    def __init__(self, name: str, seed: int, folder: Path) -> None:
        photos = photo_set(name, seed, folder)
        if photos is None:
            raise SystemExit(f"the photos of {name} are not at hand")
        self.train, self.test = read_image_table(photos.train), read_image_table(photos.test)
        self.multilabel = photos.multilabel
        self.database = open_database(f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}")
        document = {
            "name": "photos",
            "task": self.train.task,
            "labels": [{"name": label} for label in self.train.classes],
            "data": str(folder),
        }
        with self.database.writing() as connection:
            checked = LabellingProjectDocument.model_validate(document)
            project = create_project(connection, checked)
            for table in (self.train, self.test):
                places = list(table.locations())
                add_pictures(connection, project, [(place, place) for place in places])
            self.person = person_named(connection, "simulated")
        self.features = PictureFeatures(self.database, project)
        self.features.compute(threading.Event())
        with self.database.reading() as connection:
            self.project = find_project(connection, "photos")
            pictures = page_of(connection, self.project, PictureFilter(), after=0, limit=1_000_000)
        ids = {label.name: label.id for label in self.project.labels}
        known = {}
        for table in (self.train, self.test):
            for row, place in enumerate(table.locations()):
                label = table.label(row)
                names = label if isinstance(label, list) else [label]
                known[place] = tuple(sorted(ids[name] for name in names))
        self.truth = {picture.id: known[picture.location] for picture in pictures}
        tested = set(self.test.locations())
        self.judged = [p.id for p in pictures if p.location in tested and self.features.has(p.id)]
        # Nobody is asked about those.
        self._skip(self.judged)
        self.free = [p.id for p in pictures if p.location not in tested]

    def _skip(self, pictures: list[int]) -> None:
        with self.database.writing() as connection:
            record_action(
                connection,
                self.project,
                self.person,
                Action(uuid.uuid4().hex, "skip", pictures),
            )

    def answer(self, labels: dict[int, tuple[int, ...]]) -> None:
        """Label pictures in one action."""
        with self.database.writing() as connection:
            action = Action(uuid.uuid4().hex, "label", list(labels), labels)
            record_action(connection, self.project, self.person, action)

    def accuracy(self, labelled: list[int]) -> float:
        """On the test photos, of a head of these labels."""
        decided = [Decided(n, self.truth[n]) for n in labelled if self.features.has(n)]
        features = self.features.gather([one.id for one in decided])
        targets, classes = targets_of(decided, self.project)
        scaling = Scaling.of(self.features.gather(self.free[:2000]))
        head = fit_quick_head(features, targets, classes, self.project.task, scaling)
        if head is None:
            return 0.0
        tested = [Decided(number, self.truth[number]) for number in self.judged]
        wanted, _ = targets_of(tested, self.project, classes)
        probabilities = head.probabilities(self.features.gather(self.judged))
        return float(right_of(probabilities, wanted, self.project.task).mean())


def teach(names: list[str], seeds: int) -> None:
    """Print labels needed, by order."""
    print(
        "| photos | all labels | accuracy with all | random | uncertainty alone | ours | random / ours |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in names:
        needed: dict[str, list[int]] = {"random": [], "margin": [], "auto": []}
        whole = []
        for seed in range(seeds):
            for kind, counts in needed.items():
                with tempfile.TemporaryDirectory() as folder:
                    simulated = Simulated(name, seed, Path(folder))
                    wanted = SHARE * simulated.accuracy(simulated.free)
                    counts.append(_labels_needed(simulated, kind, wanted))
                    total = len(simulated.free)
                    whole.append(wanted / SHARE)
        middle = {kind: int(np.median(counts)) for kind, counts in needed.items()}
        print(
            f"| {name} | {total} | {np.mean(whole):.3f} | {middle['random']} | {middle['margin']} | "
            f"{middle['auto']} | {middle['random'] / middle['auto']:.1f}x |",
            flush=True,
        )


def _labels_needed(simulated: Simulated, kind: str, wanted: float) -> int:
    """Labels until the accuracy is there, and in the step after it, too."""
    assistant = Assistant(simulated.database, "photos", simulated.features)
    labelled: list[int] = []
    reached = 0
    while len(labelled) < len(simulated.free):
        assistant.refresh()
        # Before there is a head, uncertainty alone says nothing: at random, then.
        order = "random" if kind == "margin" and len(labelled) < STEP else kind
        fresh = [number for number in assistant.order(order) if number not in labelled][:STEP]  # type: ignore[arg-type]
        if not fresh:
            break
        simulated.answer({number: simulated.truth[number] for number in fresh})
        labelled += fresh
        if simulated.accuracy(labelled) < wanted:
            reached = 0
        elif reached:
            return reached
        else:
            reached = len(labelled)
    return reached or len(labelled)


def bulk(names: list[str]) -> None:
    """Print actions until everything is labelled."""
    print("| photos | pictures | actions | share of one key a picture | wrong at the end |")
    print("|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            simulated = Simulated(name, 0, Path(folder))
            actions, wrong = _actions_needed(simulated)
            total = len(simulated.free)
            share = actions / total
            print(
                f"| {name} | {total} | {actions} | {share:.2f} | {wrong / total:.2%} |", flush=True
            )


def _actions_needed(simulated: Simulated) -> tuple[int, int]:
    """Actions, and pictures that end with a wrong label."""
    random = np.random.default_rng(0)
    assistant = Assistant(simulated.database, "photos", simulated.features)
    given: dict[int, tuple[int, ...]] = {}
    actions, truth = 0, simulated.truth

    def confirm(pictures: list[int], labels: tuple[int, ...]) -> int:
        """Take out what is seen to be wrong, one action each; label the rest, one action."""
        seen = [n for n in pictures if truth[n] != labels and random.random() >= MISSED]
        rest = {n: labels for n in pictures if n not in seen}
        if rest:
            simulated.answer(rest)
            given.update(rest)
        return len(seen) + 1

    while len(given) < len(simulated.free):
        assistant.refresh()
        free = [number for number in assistant.order("random") if number not in given]
        if not free:
            break
        pages: dict[tuple[int, ...], list[int]] = {}
        for one in assistant.confident(None, 0.9, 5_000):
            pages.setdefault(one.labels, []).append(one.picture)
        worth = {labels: page[:PAGE] for labels, page in pages.items() if len(page) >= 3}
        if worth:
            for labels, page in worth.items():
                actions += confirm(page, labels)
        elif len(given) < 10 and (groups := assistant.groups()):
            for group in groups[:8]:
                members = list(group.pictures)[:PAGE]
                kinds = [truth[number] for number in members]
                actions += confirm(members, max(set(kinds), key=kinds.count))
                assistant.refresh()
        else:
            for number in assistant.order("auto")[:STEP]:
                actions += 1
                given[number] = truth[number]
                simulated.answer({number: truth[number]})
    return actions, sum(labels != truth[number] for number, labels in given.items())


def server(labellers: int, pictures: int, seconds: float, kills: int) -> None:
    """Print latencies, and actions that were answered for and are lost."""
    with tempfile.TemporaryDirectory() as folder:
        # Nothing lies behind those URLs: no model is to look for it.
        os.environ |= {"TINTYPE_HOME": folder, "TINTYPE_OFFLINE": "true"}
        database = open_database()
        with database.writing() as connection:
            document = LabellingProjectDocument.model_validate(
                {
                    "name": "many",
                    "labels": [{"name": "a"}, {"name": "b"}],
                    "data": "/nowhere",
                    "model": "/no/model",
                }
            )
            project = create_project(connection, document)
            begun = time.perf_counter()
            places = (f"https://pictures.test/{number}.jpg" for number in range(pictures))
            add_pictures(connection, project, ((place, place[-12:]) for place in places))
        print(f"{pictures} pictures added in {time.perf_counter() - begun:.1f} s", flush=True)
        with database.writing() as connection:
            sessions = []
            for number in range(labellers):
                person = person_named(connection, f"labeller {number}")
                assign_role(connection, project.id, person, "labeller")
                sessions.append(open_session(connection, person))
        latencies, answered = asyncio.run(_crowd(sessions, seconds, kills))
        with database.reading() as connection:
            kept = set(connection.exec_driver_sql("SELECT client_id FROM actions").scalars())
            labelled = connection.exec_driver_sql(
                "SELECT count(*) FROM pictures WHERE state = 'labelled'"
            ).scalar()
        for what, values in latencies.items():
            p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1000
            print(f"{what}: {len(values)}, p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
        print(f"answered for {len(answered)}, lost {len(answered - kept)}, labelled {labelled}")
        database.close()


async def _crowd(
    sessions: list[str], seconds: float, kills: int
) -> tuple[dict[str, list[float]], set[str]]:
    import httpx

    address = "http://127.0.0.1:8477"
    latencies: dict[str, list[float]] = {"action": [], "next pictures": []}
    answered: set[str] = set()
    process = await _started(address)
    end = time.monotonic() + seconds
    async with contextlib.AsyncExitStack() as opened:
        clients = [
            await opened.enter_async_context(
                httpx.AsyncClient(base_url=address, timeout=30, cookies={COOKIE: session})
            )
            for session in sessions
        ]

        async def ask(
            client: httpx.AsyncClient, path: str, body: dict[str, object], what: str
        ) -> dict[str, object]:
            """Ask until it is answered; what is measured is the answer that came."""
            while True:
                begun = time.perf_counter()
                try:
                    answer = await client.post(f"/api/projects/many{path}", json=body)
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
                    continue
                if answer.status_code == 403:
                    shown = (await client.get("/api/session")).json()
                    client.headers["x-csrf-token"] = shown["csrf"]
                    continue
                latencies[what].append(time.perf_counter() - begun)
                return dict(answer.json())

        async def labeller(number: int) -> None:
            client = clients[number]
            await asyncio.sleep(number / len(clients) / 2)
            while time.monotonic() < end:
                given = await ask(
                    client, "/tasks", {"count": 9, "order": "random"}, "next pictures"
                )
                for picture in given["pictures"]:  # type: ignore[attr-defined]
                    begun = time.monotonic()
                    client_id = uuid.uuid4().hex
                    body = {
                        "client_id": client_id,
                        "kind": "label",
                        "pictures": [picture["id"]],
                        "labels": ["a"],
                    }
                    done = await ask(client, "/actions", body, "action")
                    if "action" in done:
                        answered.add(client_id)
                    await asyncio.sleep(max(0.0, 0.5 - (time.monotonic() - begun)))

        async def killer() -> None:
            nonlocal process
            for _ in range(kills):
                await asyncio.sleep(seconds / (kills + 1))
                process.send_signal(signal.SIGKILL)
                process.wait()
                process = await _started(address)

        await asyncio.gather(*(labeller(number) for number in range(len(clients))), killer())
    process.terminate()
    process.wait()
    return latencies, answered


async def _started(address: str) -> subprocess.Popen[bytes]:
    import httpx

    port = address.rsplit(":", 1)[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tintype.cli", "label", "serve", "--port", port],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    async with httpx.AsyncClient(base_url=address) as client:
        while True:
            try:
                await client.get("/api/session")
                return process
            except httpx.TransportError:
                await asyncio.sleep(0.05)


def folder_to_first_label(pictures: int) -> None:
    """Print the time from a folder of pictures to the first one that is labelled."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        os.environ["TINTYPE_HOME"] = f"{folder}/home"
        photos = Path(folder) / "photos"
        photos.mkdir()
        for number in range(pictures):
            Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(photos / f"{number}.png")
        database: Database = open_database()
        begun = time.perf_counter()
        document = {"name": "p", "labels": [{"name": "a"}], "data": str(photos)}
        project = make_project(database, LabellingProjectDocument.model_validate(document))
        with database.writing() as connection:
            person = person_named(connection, "ann")
            first = page_of(connection, project, PictureFilter(), after=0, limit=1)[0]
            label = project.labels[0].id
            action = Action(uuid.uuid4().hex, "label", [first.id], [label])
            record_action(connection, project, person, action)
        print(f"{pictures} pictures, first labelled after {time.perf_counter() - begun:.1f} s")


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["teach", "bulk", "server"])
    parser.add_argument("--sets", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labellers", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    print(machine())
    if given.what == "teach":
        teach(given.sets, given.seeds)
    elif given.what == "bulk":
        bulk(given.sets)
    else:
        server(given.labellers, given.pictures, given.seconds, given.kills)
        folder_to_first_label(10_000)


if __name__ == "__main__":
    main()
