"""Archives of labelled images: unpacked once, and hostile ones not at all."""

from __future__ import annotations

import io
import stat
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from pictures import encoded, striped, write_class_folders

from tintype.data import archives, read_image_table, unpacking
from tintype.data.archives import unpacked
from tintype.errors import DataError

PICTURE = encoded(striped(0, 0))


def make_archive(path: Path, root: Path, base: str = "") -> Path:
    """All files below `root`, each under `base`."""
    files = [file for file in sorted(root.rglob("*")) if file.is_file()]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, base + str(file.relative_to(root)))
    else:
        kind = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}
        with tarfile.open(path, kind[path.suffix]) as tar:  # type: ignore[call-overload]
            for file in files:
                tar.add(file, base + str(file.relative_to(root)))
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.TGZ", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("base", ["", "photos of 2026/inner/"])
def test_every_kind_of_archive(tmp_path: Path, class_folders: Path, name: str, base: str) -> None:
    (class_folders / "level" / "run.sh").write_text("no image")
    (class_folders / "level" / "._0.png").write_bytes(b"")
    path = make_archive(tmp_path / name.lower(), class_folders, base).rename(tmp_path / name)
    table = read_image_table(path)
    assert table.classes == ("level", "upright")
    assert len(table) == 24
    assert {file.suffix for file in unpacked(path).rglob("*") if file.is_file()} == {".png"}


def test_an_archive_is_unpacked_once(
    tmp_path: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_archive(tmp_path / "a.zip", class_folders)
    calls: list[Path] = []
    plain = archives._unpack

    def unpack(path: Path, folder: Path) -> None:
        calls.append(path)
        plain(path, folder)

    monkeypatch.setattr(archives, "_unpack", unpack)
    threads = [threading.Thread(target=read_image_table, args=(path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    copy = tmp_path / "copy.zip"
    copy.write_bytes(path.read_bytes())
    assert unpacked(copy) == unpacked(path)
    assert len(calls) == 1


def test_splits_and_files_of_labels_in_archives(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_class_folders(tmp_path / "root" / split, per_class=2 + (split == "train"))
    path = make_archive(tmp_path / "splits.tar.gz", tmp_path / "root", "set/")
    assert len(read_image_table(path)) == 6
    assert len(read_image_table(path, split="test")) == 4
    (tmp_path / "fridge" / "images").mkdir(parents=True)
    (tmp_path / "fridge" / "images" / "1.png").write_bytes(PICTURE)
    (tmp_path / "fridge" / "labels.csv").write_text("filename,labels\n1.png,a b\n")
    path = make_archive(tmp_path / "fridge.zip", tmp_path / "fridge", "fridge/")
    assert read_image_table(path).label(0) == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["../out.png", "/out.png", "a/../../out.png", "..\\out.png", "C:\\x.png"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_leads_out_of_the_archive_is_refused(
    tmp_path: Path, workspace_home: Path, name: str, kind: str
) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/1.png", PICTURE)
            archive.writestr(name, PICTURE)
    else:
        with tarfile.open(path, "w") as tar:
            for each in ("a/1.png", name):
                member = tarfile.TarInfo(each)
                member.size = len(PICTURE)
                tar.addfile(member, io.BytesIO(PICTURE))
    with pytest.raises(DataError, match="leads out of the archive"):
        read_image_table(path)
    assert not list(workspace_home.rglob("*.png"))
    assert not list(tmp_path.rglob("*.png"))


def test_links_and_devices_stay_in(tmp_path: Path, class_folders: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PICTURE)
    path = make_archive(tmp_path / "a.tar", class_folders)
    with tarfile.open(path, "a") as tar:
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(f"level/link{number}.png")
            member.type, member.linkname = kind, str(tmp_path / "secret.png")
            tar.addfile(member)
        folder = tarfile.TarInfo("level/up")
        folder.type, folder.linkname = tarfile.SYMTYPE, "/"
        tar.addfile(folder)
    assert len(read_image_table(path)) == 24
    path = make_archive(tmp_path / "a.zip", class_folders)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("level/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, str(tmp_path / "secret.png"))
    assert len(read_image_table(path)) == 24


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", ["level/black.bmp", "notes.bin"])
def test_an_archive_that_grows_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace_home: Path, kind: str, name: str
) -> None:
    monkeypatch.setattr(unpacking, "_FREE_OF_RATIO", 1_000_000)
    path = tmp_path / f"bomb.{kind}"
    zeros = bytes(20_000_000)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("level/1.png", PICTURE)
            archive.writestr(name, zeros)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for each, content in (("level/1.png", PICTURE), (name, zeros)):
                member = tarfile.TarInfo(each)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    if kind == "zip" and name == "notes.bin":
        # Never decompressed.
        assert len(read_image_table(path)) == 1
        return
    with pytest.raises(DataError, match="more than 200 times its size"):
        read_image_table(path)
    assert not list((workspace_home / "cache" / "archives").glob("*/"))


def test_the_disk_and_the_number_of_entries_are_limits(
    tmp_path: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_archive(tmp_path / "a.tar", class_folders)
    with monkeypatch.context() as patch:
        patch.setattr(archives, "_MAX_ENTRIES", 23)
        with pytest.raises(DataError, match="more than 23 entries"):
            read_image_table(path)
    monkeypatch.setattr(unpacking, "_MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(DataError, match="no room for its content on the disk"):
        read_image_table(path)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_damaged_archives_are_refused(tmp_path: Path, class_folders: Path, kind: str) -> None:
    path = make_archive(tmp_path / f"a.{kind}", class_folders)
    content = path.read_bytes()
    for share in (0.0, 0.3, 0.6, 0.9):
        # A tar that ends in its last zeros is whole.
        path.write_bytes(content[: int(len(content.rstrip(b"\0")) * share)])
        with pytest.raises(DataError, match=r"can be read|no images|damaged"):
            read_image_table(path)
    if kind == "tar":
        damaged = bytearray(content)
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            offset = tar.getmembers()[5].offset
        damaged[offset : offset + 40] = b"x" * 40
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="damaged"):
            read_image_table(path)


def test_a_damaged_entry_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/1.png", PICTURE)
    content = bytearray(path.read_bytes())
    content[60:90] = b"x" * 30
    path.write_bytes(content)
    with pytest.raises(DataError, match="not an archive that can be read"):
        read_image_table(path)


def test_an_entry_in_the_way_of_another(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", PICTURE)
        archive.writestr("a.png/b.png", PICTURE)
    with pytest.raises(DataError, match=r"'b.png' cannot be written"):
        read_image_table(path)


def test_an_encrypted_archive_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", PICTURE)
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted"):
        read_image_table(path)
