"""Shared by every room's tests: an empty workspace, no network, real data where it is at hand."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands
import filelock
import psutil
import pytest
from hub import Hub
from pictures import encoded, noise, write_class_folders
from ray_clusters import in_own_thread
from work_units import WorkUnits, turn, uses_ray

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Rooms whose tests use MLflow.
WITH_MLFLOW = {"cli", "client", "jobs", "journeys", "samples", "workspace"}

Command = Callable[..., Any]

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal out files, not single tests."""
    return WorkUnits(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first where several workers share them, with time enough on a slow machine."""
    for item in items:
        is_long = "journeys" in item.path.parts or uses_ray(item.nodeid)
        if is_long and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))
    if config.pluginmanager.hasplugin("xdist"):
        items.sort(key=lambda item: turn(item.nodeid))
    # What was imported stays: no collection of garbage needs to look at it again.
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests of Ray as they have to be."""
    if not uses_ray(pyfuncitem.nodeid):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    in_own_thread(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
    return True


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow's, made once for all test processes: it takes dozens of migrations."""
    base = tmp_path_factory.getbasetemp()
    # Of several test processes each has a folder in the one that they share.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = base / "template" / "mlflow.db"
    with filelock.FileLock(path.parent.with_suffix(".lock")):
        if not path.exists():
            environment = {**os.environ, "TINTYPE_HOME": str(path.parent)}
            command = [sys.executable, "-m", "tintype.cli", "model", "list"]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture(autouse=True)
def workspace_home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A fresh workspace folder for this test; nothing reads or writes the user's own."""
    home = tmp_path_factory.mktemp("home")
    if WITH_MLFLOW & set(request.path.parts):
        shutil.copyfile(request.getfixturevalue("mlflow_database"), home / "mlflow.db")
    monkeypatch.setenv("TINTYPE_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # Exact and without a conversion for every tiny model; tests of the others ask for them.
    monkeypatch.setenv("TINTYPE_RUNTIME", "torch")
    monkeypatch.setenv("TINTYPE_PRECISION", "fp32")
    yield home
    end_processes_of(home)


def end_processes_of(home: Path) -> None:
    """End what a test has left running in its workspace, as one does that fails: a job takes the time of all
    tests that follow."""
    if not (home / "runs").exists() and not (home / "daemon").exists():
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            # A Ray cluster is another one's to end: whoever is connected to it would end with it.
            ours = any(part.startswith("tintype.") for part in process.cmdline())
            if ours and process.environ().get("TINTYPE_HOME") == str(home):
                process.kill()


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """Twelve pictures of each of two classes."""
    return write_class_folders(tmp_path / "pictures")


@pytest.fixture
def vit_checkpoint(tmp_path: Path) -> Path:
    """A small ViT for three labels, in Hub format."""
    from checkpoints import write_checkpoint

    return write_checkpoint(tmp_path / "vit")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A model folder of a small ViT for three labels."""
    from checkpoints import write_checkpoint

    from tintype.images.preprocess import Preprocessor
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.classifier import load_classifier
    from tintype.models.model_folder import write_model_folder

    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path / "source")))
    return write_model_folder(
        tmp_path / "model-folder",
        model=load_classifier(checkpoint),
        preprocessor=Preprocessor.from_folder(checkpoint.folder),
        task="image_classification",
        classes=("can", "carton", "jug"),
        card={"base_checkpoint": "test"},
        input_example=encoded(noise(40, 50)),
    ).path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub on loopback with a cache of its own, and everything pointed at it."""
    from huggingface_hub import constants

    hub = Hub()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("TINTYPE_HUB_ENDPOINT", hub.url)
    yield hub
    hub.server.shutdown()


@pytest.fixture
def sign_digits() -> Path:
    """The folder of class folders with 2,062 photos; skips visibly where it is absent."""
    return _real("sign-digits")


@pytest.fixture
def playing_cards() -> Path:
    """The folder with `images/` and a multi-label `labels.csv`; skips visibly where absent."""
    return _real("playing-cards")


def _real(name: str) -> Path:
    folder = REAL_DATA / name
    if not folder.is_dir():
        pytest.skip(f"real data not at hand: {folder}")
    return folder


@pytest.fixture
def command() -> Command:
    """Runs a command line in this process; gives the JSON that it printed, else its text, and what it
    said on standard error where it is to fail."""

    def run(*arguments: object, code: int = 0) -> Any:
        result = commands.run(*arguments, code=code)
        if code:
            return result.stderr
        printed = result.stdout
        return json.loads(printed) if printed[:1] in ("{", "[", '"') else printed

    return run


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are submitted wait: the test runs them itself."""

    class Worker:
        pid = None

    monkeypatch.setattr("tintype.jobs.submit.start_worker", lambda *arguments: Worker())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of the system, without a window; skips visibly where it or playwright is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
