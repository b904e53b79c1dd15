"""The ground floor: files, settings, errors."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tintype.errors import DocumentError, OutputError, UsageError, nearest
from tintype.files import atomic_folder, locked_folder, write_bytes, write_json
from tintype.settings import get_settings


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        write_json(path, {"a": float("nan")})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]
    with pytest.raises(OutputError, match="cannot write"):
        write_bytes(path / "below-a-file", b"")


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "a").write_text("first")
        assert not target.exists()
    with pytest.raises(RuntimeError), atomic_folder(target) as temporary:
        (temporary / "a").write_text("second")
        raise RuntimeError
    assert (target / "a").read_text() == "first"
    with atomic_folder(target) as temporary:
        (temporary / "b").write_text("third")
    assert [p.name for p in target.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def _try_to_lock(path: str, queue: object) -> None:
    try:
        with locked_folder(Path(path)):
            queue.put("locked")  # type: ignore[attr-defined]
    except OutputError as error:
        queue.put(str(error))  # type: ignore[attr-defined]


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with locked_folder(tmp_path / "out"):
        process = context.Process(target=_try_to_lock, args=(str(tmp_path / "out"), queue))
        process.start()
        assert "being written by another job" in queue.get(timeout=10)
        process.join()
    _try_to_lock(str(tmp_path / "out"), queue)
    assert queue.get(timeout=10) == "locked"


def test_settings_come_from_environment_then_file(
    workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace_home / "settings.yaml").write_text(
        "threads: 3\nallow_urls: no\ndatastores: {a: /b}\n"
    )
    settings = get_settings()
    assert (settings.threads, settings.allow_urls, settings.datastores) == (3, False, {"a": "/b"})
    monkeypatch.setenv("TINTYPE_THREADS", "1")
    monkeypatch.setenv("TINTYPE_DATASTORES", '{"x": "/y"}')
    assert get_settings().cpu_threads == 1
    assert get_settings().datastores == {"x": "/y"}
    for wrong in ("many", ""):
        monkeypatch.setenv("TINTYPE_THREADS", wrong)
        with pytest.raises(UsageError, match="TINTYPE_THREADS"):
            get_settings()
    monkeypatch.delenv("TINTYPE_THREADS")
    (workspace_home / "settings.yaml").write_text("thread: 3\n")
    with pytest.raises(DocumentError, match="Did you mean 'threads'"):
        get_settings()


def test_nearest() -> None:
    assert (
        nearest("learning_rte", ["learning_rate", "optimizer"]) == " Did you mean 'learning_rate'?"
    )
    assert nearest("xyz", ["learning_rate"]) == ""


def test_a_file_can_be_its_owners_alone(tmp_path: Path) -> None:
    write_json(tmp_path / "secret.json", {"key": "x"}, mode=0o600)
    write_json(tmp_path / "plain.json", {})
    assert (tmp_path / "secret.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "plain.json").stat().st_mode & 0o777 == 0o644
