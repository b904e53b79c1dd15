"""One door for every kind of labelled data: find out what a path is and read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tintype.data.archives import is_archive, unpacked
from tintype.data.csv import CSV_ENDINGS, ROBOFLOW_NAME, read_csv_rows
from tintype.data.datasets_folder import (
    find_parquet_splits,
    metadata_rows,
    table_files,
    table_rows,
)
from tintype.data.folders import read_folder_rows
from tintype.data.groups import GroupBy
from tintype.data.image_table import ImageTable, ImageTableBuilder
from tintype.data.json_documents import read_json_rows
from tintype.data.jsonl import read_jsonl_rows
from tintype.data.label_files import WHOLE_NAMES, only_label_file
from tintype.data.locations import local_path
from tintype.data.mltable import read_mltable_rows
from tintype.data.parquet import TABLE_ENDINGS
from tintype.data.rows import Reading, Row
from tintype.data.split_folders import FALLBACKS, Split, Splits, find_split_folders
from tintype.errors import DataError, UsageError
from tintype.schemas.task import ClassificationTask
from tintype.settings import get_settings

__all__ = ["ImageSource", "open_image_source", "read_image_table"]


def read_image_table(
    path: str | Path,
    *,
    task: ClassificationTask | None = None,
    label_column: str = "label",
    image_column: str = "image_url",
    split: Split = "train",
    check_files: bool = True,
    any_datastore: bool = False,
    group_column: str | None = None,
    group_pattern: str | None = None,
) -> ImageTable:
    """Read labelled images from a folder, a file or an archive, in any layout of docs/data.md.

    Args:
        path: local path, `file:` URL or mapped `azureml://` datastore path.
        task: None takes it from the data: a string label is multi-class, a list multi-label; a
            CSV column `labels` is multi-label, `label` multi-class; class folders are multi-class.
        label_column, image_column: names of the keys in JSONL rows, and of columns that are called
            as no other.
        split: which is read of data that come in splits. Where there is no such split: for `test`
            `validation`, for `validation` `test`, or else `train`; a notice of the table says so.
        check_files: whether every local image must exist.
        any_datastore: whether what lies in a datastore that no folder is mapped to is named by its path
            there, beside the data, in place of an error.
        group_column, group_pattern: how images that belong together are told; see `GroupBy`.

    Raises:
        DataError: names file, line and field of the first row that cannot be used.
        UsageError: there is no split of that name, or the pattern is none.
    """
    source = open_image_source(path)
    table = source.read(
        source.nearest(split),
        task=task,
        label_column=label_column,
        image_column=image_column,
        check_files=check_files,
        any_datastore=any_datastore,
        groups=GroupBy(group_column, group_pattern),
    )
    return table.with_notices(source.notices_of(split))


_EXPECTED = (
    "a folder of class folders, an MLTable or data set folder, a .jsonl, .csv, .tsv, .json or .parquet "
    "file, or a .zip or .tar archive of these"
)


class ImageSource:
    """Labelled images behind one path, opened to see which splits they come in."""

    def __init__(self, path: Path, splits: Splits, given: Path) -> None:
        """Made by `open_image_source`."""
        self.path = path
        """A file or folder; of an archive, its content."""
        self.given = given
        """As it is called in messages."""
        self.parts = splits.parts
        """Each split's name and place; empty where the images come in one piece."""
        self.notices = splits.notices
        """What people should know of the whole."""

    def nearest(self, split: Split) -> Split | None:
        """The split that is read where `split` is asked for; None without splits.

        Raises:
            UsageError: there is no split of that name.
        """
        if split not in FALLBACKS:
            raise UsageError(f"split {split!r}: expected one of {', '.join(FALLBACKS)}")
        return next((near for near in FALLBACKS[split] if near in self.parts), None)

    def notices_of(self, split: Split) -> list[str]:
        """What is to be known of a reading of `split` alone."""
        near = self.nearest(split)
        if near is None:
            return list(self.notices)
        names = ", ".join(part.name for part in self.parts.values())
        instead = "" if near == split else f", for there is none for {split}"
        read = f"{self.given} holds splits ({names}): {self.parts[near].name} is read{instead}"
        return [read, *self.notices]

    def read(
        self,
        split: Split | None,
        *,
        task: ClassificationTask | None,
        label_column: str,
        image_column: str,
        check_files: bool = True,
        any_datastore: bool = False,
        groups: GroupBy | None = None,
    ) -> ImageTable:
        """Read one split, or (None) all of data without splits; see `read_image_table`.

        Raises:
            DataError: names file, line and field of the first row that cannot be used.
        """
        groups = groups or GroupBy()
        settings = get_settings()
        paths = (self.path,) if split is None else self.parts[split].paths
        if any_datastore:
            stores = {"*": str(paths[0].parent), **settings.datastores}
            settings = replace(settings, datastores=stores)
        reading = Reading(task, label_column, image_column, groups, settings)
        # Labels may be called `group`, too.
        told = groups.asked or groups.column not in (label_column, image_column)
        builder = ImageTableBuilder(task, label_column)
        for row in chain.from_iterable(_rows(path, reading) for path in paths):
            try:
                group = groups.group(row.location, row.group if told else None)
            except ValueError as error:
                raise DataError(
                    str(error), file=row.file, line=row.line or None, field=groups.column
                ) from None
            builder.add(row.location, row.label, row.file, row.line, group)
            # lstat's cost, no Python objects kept: a million rows pass in seconds.
            if check_files and not (
                row.location.startswith("http") or os.path.isfile(row.location)
            ):
                raise DataError(
                    f"no image at {row.location}; correct the path or remove the row",
                    file=row.file,
                    line=row.line or None,
                    field=row.image_field,
                )
        if len(builder) == 0:
            raise DataError("there are no rows in it", file=paths[0])
        return builder.build([*reading.notices, *_group_notices(builder, groups, paths[0])])


def _group_notices(builder: ImageTableBuilder, groups: GroupBy, path: Path) -> list[str]:
    """What is to be known of the groups that were told.

    Raises:
        DataError: groups were asked for, and no row has one.
    """
    rows, count, named = len(builder), builder.group_count, builder.grouped_rows
    if not count:
        if groups.asked:
            raise DataError(groups.not_found(rows), file=path, field=groups.field)
        return []
    if count == 1 and not groups.asked:
        builder.drop_groups()
        return [
            f"{path}: {groups.column}: all rows are of one group, which therefore tells nothing"
        ]
    notices = []
    if not groups.asked:
        notices.append(
            f"{path}: rows have a {groups.column}: {count} groups, each of which stays on one "
            "side of "
            "a split"
        )
    if named < rows:
        notices.append(
            f"{path}: {groups.field}: {rows - named} of {rows} images are of no group, and each is "
            "taken by itself"
        )
    return notices


def open_image_source(path: str | Path) -> ImageSource:
    """Find out which splits there are behind `path`; see `read_image_table`.

    Raises:
        DataError: it is not local, or a folder in it cannot be read.
    """
    try:
        given = source = local_path(path, Path.cwd(), get_settings())
    except ValueError as error:
        raise DataError(str(error), file=path) from None
    if is_archive(source) and source.is_file():
        source = unpacked(source)
    splits = Splits()
    if source.is_dir() and not any((source / name).is_file() for name in WHOLE_NAMES):
        splits = find_parquet_splits(source)
        if not splits.parts:
            splits = find_split_folders(source)
    return ImageSource(source, splits, given)


def _rows(source: Path, reading: Reading) -> Iterator[Row]:
    label_column, image_column = reading.label_column, reading.image_column
    group_column = reading.groups.column
    if source.is_dir():
        if (source / "MLTable").is_file():
            return read_mltable_rows(
                source, label_column, image_column, group_column, settings=reading.settings
            )
        if (source / ROBOFLOW_NAME).is_file():
            return read_csv_rows(source / ROBOFLOW_NAME, reading)
        if (rows := metadata_rows(source, reading)) is not None:
            return rows
        if files := table_files(source):
            return table_rows(files, reading)
        if (label_file := only_label_file(source)) is not None:
            return _rows(label_file, reading)
        if any(entry.suffix.lower() in (".jsonl", ".yaml", ".yml") for entry in source.iterdir()):
            raise DataError(
                "the folder has .jsonl or .yaml files and none named MLTable; add one, or name the "
                ".jsonl file itself",
                file=source,
            )
        return read_folder_rows(source)
    if source.name == "MLTable" and source.is_file():
        return read_mltable_rows(
            source.parent, label_column, image_column, group_column, settings=reading.settings
        )
    if not source.exists():
        raise DataError(
            f"no such file or folder; expected {_EXPECTED}",
            file=source,
        )
    suffix = source.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return read_jsonl_rows(
            source, label_column, image_column, group_column, settings=reading.settings
        )
    if suffix in CSV_ENDINGS:
        return read_csv_rows(source, reading)
    if suffix in TABLE_ENDINGS:
        return table_rows([source], reading)
    if suffix == ".json":
        return read_json_rows(source, reading)
    raise DataError(
        f"cannot read a {suffix or 'file without ending'}; expected {_EXPECTED}",
        file=source,
    )
