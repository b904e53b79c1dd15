"""Processes of our own: `python -m MODULE` with the settings of this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tintype.settings import get_settings

__all__ = ["start_python_process"]


def start_python_process(
    module: str,
    arguments: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start `python -m module arguments` with this process's interpreter and settings.

    Args:
        environment: variables that it has beside this process's own, or instead of them.
        options: the others of `subprocess.Popen`: streams, folder, session.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **get_settings().environment(), **(environment or {})},
        **options,
    )
