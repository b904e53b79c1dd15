"""Atomic writes, so that no reader sees half a file, and locks against a second writer."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tintype.errors import OutputError

__all__ = [
    "atomic_folder",
    "copy_file",
    "file_stamp",
    "folder_made_once",
    "locked_folder",
    "output_errors",
    "write_bytes",
    "write_json",
    "write_text",
]


def write_bytes(
    path: Path, content: bytes, *, mode: int = 0o644, survives_power_cut: bool = True
) -> None:
    """Write `content` to `path` through a temporary file and a rename.

    Args:
        mode: permissions; nobody else can read the file before it has them.
        survives_power_cut: wait until the disk has it. A killed process loses nothing in any case.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    with _replacing(path) as temporary:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            if survives_power_cut:
                os.fsync(file.fileno())
        temporary.chmod(mode)


def write_text(path: Path, content: str, *, mode: int = 0o644) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, content.encode("utf-8"), mode=mode)


def write_json(path: Path, content: Any, *, mode: int = 0o644) -> None:
    """`write_bytes` of indented JSON with a trailing newline. NaN and infinity are refused."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, text, mode=mode)


def file_stamp(path: str | os.PathLike[str]) -> tuple[int, int, int] | None:
    """Another one whenever the file or folder at `path` is written or replaced: time of change in nanoseconds,
    bytes, inode. None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def copy_file(source: Path, target: Path) -> None:
    """Copy a file of any size to `target` through a temporary file and a rename.

    Raises:
        OutputError: as `write_bytes`.
    """
    with _replacing(target) as temporary:
        shutil.copy(source, temporary)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`; it takes its place when the block succeeds, and else is removed."""
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """What the disk has against writing `path` inside the block, as an OutputError."""
    try:
        yield
    except OSError as error:
        raise _output_error(path, error) from None


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary sibling folder to fill; it takes the place of `path` when the block succeeds.

    On any error the temporary folder is removed and `path` is left as it was.

    Raises:
        OutputError: the parent cannot be written, or the disk filled up inside the block.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise _output_error(path, error) from None
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
            path.replace(old / "content")
            temporary.replace(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    except OSError as error:
        raise _output_error(path, error) from None
    finally:
        if temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def folder_made_once(path: Path, fill: Callable[[Path], None]) -> Path:
    """`path`, filled by `fill` where it is not there yet; who asks meanwhile waits for the first.

    Raises:
        OutputError: as `atomic_folder`; and whatever `fill` raises.
    """
    import filelock

    if path.is_dir():
        return path
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        if not path.is_dir():
            with atomic_folder(path) as temporary:
                fill(temporary)
    return path


_INSTANT_SECONDS = 2.0


@contextlib.contextmanager
def locked_folder(path: Path) -> Iterator[Path]:
    """Hold `path` (created if absent) against every other writer; released when the process dies.

    Raises:
        OutputError: the folder cannot be written, or another process holds it.
    """
    import filelock

    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path / ".lock")
        # Whoever asks whether a run is alive takes the lock for an instant: that is no other job.
        lock.acquire(timeout=_INSTANT_SECONDS, poll_interval=0.01)
    except filelock.Timeout:
        raise OutputError(
            f"{path} is being written by another job; wait for it or choose another output"
        ) from None
    except OSError as error:
        raise _output_error(path, error) from None
    try:
        yield path
    finally:
        lock.release()


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror or error}")
