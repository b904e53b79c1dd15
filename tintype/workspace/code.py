"""Code folders of commands, kept by their content: `<home>/code/<digest>/`.

A job runs what its folder held when it was submitted, whatever is changed there afterwards. Fifty nodes
with one folder keep it once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tintype.errors import UsageError
from tintype.files import folder_made_once, output_errors
from tintype.settings import get_settings

__all__ = ["copy_code", "kept_code"]

# Azure takes snapshots of up to 300 MB; more is data that was left beside the code.
_MOST_BYTES = 300 * 1024 * 1024

# Names the files that are no code, one pattern a line, as git does; the first that is there counts.
_IGNORE_FILES = (".amlignore", ".gitignore")

_NEVER = (".git/", "__pycache__/", ".amlignore")


def kept_code(folder: Path) -> str:
    """Keep a copy of `folder` and give its digest, 32 hexadecimal characters.

    Raises:
        UsageError: no such folder, or it is too large; says what to do.
        OutputError: the workspace cannot be written.
    """
    if not folder.is_dir():
        raise UsageError(f"the code folder {folder} does not exist")
    files = _files(folder)
    size = sum((folder / name).stat().st_size for name in files)
    if size > _MOST_BYTES:
        raise UsageError(
            f"the code folder {folder} holds {size / 2**20:.0f} MiB, more than "
            f"{_MOST_BYTES // 2**20}; name what is no code in {folder / '.amlignore'}"
        )
    digest = _digest(folder, files)

    def fill(target: Path) -> None:
        for name in files:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, target / name)

    folder_made_once(_place(digest), fill)
    return digest


def copy_code(digest: str, target: Path) -> None:
    """Copy what `kept_code` kept into the folder `target`, which is there.

    Raises:
        UsageError: it is not kept any more.
        OutputError: `target` cannot be written.
    """
    place = _place(digest)
    if not place.is_dir():
        raise UsageError(f"the copy of the code folder {place} was removed; submit the job again")
    with output_errors(target):
        shutil.copytree(place, target, dirs_exist_ok=True)


def _place(digest: str) -> Path:
    return get_settings().home / "code" / digest


def _files(folder: Path) -> list[str]:
    """Relative paths of the files that belong to the code, sorted."""
    import pathspec

    patterns = [*_NEVER]
    for name in _IGNORE_FILES:
        if (folder / name).is_file():
            patterns += (folder / name).read_text("utf-8", "replace").splitlines()
            break
    ignored = pathspec.GitIgnoreSpec.from_lines(patterns)
    return sorted(name for name in _walked(folder) if not ignored.match_file(name))


def _walked(folder: Path) -> Iterator[str]:
    # Links to folders are not followed: one that leads up would never end.
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_file():
                yield path.relative_to(folder).as_posix()


def _digest(folder: Path, files: list[str]) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    for name in files:
        path = folder / name
        executable = os.access(path, os.X_OK)
        hasher.update(f"{name}\0{path.stat().st_size}\0{executable}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hasher.update(chunk)
    return hasher.hexdigest()
