"""One door for every kind of labelled data: find out what a path is and read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tintype.data.csv import read_csv_rows
from tintype.data.folders import read_folder_rows
from tintype.data.image_table import ImageTable, ImageTableBuilder
from tintype.data.jsonl import read_jsonl_rows
from tintype.data.locations import local_path
from tintype.data.mltable import read_mltable_rows
from tintype.data.rows import Row
from tintype.errors import DataError
from tintype.schemas.task import ClassificationTask
from tintype.settings import get_settings

__all__ = ["read_image_table"]


def read_image_table(
    path: str | Path,
    *,
    task: ClassificationTask | None = None,
    label_column: str = "label",
    image_column: str = "image_url",
    check_files: bool = True,
) -> ImageTable:
    """Read labelled images from an MLTable folder, a JSONL or CSV file, or a folder of class folders.

    Args:
        path: local path, `file:` URL or mapped `azureml://` datastore path.
        task: None takes it from the data: a string label is multi-class, a list multi-label; a
            CSV column `labels` is multi-label, `label` multi-class; class folders are multi-class.
        label_column, image_column: names of the keys in JSONL rows.
        check_files: whether every local image must exist.

    Raises:
        DataError: names file, line and field of the first row that cannot be used.
    """
    settings = get_settings()
    try:
        source = local_path(path, Path.cwd(), settings)
    except ValueError as error:
        raise DataError(str(error), file=path) from None
    rows = _rows(source, task, label_column, image_column)
    builder = ImageTableBuilder(task, label_column)
    for row in rows:
        builder.add(row.location, row.label, row.file, row.line)
        # lstat's cost, no Python objects kept: a million rows pass in seconds.
        if check_files and not row.location.startswith("http") and not os.path.isfile(row.location):
            raise DataError(
                f"no image at {row.location}; correct the path or remove the row",
                file=row.file,
                line=row.line or None,
                field=row.image_field,
            )
    if len(builder) == 0:
        raise DataError("there are no rows in it", file=source)
    return builder.build()


def _rows(
    source: Path, task: ClassificationTask | None, label_column: str, image_column: str
) -> Iterator[Row]:
    if source.is_dir():
        if (source / "MLTable").is_file():
            return read_mltable_rows(source, label_column, image_column)
        if any(entry.suffix.lower() in (".jsonl", ".yaml", ".yml") for entry in source.iterdir()):
            raise DataError(
                "the folder has no file named MLTable; add one, or name the .jsonl file itself",
                file=source,
            )
        return read_folder_rows(source)
    if source.name == "MLTable" and source.is_file():
        return read_mltable_rows(source.parent, label_column, image_column)
    if not source.exists():
        raise DataError(
            "no such file or folder; expected an MLTable folder, a .jsonl or .csv file, or a "
            "folder of class folders",
            file=source,
        )
    suffix = source.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return read_jsonl_rows(source, label_column, image_column)
    if suffix == ".csv":
        return read_csv_rows(source, task)
    raise DataError(
        f"cannot read a {suffix or 'file without ending'}; expected an MLTable folder, a .jsonl or "
        ".csv file, or a folder of class folders",
        file=source,
    )
