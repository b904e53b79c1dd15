"""Files of labels in a folder of images: which there are, by their names."""

from __future__ import annotations

from pathlib import Path

from tintype.data.csv import CSV_ENDINGS, ROBOFLOW_NAME
from tintype.data.folders import is_folder, visible_entries
from tintype.data.parquet import TABLE_ENDINGS

__all__ = ["METADATA_NAMES", "WHOLE_NAMES", "has_labels", "only_label_file"]

METADATA_NAMES = ("metadata.csv", "metadata.jsonl")
"""What Hugging Face's datasets call the labels of a folder of images."""

WHOLE_NAMES = ("MLTable", ROBOFLOW_NAME, *METADATA_NAMES)
"""With one of these, a folder is read as that says, and never as splits."""

_ENDINGS = (".jsonl", ".ndjson", ".json", *CSV_ENDINGS)


def has_labels(folder: Path) -> bool:
    """Whether `folder` has class folders or a file of labels.

    Raises:
        DataError: it cannot be read.
    """
    return any(
        entry.name in WHOLE_NAMES
        or entry.name.lower().endswith((*TABLE_ENDINGS, *_ENDINGS))
        or is_folder(entry)
        for entry in visible_entries(folder)
    )


def only_label_file(folder: Path) -> Path | None:
    """The one file of labels in a folder that has no class folders but at most `images`.

    Raises:
        DataError: it cannot be read.
    """
    entries = visible_entries(folder)
    if any(is_folder(entry) and entry.name.lower() != "images" for entry in entries):
        return None
    files = [entry.path for entry in entries if Path(entry.name).suffix.lower() in _ENDINGS]
    return Path(files[0]) if len(files) == 1 else None
