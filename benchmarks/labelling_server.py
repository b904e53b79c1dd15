"""Labellers at a real server: latencies while many act and it is killed, pages of a large project, a first label."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import photo_jpeg

from tintype.labelling.access import open_session
from tintype.labelling.actions import Action, record_action
from tintype.labelling.assistance.features import PictureFeatures
from tintype.labelling.database import open_database
from tintype.labelling.people import assign_role, person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, page_of
from tintype.labelling.projects import create_project
from tintype.schemas.labelling_project import LabellingProjectDocument
from tintype.web.guard import COOKIE

__all__ = ["first_label", "pages", "server"]

_AHEAD = 9
"""Pictures that a labeller fetches at once."""

_PAUSE = 0.5
"""Seconds from one action of a labeller to the next."""

_AGAIN = (0.5, 1.0, 2.0, 5.0)
"""Seconds after which a request is sent again that got no answer, half of them more or less: outbox.js."""

_THUMBNAIL_EVERY = 4
"""Of so many pictures a labeller asks for one thumbnail; the rest the browser has."""

_PHOTOS = 200
"""Different photos; all other pictures are further names of these."""

_LABELS = ("a", "b", "c", "d")


def server(labellers: int, pictures: int, seconds: float, kills: int) -> None:
    """Print latencies of labellers who act twice a second, and actions that were answered for and are
    lost, while the server is killed and started again."""
    with _workspace() as folder:
        database = open_database()
        document = LabellingProjectDocument.model_validate(
            {"name": "many", "labels": list(_LABELS), "data": str(folder)}
        )
        with database.writing() as connection:
            project = create_project(connection, document)
            add_pictures(connection, project, _photos(folder / "photos", pictures))
            sessions = []
            for number in range(labellers):
                person = person_named(connection, f"labeller {number}")
                assign_role(connection, project.id, person, "labeller")
                sessions.append(open_session(connection, person))
        # Suggestions are made while people label, as they are in a project that was opened yesterday.
        PictureFeatures(database, project).compute(threading.Event())
        database.close()
        crowd = _Crowd(sessions, seconds)
        busy = time.process_time()
        asyncio.run(crowd.at_work(kills))
        busy = time.process_time() - busy
        with open_database().reading() as connection:
            kept = set(connection.exec_driver_sql("SELECT client_id FROM actions").scalars())
            changes, labelled = connection.exec_driver_sql(
                "SELECT (SELECT count(*) FROM changes), "
                "(SELECT count(*) FROM pictures WHERE state = 'labelled')"
            ).one()
    print(f"{labellers} labellers, {pictures} pictures, {seconds:.0f} s, {kills} kills")
    for what, values in crowd.latencies.items():
        p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1000
        print(f"{what}: {len(values)}, p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
    print(
        f"processor time of the labellers themselves {busy:.1f} s; the server ended after "
        f"{crowd.ended_after:.2f} s"
    )
    print(
        f"actions answered for {len(crowd.answered)}, lost {len(crowd.answered - kept)}; "
        f"in the log {len(kept)}, changes {changes}, labelled {labelled}"
    )


def pages(pictures: int) -> None:
    """Print how long opening, filtering and the next page take in a project of many pictures."""
    with _workspace() as folder:
        database = open_database()
        document = LabellingProjectDocument.model_validate(
            {"name": "many", "labels": list(_LABELS), "data": str(folder), "model": "/no/model"}
        )
        with database.writing() as connection:
            project = create_project(connection, document)
            # Nothing lies behind these addresses: only the store is asked.
            places = (f"https://pictures.test/{number}.jpg" for number in range(pictures))
            add_pictures(
                connection, project, ((place, place.rsplit("/", 1)[1]) for place in places)
            )
            person = person_named(connection, "simulated")
            page = page_of(connection, project, PictureFilter(), after=0, limit=pictures)
            numbers = [picture.id for picture in page]
            half = numbers[: pictures // 2]
            for start in range(0, len(half), 20_000):
                part = half[start : start + 20_000]
                chosen = {number: [project.labels[number % 4].id] for number in part}
                action = Action(uuid.uuid4().hex, "label", part, chosen, how="bulk")
                record_action(connection, project, person, action)
            flagged = Action(uuid.uuid4().hex, "flag", half[:: pictures // 200])
            record_action(connection, project, person, flagged)
        database.close()
        asyncio.run(_ask_pages(pictures, numbers))


def first_label(pictures: int) -> None:
    """Print the time from a folder of pictures to the first one that is labelled, by the commands that a
    person types and the requests that a page makes."""
    with _workspace() as folder:
        list(_photos(folder / "photos", pictures))
        begun = time.perf_counter()
        command = [sys.executable, "-m", "tintype.cli", "label", "create", "--name", "many"]
        options = ["--data", str(folder / "photos"), "--label", "a", "--label", "b"]
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
        created = time.perf_counter() - begun
        labelled = asyncio.run(_label_one()) - begun
        print(
            f"{pictures} pictures: project made after {created:.1f} s, server started and first picture "
            f"labelled after {labelled:.1f} s"
        )


@contextlib.contextmanager
def _workspace() -> Iterator[Path]:
    """A folder for a workspace of its own, which settings point to."""
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"TINTYPE_HOME": f"{name}/home", "TINTYPE_OFFLINE": "true"}
        yield Path(name)


def _photos(folder: Path, count: int) -> Iterator[tuple[str, str]]:
    """Location and name of so many pictures: few photos under many names."""
    folder.mkdir()
    originals = []
    for number in range(min(_PHOTOS, count)):
        originals.append(folder / f"{number:06d}.jpg")
        originals[-1].write_bytes(photo_jpeg(320, 240, number))
    for number in range(count):
        path = folder / f"{number:06d}.jpg"
        if number >= _PHOTOS:
            os.link(originals[number % _PHOTOS], path)
        yield str(path), path.name


class _Client:
    """One keep-alive connection, with as little work as it takes: it shares the machine with the server."""

    def __init__(self, port: int, session: str = "") -> None:
        self._port, self._cookie, self._csrf = port, f"{COOKIE}={session}", ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes, float]:
        """Status, body and seconds of the answer; asked again until there is one.

        What is timed is the request that was answered.
        """
        tries = 0
        while True:
            begun = time.perf_counter()
            try:
                status, content = await self._once(method, path, body)
            except (OSError, asyncio.IncompleteReadError):
                self._streams = None
                # As the page does: not all of them in the moment in which the server is there again.
                await asyncio.sleep(random.uniform(0.5, 1.5) * _AGAIN[min(tries, len(_AGAIN) - 1)])
                tries += 1
                continue
            if status != 403:
                return status, content, time.perf_counter() - begun
            # A server that was started anew has another token.
            self._csrf = json.loads((await self.ask("GET", "/api/session"))[1])["csrf"]

    async def _once(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\ncookie: {self._cookie}\r\n"
            f"x-csrf-token: {self._csrf}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return int(headers[9:12]), await reader.readexactly(length)


class _Server:
    """`tintype label serve` in a process of its own, on a free port that it keeps."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tintype.cli", "label", "serve", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await _Client(self.port).ask("GET", "/api/session")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Returns when it has ended."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()


class _Crowd:
    """Labellers, each in a session of their own."""

    def __init__(self, sessions: list[str], seconds: float) -> None:
        self._sessions, self._seconds = sessions, seconds
        self.latencies: dict[str, list[float]] = {
            "action": [],
            "next pictures": [],
            "thumbnail": [],
        }
        self.answered: set[str] = set()
        """Client ids of actions that the server said it had saved."""
        self.ended_after = 0.0
        """Seconds from SIGTERM."""

    async def at_work(self, kills: int) -> None:
        """Label, while the server is killed so many times."""
        served = _Server()
        await served.start()
        end = time.monotonic() + self._seconds

        async def kill() -> None:
            for _ in range(kills):
                await asyncio.sleep(self._seconds / (kills + 1))
                served.end(signal.SIGKILL)
                await served.start()

        labellers = [
            # Each begins somewhere else in the pictures fetched at once: people do not fetch in step.
            self._label(
                _Client(served.port, session), number * _PAUSE * _AHEAD / len(self._sessions), end
            )
            for number, session in enumerate(self._sessions)
        ]
        await asyncio.gather(*labellers, kill())
        begun = time.perf_counter()
        served.end()
        self.ended_after = time.perf_counter() - begun

    async def _label(self, client: _Client, wait: float, end: float) -> None:
        await asyncio.sleep(wait)
        counter = itertools.count()
        while time.monotonic() < end:
            body: dict[str, Any] = {"count": _AHEAD, "order": "auto"}
            given = await self._timed(client, "next pictures", "POST", "/tasks", body)
            pictures = json.loads(given)["pictures"]
            if not pictures:
                return
            for picture in pictures:
                begun = time.monotonic()
                number, client_id = next(counter), uuid.uuid4().hex
                if number % _THUMBNAIL_EVERY == 0:
                    path = f"/pictures/{picture['id']}/thumbnail"
                    await self._timed(client, "thumbnail", "GET", path)
                body = {
                    "client_id": client_id,
                    "kind": "label",
                    "pictures": [picture["id"]],
                    # Of the photo, so that there is something to learn.
                    "labels": [_LABELS[int(picture["name"][:6]) % _PHOTOS % len(_LABELS)]],
                    "revisions": {str(picture["id"]): picture["revision"]},
                }
                done = json.loads(await self._timed(client, "action", "POST", "/actions", body))
                if "action" in done:
                    self.answered.add(client_id)
                await asyncio.sleep(max(0.0, _PAUSE - (time.monotonic() - begun)))

    async def _timed(
        self, client: _Client, what: str, method: str, path: str, body: Any = None
    ) -> bytes:
        status, content, seconds = await client.ask(method, f"/api/projects/many{path}", body)
        if status != 200 and status != 409:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        self.latencies[what].append(seconds)
        return content


async def _ask_pages(pictures: int, numbers: list[int]) -> None:
    served = _Server()
    await served.start()
    client = _Client(served.port)
    middle, late = numbers[len(numbers) // 4], numbers[-200]
    asked = {
        "project opened": "",
        "first page": "/pictures?limit=100",
        "page of the end": f"/pictures?limit=100&after={late}",
        "unlabelled": "/pictures?limit=100&state=unlabelled",
        "labelled or completed": f"/pictures?limit=100&state=labelled&state=completed&after={middle}",
        "a label": f"/pictures?limit=100&label=b&after={middle}",
        "a label and a state": f"/pictures?limit=100&label=b&state=labelled&after={middle}",
        "a label that nothing flagged has": "/pictures?limit=100&label=d&state=skipped",
        "in bulk": f"/pictures?limit=100&how=bulk&after={middle}",
        "a person": f"/pictures?limit=100&person=simulated&after={middle}",
        "flagged": "/pictures?limit=100&flagged=true",
        "flagged and unlabelled": "/pictures?limit=100&flagged=true&state=unlabelled",
        "with a fault": "/pictures?limit=100&fault=true",
    }
    print(f"| {pictures} pictures | first time, ms | median of ten, ms |")
    print("|---|---|---|")
    for what, path in {**asked, "next tasks": None}.items():
        seconds = []
        for _ in range(11):
            if path is None:
                answer = await client.ask("POST", "/api/projects/many/tasks", {"count": 36})
            else:
                answer = await client.ask("GET", f"/api/projects/many{path}")
            assert answer[0] == 200, answer
            seconds.append(answer[2])
        print(f"| {what} | {seconds[0] * 1000:.0f} | {np.median(seconds[1:]) * 1000:.0f} |")
    served.end()


async def _label_one() -> float:
    """When a picture was labelled by a server that is started for it: time.perf_counter()."""
    served = _Server()
    await served.start()
    client = _Client(served.port)
    content = (await client.ask("POST", "/api/projects/many/tasks", {"count": 1}))[1]
    picture = json.loads(content)["pictures"][0]["id"]
    thumbnail = await client.ask("GET", f"/api/projects/many/pictures/{picture}/thumbnail")
    body = {"client_id": "first-label", "kind": "label", "pictures": [picture], "labels": ["a"]}
    done = await client.ask("POST", "/api/projects/many/actions", body)
    labelled = time.perf_counter()
    assert thumbnail[0] == done[0] == 200, (thumbnail, done)
    served.end()
    return labelled
