"""Rows of every kind of input file, from its beginning and from any place in it."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import encoded, noise, write_class_folders

from tintype.batch.inputs import InputFile, find_inputs
from tintype.batch.readers import read_rows
from tintype.batch.rows import image_in_cell
from tintype.errors import DataError, FetchError, ImageError
from tintype.images.loading import pixels_of
from tintype.images.preprocess import Preprocessor

PICTURES = [encoded(noise(10 + n, 12, seed=n)) for n in range(9)]
CELLS = [base64.b64encode(picture).decode() for picture in PICTURES]


def in_file(path: Path) -> InputFile:
    """What `find_inputs` makes of one file."""
    (found,) = find_inputs(path, Counter())
    return found


def bytes_of(source: object) -> bytes:
    if callable(source):
        found = source()
        assert isinstance(found, bytes)
        return found
    return Path(str(source)).read_bytes()


def write_csv(path: Path, cells: list[str], text: str = "a, b") -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "image", "text"])
        for n, cell in enumerate(cells):
            writer.writerow([n, cell, text])
    return path


def write_tar(path: Path, pictures: list[bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for n, picture in enumerate(pictures):
            for ending, content in ((".png", picture), (".json", b"{}")):
                # Longer than the 100 bytes of an old header: such members have two.
                member = tarfile.TarInfo(f"{'deep/' * 25}{n:04d}{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def write_parquet(path: Path, values: list[object]) -> Path:
    pq.write_table(
        pa.table({"n": list(range(len(values))), "image": values}), path, row_group_size=4
    )
    return path


def every_kind(folder: Path) -> dict[str, InputFile]:
    """A file of each kind, with the pictures in order."""
    wrapped = [base64.encodebytes(picture).decode() for picture in PICTURES]
    (folder / "pictures").mkdir()
    for n, picture in enumerate(PICTURES):
        (folder / "pictures" / f"{n}.png").write_bytes(picture)
    names = [f"pictures/{n}.png" for n in range(9)]
    (folder / "list.txt").write_text("\n".join(["", *names, ""]))
    lines = [json.dumps({"image": cell, "label": "x"}) for cell in CELLS[:5]]
    lines += ["", *(json.dumps({"image_url": name}) for name in names[5:])]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    structs = [{"bytes": picture, "path": None} for picture in PICTURES]
    return {
        "csv": in_file(write_csv(folder / "cells.csv", CELLS)),
        "csv in lines of 76": in_file(write_csv(folder / "wrapped.csv", wrapped)),
        "csv of paths": in_file(write_csv(folder / "paths.csv", names)),
        "jsonl": in_file(folder / "rows.jsonl"),
        "list": in_file(folder / "list.txt"),
        "parquet of bytes": in_file(write_parquet(folder / "bytes.parquet", list(PICTURES))),
        "parquet of structs": in_file(write_parquet(folder / "structs.parquet", list(structs))),
        "parquet of base64": in_file(write_parquet(folder / "texts.parquet", list(CELLS))),
        "tar": in_file(write_tar(folder / "shard.tar", PICTURES)),
    }


def test_every_kind_gives_the_same_pictures(tmp_path: Path) -> None:
    for kind, file in every_kind(tmp_path).items():
        rows = [row for row, _ in read_rows(file)]
        assert [row.number for row in rows] == list(range(9)), kind
        assert [bytes_of(row.source) for row in rows] == PICTURES, kind


def test_reading_begins_anywhere(tmp_path: Path) -> None:
    for kind, file in every_kind(tmp_path).items():
        placed = list(read_rows(file))
        for n, (_, after) in enumerate(placed[:-1], start=1):
            rest = [row for row, _ in read_rows(file, after, n)]
            assert [row.number for row in rest] == list(range(n, 9)), kind
            assert [bytes_of(row.source) for row in rest] == PICTURES[n:], kind
            assert [row.text for row in rest] == [row.text for row, _ in placed[n:]], kind


def test_a_cell_is_told_from_a_path(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(PICTURES[0])
    base = str(tmp_path)
    assert image_in_cell("a/b.JPG", base) == f"{base}/a/b.JPG"
    assert image_in_cell("/9j/4AAQSkZJRg", base) is None
    assert image_in_cell("plain", base) == f"{base}/plain"
    assert image_in_cell("https://example.com/x", base) == "https://example.com/x"
    assert image_in_cell("file:///x/y.png", base) == "/x/y.png"
    for cell in CELLS:
        assert image_in_cell(cell, base) is None
        assert image_in_cell(f"data:image/png;base64,{cell}", base) is None


def test_what_is_wrong_with_a_row_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"image": 7}\nnot json\n{"picture": "x"}\n[1]\n' + json.dumps({"image": CELLS[0]})
    )
    rows = [row for row, _ in read_rows(in_file(path))]
    reasons = []
    for row in rows[:4]:
        with pytest.raises(ImageError) as error:
            bytes_of(row.source)
        reasons.append(str(error.value))
    assert reasons[0] == "image is not a text"
    assert reasons[1].startswith("not valid JSON")
    assert reasons[2] == "no key image or image_url"
    assert reasons[3] == "expected a JSON object"
    assert bytes_of(rows[4].source) == PICTURES[0]


def test_what_is_wrong_with_a_file_is_its_last_row(tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text("picture,text\nx,y\n")
    short = write_csv(tmp_path / "short.csv", CELLS[:2])
    short.write_text(short.read_text() + "1,2\n")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 is not enough")
    (tmp_path / "latin.csv").write_bytes(b"image\ncaf\xe9.png\n")
    whole = write_tar(tmp_path / "cut.tar", PICTURES)
    whole.write_bytes(whole.read_bytes()[:12345])
    found = {}
    for name in ("header.csv", "short.csv", "no.parquet", "latin.csv", "cut.tar"):
        rows = [row for row, _ in read_rows(in_file(tmp_path / name))]
        with pytest.raises(ImageError) as error:
            bytes_of(rows[-1].source)
        found[name] = (len(rows), str(error.value))
    assert found["header.csv"] == (1, "the header is picture, text; expected a column 'image'")
    assert found["short.csv"] == (3, "2 cells, but the header has 3")
    assert found["no.parquet"][1].startswith("not a Parquet file that can be read")
    assert found["latin.csv"] == (1, "is not UTF-8 text; save the CSV as UTF-8")
    assert found["cut.tar"][0] > 1
    assert "tar file" in found["cut.tar"][1]


def test_a_missing_quote_does_not_read_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_text('image\n"' + "A" * 50 + "\n" + f"{CELLS[0]}\n" * 20)
    rows = [row for row, _ in read_rows(in_file(path))]
    with pytest.raises(ImageError):
        bytes_of(rows[-1].source)
    assert len(rows) == 1


def test_a_folder_is_read_whole_and_in_order(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "root", per_class=2)
    write_csv(root / "b.csv", CELLS[:1])
    (root / "notes.md").write_text("x")
    (root / ".hidden.png").write_bytes(PICTURES[0])
    (root / "a-deep" / "deeper").mkdir(parents=True)
    (root / "a-deep" / "deeper" / "x.PNG").write_bytes(PICTURES[0])
    (root / "a-deep" / "round").symlink_to(root)
    skipped: Counter[str] = Counter()
    names = [file.name for file in find_inputs(root, skipped)]
    assert names[:2] == ["a-deep/deeper/x.PNG", "b.csv"]
    assert names == sorted(names)
    assert len(names) == 6
    assert skipped == {".md": 1}


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_is_read_as_a_folder(tmp_path: Path, kind: str) -> None:
    root = write_class_folders(tmp_path / "root", per_class=2)
    (root / "0.png").write_bytes(PICTURES[0])
    archive = shutil.make_archive(str(tmp_path / "pictures"), kind, root)
    files = list(find_inputs(archive, Counter()))
    assert [file.name for file in files] == [
        "0.png",
        "level/0.png",
        "level/1.png",
        "upright/0.png",
        "upright/1.png",
    ]
    assert list(find_inputs(archive, Counter())) == files


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "no such file or folder"),
        ("x.avro", "file type .avro is not supported"),
        ("empty", "nothing in it can be read"),
        ("https://example.com/x.csv", "a data set must be local"),
        ("s3://bucket/x", "s3:// is not supported"),
    ],
)
def test_inputs_that_cannot_be_read(
    tmp_path: Path, name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.avro").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.md").write_bytes(b"x")
    with pytest.raises(DataError, match=message):
        list(find_inputs(name, Counter()))


def test_no_row_reaches_a_private_address(tmp_path: Path, vit_checkpoint: Path) -> None:
    path = tmp_path / "urls.csv"
    urls = [
        "http://127.0.0.1/x.png",
        "http://169.254.169.254/x",
        "http://[::1]/",
        "http://0x7f000001/",
    ]
    path.write_text("image\n" + "\n".join(urls))
    preprocessor = Preprocessor.from_folder(vit_checkpoint)
    for row, _ in read_rows(in_file(path)):
        with pytest.raises(FetchError):
            pixels_of(row.source, preprocessor)
