"""What must hold before any training starts."""

from __future__ import annotations

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.errors import DataError
from tintype.schemas.task import MULTICLASS

__all__ = ["check_training_table", "check_validation_table"]


def check_training_table(table: ImageTable) -> None:
    """Refuse a table that nothing can be learnt from.

    Raises:
        DataError: fewer than two classes (one for multi-label), or a class with one example;
            names the file and line of that example.
    """
    least = 2 if table.task == MULTICLASS else 1
    file, _ = table.origin(0)
    if len(table.classes) < least:
        raise DataError(
            f"all {len(table)} rows have {len(table.classes)} label(s); training needs at least "
            f"{least}",
            file=file,
            field=table.label_column,
        )
    counts = table.class_counts()
    lonely = np.flatnonzero(counts == 1)
    if len(lonely):
        code = int(lonely[0])
        row = _first_row(table, code)
        file, line = table.origin(row)
        others = f" ({len(lonely)} classes have one example)" if len(lonely) > 1 else ""
        raise DataError(
            f"{table.classes[code]!r} has one example{others}; a class needs at least two, one to "
            "train on and one to validate on. Add images, or remove the row",
            file=file,
            line=line,
            field=table.label_column,
        )


def check_validation_table(train: ImageTable, validation: ImageTable) -> ImageTable:
    """`validation` with its labels coded as `train`'s.

    Raises:
        DataError: the tasks differ, or a label does not occur in training.
    """
    if train.task != validation.task:
        file, line = validation.origin(0)
        raise DataError(
            f"validation labels are for {validation.task}, training labels for {train.task}",
            file=file,
            line=line,
            field=validation.label_column,
        )
    return validation.with_classes(train.classes)


def _first_row(table: ImageTable, code: int) -> int:
    if table.task == MULTICLASS:
        return int(np.flatnonzero(table.targets() == code)[0])
    name = table.classes[code]
    return next(row for row in range(len(table)) if name in table.label(row))
