"""CSV files with a header: a column of image files, and labels in a column or in columns of 0 and 1.

The shapes of Azure's `labels.csv`, of its labelling export, of Label Studio's, and of Roboflow's `_classes.csv`.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tintype.data.label_studio import is_label_studio_header, label_studio_lines
from tintype.data.locations import image_location, stored_beside
from tintype.data.rows import Reading, Row
from tintype.errors import DataError
from tintype.schemas.task import MULTICLASS

__all__ = ["CSV_ENDINGS", "LABEL_COLUMNS", "ROBOFLOW_NAME", "read_csv_rows"]

CSV_ENDINGS = (".csv", ".tsv")

ROBOFLOW_NAME = "_classes.csv"
"""What Roboflow calls the labels of a folder of images."""

# Names in lower case, the likelier first.
_IMAGE_COLUMNS = "filename image_url image file path file_name imageurl url image_path".split()
LABEL_COLUMNS = "labels label category class".split()
"""What labels are called, the likelier first."""

# Columns of the labelling export whose labels may be lists.
_CONFIDENCES = ("label_confidence", "labelconfidence")

_BOXES = frozenset(["xmin", "x_min", "bbox", "bbox_x"])

_DELIMITERS = (",", ";", "\t")

LabelOf = Callable[[list[str], int], object]


def read_csv_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """Rows of a CSV file with a header; commas, semicolons or tabs, as the header has them.

    A column `label` holds one label a row. A column `labels` holds labels separated by spaces,
    unless the task is multi-class: then the whole cell is the label. Without either, every column
    but the image's is a class, and holds 0 or 1. Image files are looked for beside the CSV and then
    in the folder `images` beside it. Blank lines are passed over.

    Raises:
        DataError: no header with those columns, a row of another length, a cell that is none of
            what its column holds, or unreadable text.
    """
    settings = reading.settings
    base = str(path.parent.absolute())
    file = str(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            delimiter = _delimiter(stream.readline(1 << 20), path, reading.image_column)
            stream.seek(0)
            reader = csv.reader(stream, strict=True, delimiter=delimiter)
            header = [name.strip() for name in next(reader, [])]
            if is_label_studio_header(header):
                yield from label_studio_lines(
                    header, _whole_lines(reader, header, file), path, reading
                )
                return
            image_at, label_of = _columns(header, path, reading)
            group_at = _group_column(header, reading)
            for cells in _whole_lines(reader, header, file):
                line = reader.line_num
                name = cells[image_at].strip()
                field = header[image_at]
                if not name:
                    raise DataError("the cell is empty", file=file, line=line, field=field)
                location = image_location(name, base, settings, file=file, line=line, field=field)
                if location == f"{base}/{name}":
                    location = stored_beside(name, base) or location
                group = None if group_at is None else cells[group_at].strip()
                yield Row(location, label_of(cells, line), file, line, field, group)
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save the CSV as UTF-8", file=path) from None
    except csv.Error as error:
        raise DataError(f"not valid CSV: {error}", file=path) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None


def _whole_lines(reader: Any, header: list[str], file: str) -> Iterator[list[str]]:
    """Lines that are not blank, each as long as the header."""
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise DataError(
                f"{len(cells)} cells, but the header has {len(header)}",
                file=file,
                line=reader.line_num,
            )
        yield cells


def _delimiter(line: str, path: Path, asked: str) -> str:
    """What separates the columns of a header: that by which an image column is found."""
    for delimiter in _DELIMITERS:
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]
        if len(names) > 1 and not set(names).isdisjoint([*_IMAGE_COLUMNS, asked.lower()]):
            return delimiter
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _columns(header: list[str], path: Path, reading: Reading) -> tuple[int, LabelOf]:
    """Where the image is, and how a row's label is had from its cells and line."""
    lower = [name.lower() for name in header]
    # A name that is none of the usual ones was asked for.
    image_at = _column(lower, _IMAGE_COLUMNS, reading.image_column.lower())
    label_at = _column(lower, LABEL_COLUMNS, reading.label_column.lower())
    if image_at is None or (label_at is None and len(header) < 2):
        missing, example = (
            (_IMAGE_COLUMNS, "filename,labels") if image_at is None else (LABEL_COLUMNS, "labels")
        )
        raise DataError(
            f"the header is {', '.join(header) or 'empty'}; expected a column named "
            f"{' or '.join(missing)}, as in '{example}'",
            file=path,
            line=1,
        )
    if boxes := _BOXES.intersection(lower):
        raise DataError(
            f"the column {min(boxes)} is of boxes around objects; expected labels of whole images",
            file=path,
            line=1,
        )
    if label_at is None:
        return image_at, _indicators(header, image_at, path, reading)
    plural = lower[label_at] == "labels"
    task = reading.task
    listed = not set(lower).isdisjoint(_CONFIDENCES)

    def label(cells: list[str], line: int) -> object:
        cell = cells[label_at].strip()
        if listed and cell.startswith("["):
            labels = _list(cell, path, line, header[label_at])
            return labels[0] if task == MULTICLASS and len(labels) == 1 else labels
        if plural and task != MULTICLASS:
            return cell.split()
        return cell if task in (None, MULTICLASS) else [cell]

    return image_at, label


def _indicators(header: list[str], image_at: int, path: Path, reading: Reading) -> LabelOf:
    """Labels of a row that has a 1 in the column of each."""
    # A column `group` that nobody asked for may be a class of that name.
    others = (image_at, _group_column(header, reading))
    classes = [(at, name) for at, name in enumerate(header) if at not in others]

    def label(cells: list[str], line: int) -> object:
        labels = []
        for at, name in classes:
            cell = cells[at].strip()
            if cell in ("1", "1.0"):
                labels.append(name)
            elif cell not in ("0", "0.0"):
                raise DataError(
                    f"{cell!r} given; without a column named {' or '.join(LABEL_COLUMNS)} every "
                    f"column but {header[image_at]} is a class and holds 0 or 1",
                    file=path,
                    line=line,
                    field=name,
                )
        if reading.task != MULTICLASS:
            return labels
        if len(labels) != 1:
            raise DataError(
                f"{len(labels)} columns hold 1; expected exactly one for task {MULTICLASS}",
                file=path,
                line=line,
            )
        return labels[0]

    return label


def _list(cell: str, path: Path, line: int, field: str) -> list[object]:
    """The labels of a cell such as `["a", "b"]`, in JSON's quotes or Python's."""
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        value = None
    if not isinstance(value, list):
        raise DataError(f"{cell!r} is not a list of labels", file=path, line=line, field=field)
    return value


def _group_column(header: list[str], reading: Reading) -> int | None:
    """Where a row's group is; None where there is none."""
    if reading.groups.pattern is not None:
        return None
    lower = [name.lower() for name in header]
    asked = reading.groups.asked_column
    labelled = _column(lower, LABEL_COLUMNS, reading.label_column.lower()) is not None
    if asked is None and not labelled:
        return None
    return _column(lower, [], reading.groups.column.lower())


def _column(header: list[str], usual: list[str], asked: str) -> int | None:
    names = usual if asked in usual else [asked, *usual]
    return next((header.index(name) for name in names if name in header), None)
