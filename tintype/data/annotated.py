"""Images with any number of labels each, as annotation tools export them: rows of one task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tintype.data.rows import Reading, Row
from tintype.errors import DataError
from tintype.schemas.task import MULTICLASS, MULTILABEL

__all__ = ["Annotated", "rows_of_annotated"]


class Annotated(NamedTuple):
    """An image, all its labels, and where in the document it stands."""

    location: str
    labels: Sequence[str]
    field: str


def rows_of_annotated(images: Sequence[Annotated], path: Path, reading: Reading) -> Iterator[Row]:
    """Rows of `images`: multi-label where one has several labels, unless the task is asked for.

    An image without a label is a row without labels in multi-label, and left out in multi-class.

    Raises:
        DataError: none has a label, or the task is multi-class and one has several.
    """
    task, file = reading.task, str(path)
    if not any(image.labels for image in images):
        raise DataError(f"none of its {len(images)} images has a label", file=path)
    if task is None:
        task = MULTILABEL if any(len(image.labels) > 1 for image in images) else MULTICLASS
    bare = sum(not image.labels for image in images)
    if bare:
        fate = "left out" if task == MULTICLASS else "rows without labels"
        reading.notice(f"{path}: {bare} of {len(images)} images have no label: {fate}")
    for location, labels, field in images:
        if task != MULTICLASS:
            yield Row(location, list(labels), file, 0, field)
        elif len(labels) > 1:
            raise DataError(
                f"the image has {len(labels)} labels ({', '.join(labels)}); expected one for task "
                f"{task}. Use task {MULTILABEL}, or remove labels",
                file=path,
                field=field,
            )
        elif labels:
            yield Row(location, labels[0], file, 0, field)
