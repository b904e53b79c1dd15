"""Where the pictures of a project come from: folders, label files, outputs of batches, endpoints."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from tintype.batch.inputs import find_inputs
from tintype.batch.predictions import has_predictions, predicted_rows
from tintype.batch.readers import read_rows
from tintype.data.label_studio import label_studio_predictions, label_studio_tasks
from tintype.data.locations import local_path
from tintype.data.reading import read_image_table
from tintype.errors import DataError, UsageError
from tintype.images.source import is_url
from tintype.schemas.task import ClassificationTask
from tintype.settings import get_settings
from tintype.workspace.collected import collected_folder, is_collected, read_collected
from tintype.workspace.data_assets import resolve_data
from tintype.workspace.endpoints import is_endpoint_name

__all__ = [
    "SourcePicture",
    "labelled_pictures",
    "source_path",
    "suggested_pictures",
    "unlabelled_pictures",
]


class SourcePicture(NamedTuple):
    """A picture of a source."""

    location: str
    """Absolute path or URL."""
    name: str
    """Its path below the source; else its file name."""
    labels: tuple[str, ...] | None = None
    """None where the source says nothing of it."""
    confidence: float | None = None
    file: str | None = None
    line: int | None = None
    field: str | None = None


def source_path(reference: str) -> Path:
    """The file or folder that a path, a `file:`, `azureml:` or `endpoint:` reference means; the latter is
    `endpoint:NAME` or `endpoint:NAME/DEPLOYMENT`: what these recorded.

    Raises:
        UsageError: there is no such data asset, or the endpoint has recorded nothing.
        DataError: it is not here.
    """
    if reference.startswith("endpoint:"):
        return _collected_path(reference)
    try:
        path = local_path(resolve_data(reference), Path.cwd(), get_settings())
    except ValueError as error:
        raise DataError(str(error), file=reference) from None
    if not path.exists():
        raise DataError("there is no such file or folder", file=path)
    return path


def _collected_path(reference: str) -> Path:
    endpoint, _, deployment = reference.removeprefix("endpoint:").partition("/")
    for name in filter(None, (endpoint, deployment)):
        if not is_endpoint_name(name):
            raise UsageError(f"{reference!r}: expected endpoint:NAME or endpoint:NAME/DEPLOYMENT")
    path = collected_folder(endpoint, deployment or None)
    if not path.is_dir():
        raise UsageError(
            f"{reference!r}: nothing was recorded; data_collector of a deployment's document says what is"
        )
    return path


def unlabelled_pictures(path: Path) -> Iterator[SourcePicture]:
    """Every picture of `path`, whatever it says of labels.

    Raises:
        DataError: there is none, or a file of references cannot be read; names file and line.
    """
    if _is_batch(path):
        yield from (picture._replace(labels=None) for picture in suggested_pictures(path))
        return
    if is_collected(path):
        yield from (picture._replace(labels=None) for picture in _of_endpoint(path))
        return
    if path.is_dir() and not (path / "MLTable").is_file():
        found = False
        for file in find_inputs(path, Counter()):
            if file.kind == "image":
                found = True
                yield SourcePicture(file.path, file.name)
        if not found:
            raise DataError("there is no picture in it", file=path)
        return
    try:
        yield from (picture._replace(labels=None) for picture in labelled_pictures(path, None))
    except DataError as error:
        # A list of pictures without labels, perhaps.
        yield from _listed(path, error)


def labelled_pictures(
    path: Path, task: ClassificationTask | None, *, any_datastore: bool = False
) -> Iterator[SourcePicture]:
    """Pictures and labels of any layout of docs/data.md; files need not be there.

    Args:
        any_datastore: also in datastores that no folder is mapped to; the ends of their paths are enough
            to know them by.

    Raises:
        DataError: names file, line and field of the first row that cannot be used.
    """
    table = read_image_table(path, task=task, check_files=False, any_datastore=any_datastore)
    root = str(path if path.is_dir() else path.parent)
    for row in range(len(table)):
        location, label = table.location(row), table.label(row)
        labels = tuple(label) if isinstance(label, list) else (label,)
        file, line = table.origin(row)
        yield SourcePicture(
            location, _name(location, root), labels, None, file, line, table.label_column
        )


def suggested_pictures(
    path: Path, task: ClassificationTask | None = None, *, any_datastore: bool = False
) -> Iterator[SourcePicture]:
    """Pictures with what a model proposes for them: an output of `tintype batch`, what endpoints
    recorded, predictions in an export of Label Studio, or else the labels of any labelled data.

    Args:
        any_datastore: see `labelled_pictures`.

    Raises:
        DataError: names file, line and field of the first row that cannot be used.
    """
    if _is_batch(path):
        yield from _of_batch(path)
        return
    if is_collected(path):
        yield from _of_endpoint(path)
        return
    if path.suffix.lower() == ".json":
        try:
            document = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise DataError(f"cannot be read: {error}", file=path) from None
        tasks = label_studio_tasks(document) or []
        if any(task.get("predictions") for task in tasks if isinstance(task, dict)):
            root = str(path.parent)
            for location, labels, score, field in label_studio_predictions(tasks, path):
                yield SourcePicture(
                    location, _name(location, root), labels, score, str(path), None, field
                )
            return
    yield from labelled_pictures(path, task, any_datastore=any_datastore)


def _is_batch(path: Path) -> bool:
    """Whether `path` is the output of a batch."""
    return (path / "summary.json").is_file() and has_predictions(path)


def _of_batch(path: Path) -> Iterator[SourcePicture]:
    for row in predicted_rows(path):
        if not row.placed:
            raise DataError(str(row.fault), file=Path(row.file), line=row.line, field="image")
        labels = None if row.label is None else (row.label,)
        yield SourcePicture(
            row.location, _file_name(row.location), labels, row.score, row.file, row.line, "label"
        )


def _of_endpoint(path: Path) -> Iterator[SourcePicture]:
    """Every picture that was recorded, with what was answered for it last.

    Raises:
        DataError: there is none.
    """
    newest: dict[str, SourcePicture] = {}
    for folder, row in read_collected(path):
        location = None if row.picture is None else folder / row.picture
        if location is not None and location.is_file():
            labels = None if row.label is None else (row.label,)
            name = f"{row.time:%Y-%m-%d}/{_file_name(str(location))}"
            newest[str(location)] = SourcePicture(str(location), name, labels, row.score)
    if not newest:
        raise DataError("no picture was recorded yet", file=path)
    yield from newest.values()


def _listed(path: Path, otherwise: DataError) -> Iterator[SourcePicture]:
    """Pictures of a file that lists them.

    Raises:
        DataError: `otherwise`, where it is none.
    """
    root = str(path if path.is_dir() else path.parent)
    found = False
    for file in find_inputs(path, Counter()):
        for row, _ in read_rows(file):
            if row.location is None:
                raise otherwise
            found = True
            yield SourcePicture(row.location, _name(row.location, root))
    if not found:
        raise otherwise


def _name(location: str, root: str) -> str:
    if not is_url(location) and location.startswith(f"{root}/"):
        return os.path.relpath(location, root)
    return _file_name(location)


def _file_name(location: str) -> str:
    path = unquote(urlsplit(location).path) if is_url(location) else location
    return path.rstrip("/").rsplit("/", 1)[-1] or location
