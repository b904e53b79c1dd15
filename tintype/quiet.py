"""Keeping the bars, notices and log lines of other libraries where they belong, and their reports of use at home."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

__all__ = ["no_reports_of_use", "quiet_hub", "quiet_loggers", "quiet_transformers"]

# Variables by which libraries are told not to report to their makers how they are used.
_NO_REPORTS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def no_reports_of_use() -> None:
    """From here on, here and in processes started here, libraries that are imported later report to nobody how they
    are used, unless the environment says otherwise."""
    for name, value in _NO_REPORTS.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Only errors are printed inside the block; what Tintype checks itself needs no notice."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextlib.contextmanager
def quiet_hub() -> Iterator[None]:
    """No download bars inside the block unless standard error is a terminal."""
    import sys

    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def quiet_loggers() -> None:
    """From here on, libraries that log every request or lock do so only to warn."""
    import logging

    for noisy in ("httpx", "huggingface_hub", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
