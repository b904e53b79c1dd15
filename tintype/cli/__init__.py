"""The command line: `tintype NOUN VERB`, Azure ML's verbs on one's own machine."""

from __future__ import annotations

from tintype.cli.main import main

__all__ = ["main"]
