"""The servers that serving.py measures: how each is started, asked and ended.

Peers run in an environment of their own for LitServe and Ray Serve, laid over this one: every other
package (torch, transformers, mlflow, FastAPI) is the very one that Tintype uses.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import photo_jpeg

__all__ = ["SERVERS", "Bench", "Running", "Server", "ServerFailed"]

HERE = Path(__file__).parent
PEERS = ["litserve==0.2.19", "ray[serve]==2.60.0"]
_ENDPOINT = "bench"
_CALIBRATION_PHOTOS = 64
_START_SECONDS = 240.0
_STOP_SECONDS = 30.0
# Answers that no waiting mends, unlike 404 and 503 of a server that is not ready yet.
_MISTAKES = (400, 401, 415, 422)


class ServerFailed(Exception):
    """A server that did not start, or that answers something else than it should."""


@dataclass(frozen=True)
class Bench:
    """Where things lie, and what is served."""

    folder: Path
    """Keeps environments, checkpoints and Tintype's home from run to run."""

    checkpoint: Path

    labels: tuple[str, ...] | None
    """Zero-shot labels of every request; None for a classifier."""

    tintype: str = "serve"
    """How Tintype serves: `serve`, one process, or `endpoint`, its online endpoints."""

    @property
    def environment(self) -> dict[str, str]:
        """Of every server: offline, with Tintype's home beside the rest."""
        scripts = f"{self.folder / 'peers' / 'bin'}{os.pathsep}{Path(sys.executable).parent}"
        return {
            **os.environ,
            "TINTYPE_HOME": str(self.folder / "home"),
            "HF_HUB_OFFLINE": "1",
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        }


@dataclass(frozen=True)
class Running:
    """A server that was started."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    """None where Tintype's daemon looks after it."""


Starting = Callable[[Bench, Path], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Server:
    """One way to serve the checkpoint."""

    title: str

    group: str
    """`ours`; `ours-int8`, calibrated; `mlflow`; `users`, a peer as its users configure it;
    `users-bf16`, one of these whose users also set the precision by hand; `given`, a peer with our
    runtime and precision; `scorer`, a peer around our whole Scorer."""

    start: Starting
    """Starts it and gives its address at once; ends it on leaving."""

    request: Callable[[str, tuple[str, ...] | None], Any]
    """The JSON document for one image in base64."""

    top: Callable[[Any], tuple[str, float]]
    """The likeliest label of an answer and its score."""

    zero_shot: bool = True
    """Whether it can serve CLIP with labels in the request."""

    @contextmanager
    def serving(self, bench: Bench, log: Path, body: bytes) -> Iterator[tuple[Running, Any]]:
        """Start it, with its output in `log`, and end it on leaving.

        Returns:
            Where it is, and its first good answer to `body`.

        Raises:
            ServerFailed: it ended by itself, or gave no good answer in time.
        """
        with self.start(bench, log) as running:
            yield running, _first_answer(running, body, log)


# Tintype ------------------------------------------------------------------------------------------


def _start_tintype(bench: Bench, log: Path) -> AbstractContextManager[Running]:
    """Tintype, as `bench.tintype` says."""
    return (_start_endpoint if bench.tintype == "endpoint" else _start_serve)(bench, log, "auto")


def _start_int8(bench: Bench, log: Path) -> AbstractContextManager[Running]:
    """The same in int8, calibrated beforehand on photos like those that are sent."""
    images = bench.folder / "calibration"
    images.mkdir(parents=True, exist_ok=True)
    for seed in range(100, 100 + _CALIBRATION_PHOTOS):
        (images / f"{seed}.jpg").write_bytes(photo_jpeg(500, 375, seed))
    # Random weights have no classes to agree on: only the speed is measured.
    _tintype(
        bench,
        log,
        "model",
        "quantize",
        str(bench.checkpoint),
        "--images",
        str(images),
        "--min-agreement",
        "0",
    )
    return (_start_endpoint if bench.tintype == "endpoint" else _start_serve)(bench, log, "int8")


@contextmanager
def _start_serve(bench: Bench, log: Path, precision: str) -> Iterator[Running]:
    key, port = secrets.token_urlsafe(24), _free_port()
    command = [
        _tintype_script(),
        "serve",
        str(bench.checkpoint),
        "--port",
        str(port),
        "--precision",
        precision,
    ]
    with _process(command, {**bench.environment, "TINTYPE_KEY": key}, log) as process:
        headers = {"Authorization": f"Bearer {key}"}
        yield Running(f"http://127.0.0.1:{port}/score", headers, process)


@contextmanager
def _start_endpoint(bench: Bench, log: Path, precision: str) -> Iterator[Running]:
    """An online endpoint with one deployment, made by the commands that users type."""
    documents = {
        "endpoint": {"name": _ENDPOINT, "auth_mode": "key"},
        "deployment": {
            "name": "main",
            "endpoint_name": _ENDPOINT,
            "model": str(bench.checkpoint),
            "settings": {"precision": precision},
        },
    }
    files = {}
    for name, document in documents.items():
        files[name] = log.with_name(f"{name}.yml")
        # JSON is YAML.
        files[name].write_text(json.dumps(document))

    try:
        # What an earlier run that was killed may have left.
        _tintype(bench, log, "online-endpoint", "delete", "-n", _ENDPOINT, "--yes", check=False)
        _tintype(
            bench, log, "online-endpoint", "create", "--file", str(files["endpoint"]), "-o", "json"
        )
        _tintype(
            bench,
            log,
            "online-deployment",
            "create",
            "--file",
            str(files["deployment"]),
            "--all-traffic",
            "-o",
            "json",
        )
        keys = _tintype(
            bench, log, "online-endpoint", "get-credentials", "-n", _ENDPOINT, "-o", "json"
        )
        shown = _tintype(bench, log, "online-endpoint", "show", "-n", _ENDPOINT, "-o", "json")
        yield Running(shown["scoring_uri"], {"Authorization": f"Bearer {keys['primaryKey']}"})
    finally:
        _tintype(bench, log, "online-endpoint", "delete", "-n", _ENDPOINT, "--yes", check=False)
        # The daemon, which the first command started.
        _tintype(bench, log, "down", check=False)


def _tintype(bench: Bench, log: Path, *arguments: str, check: bool = True) -> Any:
    """Run a command of Tintype's; what it printed, where that is JSON."""
    done = subprocess.run(
        [_tintype_script(), *arguments],
        env=bench.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    with log.open("a") as file:
        file.write(f"$ tintype {' '.join(arguments)}\n{done.stderr}\n")
    if check and done.returncode:
        raise ServerFailed(f"tintype {' '.join(arguments)}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout) if check and done.stdout.strip() else None


def _tintype_request(image: str, labels: tuple[str, ...] | None) -> Any:
    if labels is None:
        return {"input_data": {"columns": ["image"], "index": [0], "data": [image]}}
    row = [image, ", ".join(labels)]
    return {"input_data": {"columns": ["image", "text"], "index": [0], "data": [row]}}


def _tintype_top(answer: Any) -> tuple[str, float]:
    best = max(range(len(answer[0]["probs"])), key=answer[0]["probs"].__getitem__)
    return answer[0]["labels"][best], answer[0]["probs"][best]


def _tintype_script() -> str:
    return str(Path(sys.executable).with_name("tintype"))


# Peers --------------------------------------------------------------------------------------------


@contextmanager
def _start_mlflow(bench: Bench, log: Path) -> Iterator[Running]:
    """`mlflow models serve`, of a model of its transformers flavour."""
    python, port = peer_python(bench.folder), _free_port()
    model = bench.folder / f"mlflow-{bench.checkpoint.name}"
    if not (model / "MLmodel").exists():
        shutil.rmtree(model, ignore_errors=True)
        script = HERE / "serving_peers" / "mlflow_model.py"
        with log.open("a") as file:
            done = subprocess.run(
                [python, script, bench.checkpoint, model],
                env=bench.environment,
                stdout=file,
                stderr=file,
                check=False,
            )
        if done.returncode:
            raise ServerFailed(f"mlflow cannot save the model:\n{_end_of(log)}")
    command = [
        str(python),
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        str(model),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "--env-manager",
        "local",
    ]
    with _process(command, bench.environment, log) as process:
        yield Running(f"http://127.0.0.1:{port}/invocations", {}, process)


def _mlflow_top(answer: Any) -> tuple[str, float]:
    best = answer["predictions"][0]["0"]
    return best["label"], best["score"]


def _script(name: str, kind: str) -> Starting:
    """A peer that is a script of serving_peers/, around a model of `kind`."""

    @contextmanager
    def start(bench: Bench, log: Path) -> Iterator[Running]:
        python, port = peer_python(bench.folder), _free_port()
        script = HERE / "serving_peers" / f"{name}.py"
        command = [str(python), str(script), str(bench.checkpoint), kind, str(port)]
        with _process(command, bench.environment, log) as process:
            yield Running(f"http://127.0.0.1:{port}/predict", {}, process)

    return start


def _peer_request(image: str, labels: tuple[str, ...] | None) -> Any:
    return {"image": image} if labels is None else {"image": image, "labels": labels}


def _peer_top(answer: Any) -> tuple[str, float]:
    found = answer["output"] if isinstance(answer, dict) else answer
    return found[0]["label"], found[0]["score"]


def peer_python(folder: Path) -> Path:
    """Python of the peers' environment, which is made on the first call."""
    environment = folder / "peers"
    python = environment / "bin" / "python"
    installed = environment / "installed"
    wanted = "\n".join(PEERS)
    if not installed.exists() or installed.read_text() != wanted:
        print("Setting up the peers' environment ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
    # Through `site`, so that the .pth files there count too: one of them is Tintype's own.
    under = sysconfig.get_path("purelib")
    below = next((environment / "lib").glob("python*/site-packages"))
    (below / "tintype_environment.pth").write_text(f"import site; site.addsitedir({under!r})\n")
    if not installed.exists():
        constraints = HERE.parent / "constraints.txt"
        subprocess.run(
            [
                python,
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "--constraint",
                str(constraints),
                *PEERS,
            ],
            check=True,
        )
        installed.write_text(wanted)
    return python


SERVERS: dict[str, Server] = {
    "tintype": Server("**Tintype**", "ours", _start_tintype, _tintype_request, _tintype_top),
    "tintype-int8": Server(
        "**Tintype**, int8 after `tintype model quantize`",
        "ours-int8",
        _start_int8,
        _tintype_request,
        _tintype_top,
    ),
    "mlflow": Server(
        "`mlflow models serve`, transformers flavour",
        "mlflow",
        _start_mlflow,
        lambda image, labels: {"inputs": [image]},
        _mlflow_top,
        zero_shot=False,
    ),
    "fastapi": Server(
        "FastAPI + transformers pipeline",
        "users",
        _script("fastapi_app", "pipeline"),
        _peer_request,
        _peer_top,
    ),
    "litserve": Server(
        "LitServe, batching, transformers",
        "users",
        _script("litserve_app", "fp32"),
        _peer_request,
        _peer_top,
    ),
    "ray": Server(
        "Ray Serve, `@serve.batch`, transformers pipeline",
        "users",
        _script("ray_app", "pipeline"),
        _peer_request,
        _peer_top,
    ),
    "litserve-bf16": Server(
        "LitServe, batching, transformers in bf16 by hand",
        "users-bf16",
        _script("litserve_app", "bf16"),
        _peer_request,
        _peer_top,
    ),
    "litserve-openvino": Server(
        "LitServe, batching, OpenVINO in bf16 by hand",
        "given",
        _script("litserve_app", "openvino"),
        _peer_request,
        _peer_top,
    ),
    "litserve-scorer": Server(
        "LitServe, batching, our Scorer",
        "scorer",
        _script("litserve_app", "scorer"),
        _peer_request,
        _peer_top,
    ),
    "ray-scorer": Server(
        "Ray Serve, `@serve.batch`, our Scorer",
        "scorer",
        _script("ray_app", "scorer"),
        _peer_request,
        _peer_top,
    ),
}


# Processes ----------------------------------------------------------------------------------------


def _first_answer(running: Running, body: bytes, log: Path) -> Any:
    request = urllib.request.Request(
        running.url, body, {"Content-Type": "application/json", **running.headers}
    )
    end, last = time.monotonic() + _START_SECONDS, "none"
    while time.monotonic() < end:
        if running.process is not None and running.process.poll() is not None:
            raise ServerFailed(f"ended with {running.process.returncode}:\n{_end_of(log)}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            last = f"{error.code} {error.read(500)!r}"
            if error.code in _MISTAKES:
                break
        except (OSError, ValueError) as error:
            last = str(error)
        time.sleep(0.3)
    raise ServerFailed(f"no good answer; the last was: {last}\n{_end_of(log)}")


@contextmanager
def _process(
    command: list[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` with its output in `log`; afterwards end it and every process it started."""
    import psutil

    with log.open("a") as file:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        family = []
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _, left = psutil.wait_procs(family, timeout=5)
        for child in left:
            child.kill()
        # What outlived a server that ended by itself; the group is this process's own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
