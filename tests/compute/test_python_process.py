"""Processes of our own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tintype.compute.python_process import start_python_process


def home_told(**given: str) -> str:
    """What a process says its workspace is."""
    words = ["workspace", "show", "--query", "home", "-o", "tsv"]
    process = start_python_process("tintype.cli", words, environment=given, stdout=subprocess.PIPE)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return told.decode().strip()


def test_it_has_this_process_s_settings_and_what_it_is_given(
    tmp_path: Path, workspace_home: Path
) -> None:
    assert home_told() == str(workspace_home)
    assert home_told(TINTYPE_HOME=str(tmp_path)) == str(tmp_path)
