"""Running samples as their readers do, and looking at the pictures that they leave."""

from __future__ import annotations

import subprocess
from pathlib import Path

from commands import run
from PIL import Image

ROOT = Path(__file__).parents[1]


def run_and_say(*words: object, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it wrote is the message where its exit code is another.

    Args:
        code: the exit code that is expected; None takes any.
    """
    result = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=280, check=False
    )
    assert code in (None, result.returncode), f"{result.returncode}\n{result.stdout}{result.stderr}"
    return result


def check_picture(path: Path, photos: int) -> None:
    """The picture shows photos: more colours than a page of text or of bars has, and space for all."""
    with Image.open(path) as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
        assert len(colours) > 1000, f"{path} has {len(colours)} colours"
        assert picture.width * picture.height > photos * 10_000


def check_nothing_serves() -> None:
    """The daemon of this workspace has ended, and no endpoint is on record."""
    from tintype.settings import get_settings

    assert "does not run" in run("status", code=1).stderr
    endpoints = get_settings().home / "endpoints"
    assert not endpoints.exists() or not any(endpoints.glob("*/*.json"))
