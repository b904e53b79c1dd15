"""What deployments recorded, as it is kept."""

from __future__ import annotations

import datetime
import os
import stat
import time
from pathlib import Path

import pytest

from tintype.errors import DataError
from tintype.workspace.collected import (
    CollectedRow,
    collected_folder,
    is_collected,
    read_collected,
    table_of_rows,
    write_picture,
    write_rows,
    write_table,
)
from tintype.workspace.collected_retention import prune

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


def row(number: int, **more: object) -> CollectedRow:
    return CollectedRow(NOW, f"request-{number}", 0, "pets", "blue", 12.5, **more)  # type: ignore[arg-type]


def test_rows_come_back_as_they_were(workspace_home: Path) -> None:
    folder = collected_folder("pets", "blue")
    full = row(
        1,
        picture="pictures/aa/a.jpg",
        label="cat",
        score=0.5,
        labels=("cat",),
        probabilities=[0.5],
        embedding=[1.0, -2.0],
    )
    write_rows(folder, [full, row(2)], 1)
    path = write_rows(collected_folder("pets", "green"), [row(3)], 1)
    assert [found for _, found in read_collected(folder)] == [full, row(2)]
    assert {folder.name for folder, _ in read_collected(collected_folder("pets"))} == {
        "blue",
        "green",
    }
    # They may tell of people.
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be read"):
        list(read_collected(collected_folder("pets")))


def test_files_from_before_embeddings_were_kept_are_read(workspace_home: Path) -> None:
    folder = collected_folder("pets", "blue")
    table = table_of_rows([row(1), row(2, labels=("cat",), label="cat", probabilities=[1.0])])
    write_table(folder / "rows" / "1.parquet", table.drop_columns("embedding"))
    first, second = [found for _, found in read_collected(folder)]
    assert (first.embedding, second.embedding) == (None, None)
    assert (first.probabilities, second.probabilities) == (None, [1.0])


def test_a_picture_is_kept_once_and_as_long_as_it_comes(workspace_home: Path) -> None:
    folder = collected_folder("pets", "blue")
    name = write_picture(folder, b"the bytes", ".jpg")
    old = time.time() - 10 * 86_400
    os.utime(folder / name, (old, old))
    other = write_picture(folder, b"others", ".jpg")
    os.utime(folder / other, (old, old))
    assert write_picture(folder, b"the bytes", ".jpg") == name
    assert prune(folder, days=5, most_bytes=10**9) == 1
    assert [path.name for path in (folder / "pictures").glob("*/*")] == [Path(name).name]


def test_which_folders_are_such(workspace_home: Path, tmp_path: Path) -> None:
    assert is_collected(collected_folder("pets"))
    assert is_collected(collected_folder("pets", "blue"))
    assert not is_collected(collected_folder("pets", "blue") / "pictures")
    assert not is_collected(workspace_home / "collected")
    assert not is_collected(tmp_path)
