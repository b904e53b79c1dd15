"""Shared by every room's tests: an empty workspace, no network, real data where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def workspace_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A fresh workspace folder for this test; nothing reads or writes the user's own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TINTYPE_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return home


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
