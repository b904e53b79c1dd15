"""Writing image tables out: JSONL files and MLTable folders that Azure ML reads too."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import orjson
import yaml

from tintype.files import write_bytes, write_text

__all__ = ["write_jsonl", "write_mltable"]


def write_jsonl(path: Path, rows: Iterable[tuple[str, str | list[str]]]) -> None:
    """Write (image path or URL, label or labels) rows; local paths become relative to `path`.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = str(path.parent.absolute())
    lines = []
    for location, label in rows:
        local = not location.startswith(("http://", "https://"))
        reference = os.path.relpath(location, folder) if local else location
        lines.append(orjson.dumps({"image_url": reference, "label": label}))
    write_bytes(path, b"\n".join(lines) + b"\n")


def write_mltable(folder: Path, *jsonl: str) -> None:
    """Write the `MLTable` file that makes `folder` a table of the JSONL files named.

    Raises:
        OutputError: the folder cannot be written.
    """
    document = {
        "type": "mltable",
        "paths": [{"file": f"./{name}"} for name in jsonl],
        "transformations": [
            {"read_json_lines": {"encoding": "utf8", "invalid_lines": "error"}},
            {"convert_column_types": [{"columns": "image_url", "column_type": "stream_info"}]},
        ],
    }
    write_text(folder / "MLTable", yaml.safe_dump(document, sort_keys=False))
