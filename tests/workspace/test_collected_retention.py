"""How long what deployments recorded is kept."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tintype.workspace.collected import collected_folder, write_picture
from tintype.workspace.collected_retention import prune


def test_of_too_much_the_oldest_goes(workspace_home: Path) -> None:
    folder = collected_folder("pets", "blue")
    names = [write_picture(folder, bytes(1000) + bytes([number]), ".jpg") for number in range(5)]
    for age, name in enumerate(names):
        moment = time.time() - 100 * age
        os.utime(folder / name, (moment, moment))
    assert prune(folder, days=30, most_bytes=3100) == 2
    assert [(folder / name).exists() for name in names] == [True] * 3 + [False] * 2


def test_what_a_killed_writer_left_half_written_goes(workspace_home: Path) -> None:
    folder = collected_folder("pets", "blue")
    whole = folder / write_picture(folder, b"whole", ".jpg")
    left, written = whole.with_name(".left.jpg.x1"), whole.with_name(".now.jpg.x2")
    for path in (left, written):
        path.write_bytes(b"hal")
    hours_ago = time.time() - 2 * 3600
    os.utime(left, (hours_ago, hours_ago))
    assert prune(folder, days=30, most_bytes=10**9) == 1
    assert sorted(path.name for path in whole.parent.iterdir()) == sorted(
        [written.name, whole.name]
    )
