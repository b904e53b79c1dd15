"""Folders of Hugging Face's datasets: Parquet files, `save_to_disk`, and images with a `metadata` file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import orjson

from tintype.data.csv import LABEL_COLUMNS, read_csv_rows
from tintype.data.folders import is_folder, visible_entries
from tintype.data.jsonl import read_jsonl_objects, read_jsonl_rows
from tintype.data.label_files import METADATA_NAMES
from tintype.data.parquet import read_table_rows
from tintype.data.rows import Reading, Row
from tintype.data.split_folders import Part, Split, Splits, split_of_name

__all__ = ["find_parquet_splits", "metadata_rows", "table_files", "table_rows"]

# `train-00000-of-00001.parquet`, `train.parquet`, `test_0.parquet`.
_SPLIT_OF_FILE = re.compile(r"([A-Za-z]+)(?=[-_.])")


def table_files(folder: Path) -> list[Path]:
    """The Parquet files in `folder`, or in `data` below it, or the Arrow files of `save_to_disk`.

    Files of another name than a data set's (`...-00000-of-00001.parquet`) that lie beside class
    folders are no part of the data.

    Raises:
        DataError: it cannot be read.
    """
    for place in (folder, folder / "data"):
        if place.is_dir():
            entries = visible_entries(place)
            beside = any(is_folder(entry) and entry.name != "data" for entry in entries)
            parquet = [
                Path(entry.path)
                for entry in entries
                if entry.name.lower().endswith(".parquet")
                and not (beside and "-of-" not in entry.name)
            ]
            if parquet:
                return parquet
    if not (folder / "dataset_info.json").is_file():
        return []
    listed = _read(folder / "state.json").get("_data_files")
    if isinstance(listed, list) and all(isinstance(item, dict) for item in listed):
        return [folder / Path(str(item.get("filename"))).name for item in listed]
    return sorted(folder.glob("*.arrow"))


def find_parquet_splits(folder: Path) -> Splits:
    """The splits that the names of Parquet files tell; none where they are all of one.

    Raises:
        DataError: the folder cannot be read.
    """
    found: dict[Split, list[Path]] = {}
    others = []
    for file in table_files(folder):
        match = _SPLIT_OF_FILE.match(file.name)
        split = split_of_name(match[1]) if match else None
        if split is None:
            others.append(file.name)
        else:
            found.setdefault(split, []).append(file)
    if "train" not in found or len(found) < 2:
        return Splits()
    parts = {
        split: Part(
            f"{found[split][0].name.split('-')[0].removesuffix('.parquet')} files",
            tuple(found[split]),
        )
        for split in get_args(Split)
        if split in found
    }
    left = f"{folder}: {', '.join(others[:5])} beside the splits: left out"
    return Splits(parts, (left,) if others else ())


def table_rows(files: list[Path], reading: Reading) -> Iterator[Row]:
    """Rows of Parquet or Arrow files, one after another; see `read_table_rows`."""
    for file in files:
        info = file.parent / "dataset_info.json"
        features = _read(info).get("features") if info.is_file() else None
        yield from read_table_rows(file, reading, features if isinstance(features, dict) else {})


def metadata_rows(folder: Path, reading: Reading) -> Iterator[Row] | None:
    """Rows of `metadata.csv` or `metadata.jsonl` among images; None where it has no labels.

    Raises:
        DataError: see `read_csv_rows` and `read_jsonl_rows`.
    """
    names = (reading.label_column, *LABEL_COLUMNS)
    for path in (folder / name for name in METADATA_NAMES):
        if not path.is_file():
            continue
        columns = _columns_of(path)
        label = next((name for name in names if name in columns), None)
        if label is None:
            reading.notice(
                f"{path}: left out, for it has no column of labels (it has "
                f"{', '.join(sorted(columns))})"
            )
            continue
        if path.suffix == ".csv":
            return read_csv_rows(path, reading)
        image = reading.image_column if reading.image_column in columns else "file_name"
        return read_jsonl_rows(path, label, image, reading.groups.column, settings=reading.settings)
    return None


def _columns_of(path: Path) -> set[str]:
    if path.suffix == ".jsonl":
        return set(next(read_jsonl_objects(path), ({}, 0))[0])
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return {name.strip() for name in next(csv.reader(stream), [])}
    except (UnicodeDecodeError, csv.Error, OSError):
        # Its reader says what is wrong with it.
        return {"label"}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
