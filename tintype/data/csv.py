"""CSV files with a column of image files and one of labels (the shape of Azure's `labels.csv`)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from tintype.data.locations import resolve_location
from tintype.data.rows import Row
from tintype.errors import DataError
from tintype.schemas.task import MULTICLASS, ClassificationTask
from tintype.settings import get_settings

__all__ = ["read_csv_rows"]

_IMAGE_COLUMNS = ("filename", "image_url", "image", "file", "path")
_LABEL_COLUMNS = ("labels", "label")


def read_csv_rows(path: Path, task: ClassificationTask | None) -> Iterator[Row]:
    """Rows of a CSV file with a header.

    A column `label` holds one label a row. A column `labels` holds labels separated by spaces,
    unless `task` is multi-class: then the whole cell is the label. Image files are looked for
    beside the CSV and then in the folder `images` beside it. Blank lines are passed over.

    Raises:
        DataError: no header with those columns, a row of another length, or unreadable text.
    """
    settings = get_settings()
    base = str(path.parent.absolute())
    file = str(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            image_column = _column(header, _IMAGE_COLUMNS, path)
            label_column = _column(header, _LABEL_COLUMNS, path)
            image_at, label_at = header.index(image_column), header.index(label_column)
            split = label_column == "labels" and task != MULTICLASS
            single = label_column == "label" and task not in (None, MULTICLASS)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                line = reader.line_num
                if len(cells) != len(header):
                    raise DataError(
                        f"{len(cells)} cells, but the header has {len(header)}",
                        file=file,
                        line=line,
                    )
                name, cell = cells[image_at].strip(), cells[label_at].strip()
                if not name:
                    raise DataError("the cell is empty", file=file, line=line, field=image_column)
                try:
                    location = resolve_location(name, base, settings)
                except ValueError as error:
                    raise DataError(str(error), file=file, line=line, field=image_column) from None
                if location == f"{base}/{name}" and not os.path.exists(location):
                    beside = f"{base}/images/{name}"
                    location = beside if os.path.exists(beside) else location
                label: object = cell.split() if split else [cell] if single else cell
                yield Row(location, label, file, line, image_column)
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save the CSV as UTF-8", file=path) from None
    except csv.Error as error:
        raise DataError(f"not valid CSV: {error}", file=path) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None


def _column(header: list[str], names: tuple[str, ...], path: Path) -> str:
    for name in names:
        if name in header:
            return name
    raise DataError(
        f"the header is {', '.join(header) or 'empty'}; expected a column named "
        f"{' or '.join(names)}, as in 'filename,labels'",
        file=path,
        line=1,
    )
