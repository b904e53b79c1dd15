"""Zip and tar archives of labelled images, unpacked once into the workspace's cache.

Archives are hostile input: nothing is written outside the folder, links and devices never are, and
entries, bytes and the ratio of compression are bounded while unpacking, whatever headers say.
"""

from __future__ import annotations

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tintype.data.digests import digest_of_file
from tintype.data.folders import IMAGE_ENDINGS, is_folder, visible_entries
from tintype.data.label_files import has_labels
from tintype.data.unpacking import UnpackingBudget
from tintype.errors import DataError
from tintype.files import folder_made_once
from tintype.progress import counting, working
from tintype.settings import get_settings

__all__ = ["ARCHIVE_ENDINGS", "is_archive", "unpacked"]

ARCHIVE_ENDINGS = tuple(".zip .tar .tar.gz .tgz .tar.bz2 .tbz2 .tar.xz .txz".split())

# What readers of labels may ask for; scripts and programs never leave the archive.
_LABEL_ENDINGS = frozenset(".jsonl .ndjson .json .csv .tsv .parquet .arrow".split())
_LABEL_NAMES = frozenset(["mltable"])

# More than ImageNet-1k four times over; a zip of so many is listed in some 3 GB.
_MAX_ENTRIES = 6_000_000

_CHUNK = 1 << 20

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    ValueError,
)


def is_archive(path: Path) -> bool:
    """Whether the name is an archive's."""
    return path.name.lower().endswith(ARCHIVE_ENDINGS)


def unpacked(path: Path) -> Path:
    """The folder with the content of the archive at `path`; unpacked at the first call.

    It is kept by the archive's digest, so that an archive of the same bytes is not unpacked again.
    Images and files of labels come out; hidden files, links and everything else stay in. Where all
    lies in a single folder, that is returned.

    Raises:
        DataError: not an archive that can be read, one that would write elsewhere, or one over the
            limits on entries, bytes and compression.
        OutputError: the cache cannot be written.
    """
    try:
        with working(f"looking at {path.name}"):
            digest = digest_of_file(path)
        folder = get_settings().home / "cache" / "archives" / digest[:32]
        folder = folder_made_once(folder, lambda temporary: _unpack(path, temporary))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None
    while len(entries := visible_entries(folder)) == 1 and is_folder(entries[0]):
        inner = Path(entries[0].path)
        if not has_labels(inner):
            break
        folder = inner
    return folder


def _unpack(path: Path, folder: Path) -> None:
    budget = UnpackingBudget.of(path, folder, entries=_MAX_ENTRIES)
    unpack = _unpack_zip if path.suffix.lower() == ".zip" else _unpack_tar
    try:
        unpack(path, folder, budget)
    except _BROKEN as error:
        text = str(error) or type(error).__name__
        raise DataError(f"not an archive that can be read: {text}", file=path) from None
    if not any(folder.iterdir()):
        raise DataError("there are no images or files of labels in it", file=path)


def _unpack_zip(path: Path, folder: Path, budget: UnpackingBudget) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        with counting(f"unpacking {path.name}", len(entries)) as done:
            for entry in entries:
                budget.entry()
                done(1)
                # Where a zip was made on Unix, the kind of file stands in the upper half.
                kind = stat.S_IFMT(entry.external_attr >> 16)
                if entry.is_dir() or kind not in (0, stat.S_IFREG):
                    continue
                target = _target(folder, entry.filename, path)
                if target is None:
                    continue
                if entry.flag_bits & 1:
                    raise DataError(
                        f"{entry.filename} is encrypted; unpack it yourself, and name the folder",
                        file=path,
                    )
                with archive.open(entry) as content:
                    _write(target, content, budget)


def _unpack_tar(path: Path, folder: Path, budget: UnpackingBudget) -> None:
    mebibytes = path.stat().st_size >> 20
    with path.open("rb") as stream, counting(f"unpacking {path.name} (MiB)", mebibytes) as done:
        shown = 0
        # As a stream: members are looked at once, in the order that they lie in.
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            while (member := archive.next()) is not None:
                # Kept for random access, which this is not: a million members are a lot.
                archive.members = []  # type: ignore[attr-defined]
                budget.entry()
                done((stream.tell() >> 20) - shown)
                shown = stream.tell() >> 20
                target = _target(folder, member.name, path) if member.isreg() else None
                if target is None:
                    # It is decompressed all the same.
                    budget.take(member.size)
                    continue
                content = archive.extractfile(member)
                assert content is not None
                _write(target, content, budget)
            # tarfile takes a damaged header for the end; after the end there are zeros.
            for rest in _chunks(archive.fileobj):  # type: ignore[arg-type]
                budget.take(len(rest))
                if any(rest):
                    raise tarfile.ReadError("it is damaged")


def _target(folder: Path, name: str, path: Path) -> Path | None:
    """Where an entry is written; None for one that is passed over.

    Raises:
        DataError: the name leads out of the folder.
    """
    steps = name.replace("\\", "/").split("/")
    if steps[0] == "" or ".." in steps or ":" in steps[0] or "\0" in name:
        raise DataError(
            f"the entry {name!r} leads out of the archive; such an archive is refused whole",
            file=path,
        )
    steps = [step for step in steps if step not in ("", ".")]
    if not steps or any(step.startswith(".") or step == "__MACOSX" for step in steps):
        return None
    ending = os.path.splitext(steps[-1])[1].lower()
    if ending in IMAGE_ENDINGS or ending in _LABEL_ENDINGS or steps[-1].lower() in _LABEL_NAMES:
        return folder.joinpath(*steps)
    return None


def _write(target: Path, content: IO[bytes], budget: UnpackingBudget) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("wb")
    except OSError as error:
        raise DataError(
            f"the entry {target.name!r} cannot be written: {error.strerror}", file=budget.path
        ) from None
    with file:
        for chunk in _chunks(content):
            budget.take(len(chunk))
            file.write(chunk)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := stream.read(_CHUNK):
            yield chunk
    except OSError as error:
        # How bz2 says that its data are damaged.
        raise ValueError(str(error)) from None
