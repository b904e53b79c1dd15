"""Label Studio's exports: JSON (tasks with annotations), and JSON_MIN and CSV (a flat object or line a task)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from tintype.data.annotated import Annotated, rows_of_annotated
from tintype.data.locations import image_location, stored_beside
from tintype.data.rows import Reading, Row
from tintype.errors import DataError
from tintype.settings import Settings, get_settings

__all__ = [
    "is_label_studio_header",
    "label_studio_lines",
    "label_studio_predictions",
    "label_studio_rows",
    "label_studio_tasks",
]

_IMAGE_KEYS = ("image", "img", "picture", "photo", "image_url", "url")

# What people and models said of a task.
_TASK_KEYS = ("annotations", "completions", "predictions")

# What JSON_MIN has beside the image and the choices.
_OWN_KEYS = frozenset(
    "id annotator annotation_id created_at updated_at lead_time comment agreement project".split()
)
_CHOICE_KEYS = ("choice", "choices", "label", "labels")

# Columns that every CSV has, whatever its questions are called.
_CSV_COLUMNS = frozenset(["annotation_id", "annotator", "lead_time"])

# Where pictures lie that Label Studio reads from a bucket.
_BUCKETS = ("s3", "gs", "azure-blob")

# Uploaded files get eight hexadecimal digits before their name.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")

# The choices of one task: of each question its answers; None where nobody has answered.
Answers = dict[str, list[str]] | None


def label_studio_tasks(document: object) -> list[Any] | None:
    """The tasks of a parsed JSON document of Label Studio's, in either form: a list of them, or a single one,
    as its server gives it and as a bucket keeps it; None where it is no such document."""
    if isinstance(document, dict):
        single = isinstance(document.get("data"), dict) and any(
            isinstance(document.get(key), list) for key in _TASK_KEYS
        )
        return [document] if single else None
    if not isinstance(document, list) or not document:
        return None
    first = document[0]
    found = isinstance(first, dict) and (
        isinstance(first.get("data"), dict) or _image_key(first, "") is not None
    )
    return document if found else None


def is_label_studio_header(header: Iterable[str]) -> bool:
    """Whether a CSV file of these columns is one of Label Studio's."""
    return _CSV_COLUMNS.issubset(header)


def label_studio_lines(
    header: Sequence[str], lines: Iterable[Sequence[str]], path: Path, reading: Reading
) -> Iterator[Row]:
    """Rows of its CSV: see `label_studio_rows`. Several choices stand in a cell as JSON.

    Args:
        lines: each as long as the header.
    """
    document = [
        {name: _cell(cell) for name, cell in zip(header, line, strict=True)} for line in lines
    ]
    yield from label_studio_rows(document, path, reading)


def _cell(text: str) -> object:
    if text.startswith("{"):
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(text)
    return text


def label_studio_rows(document: list[Any], path: Path, reading: Reading) -> Iterator[Row]:
    """Rows of an export, one for each task that somebody has answered.

    Of several annotations of a task the one marked as ground truth counts, or else the last; skipped
    (cancelled) ones never do. Where a task has several questions, the label column says which
    counts. Choices in levels are written Animal/Cat. Images that were uploaded to Label Studio or lie in its
    local storage or in a bucket are looked for beside the export.

    Raises:
        DataError: a task without an image, or several questions; see also `rows_of_annotated`.
    """
    tasks: dict[object, tuple[str, str, Answers]] = {}
    several = 0
    for at, task in enumerate(document):
        place = str(at)
        if not isinstance(task, dict):
            raise DataError("expected an object", file=path, field=place)
        whole = isinstance(task.get("data"), dict)
        data = task["data"] if whole else task
        key = _image_key(data, reading.image_column)
        if key is None:
            raise DataError(
                f"no image in it (it has {', '.join(list(data)[:8]) or 'nothing'}); expected a key "
                f"named {', '.join(_IMAGE_KEYS)}, or set the image column to another",
                file=path,
                field=place,
            )
        field = f"{place}.data.{key}" if whole else f"{place}.{key}"
        answers = _answers_of_task(task) if whole else _answers_of_flat(task, key, reading)
        # JSON_MIN has an object for each annotation of a task.
        identity = place if whole else task.get("id", place)
        several += identity in tasks or (whole and len(_annotations(task)) > 1)
        if answers is not None or identity not in tasks:
            tasks[identity] = (data[key], field, answers)
    if several:
        reading.notice(
            f"{path}: {several} tasks have several annotations: ground truth counts, or the last"
        )
    answered = [(name, field, given) for name, field, given in tasks.values() if given is not None]
    if len(answered) < len(tasks):
        reading.notice(
            f"{path}: {len(tasks) - len(answered)} of {len(tasks)} tasks have no annotation: left out"
        )
    questions = sorted({question for _, _, given in answered for question in given})
    if reading.label_column in questions:
        questions = [reading.label_column]
    if len(questions) > 1:
        raise DataError(
            f"it has several questions ({', '.join(questions)}); set the label column to one "
            "of them",
            file=path,
        )
    annotated = [
        Annotated(
            _location(name, path, field, reading.settings),
            tuple(
                dict.fromkeys(label for question in questions for label in given.get(question, ()))
            ),
            field,
        )
        for name, field, given in answered
    ]
    yield from rows_of_annotated(annotated, path, reading)


def _image_key(data: dict[str, Any], image_column: str) -> str | None:
    for key in (image_column, *_IMAGE_KEYS):
        if isinstance(data.get(key), str) and data[key]:
            return key
    # However it was called in the labelling configuration.
    named = [
        key
        for key, value in data.items()
        if isinstance(value, str) and value.startswith(("/data/upload/", "/data/local-files/"))
    ]
    return named[0] if len(named) == 1 else None


def _annotations(task: dict[str, Any]) -> list[dict[str, Any]]:
    given = task.get("annotations") or task.get("completions") or []
    return [item for item in _objects(given) if not item.get("was_cancelled", False)]


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _answers_of_task(task: dict[str, Any]) -> Answers:
    annotations = _annotations(task)
    if not annotations:
        return None
    truth = [item for item in annotations if item.get("ground_truth")]
    answers: dict[str, list[str]] = {}
    for part in _objects((truth or annotations)[-1].get("result")):
        choices = _chosen(part.get("value"))
        if choices:
            answers.setdefault(str(part.get("from_name", "choice")), []).extend(choices)
    return answers


def _chosen(value: object) -> list[str]:
    """Names of choices; those in levels, as taxonomies and nested choices have them, joined by /."""
    if not isinstance(value, dict):
        return []
    choices = value.get("choices") or value.get("taxonomy")
    if not isinstance(choices, list):
        return []
    return ["/".join(map(str, one)) if isinstance(one, list) else str(one) for one in choices]


def _answers_of_flat(task: dict[str, Any], image_key: str, reading: Reading) -> Answers:
    answers = {
        key: found
        for key, value in task.items()
        if key not in _OWN_KEYS and key != image_key and (found := _choices(key, value, reading))
    }
    return answers or None


def _choices(key: str, value: object, reading: Reading) -> list[str]:
    """What was chosen, of a value that may be another column of the task's data."""
    if chosen := _chosen(value):
        return chosen
    if isinstance(value, str) and value and key in (reading.label_column, *_CHOICE_KEYS):
        return [value]
    return []


def _location(reference: str, path: Path, field: str, settings: Settings) -> str:
    base = str(path.parent.absolute())
    parts = urlsplit(reference)
    if parts.scheme in ("", "http", "https") and parts.path.startswith("/data/"):
        inner = parts.path.removeprefix("/data/")
        if inner.startswith("local-files"):
            inner = parse_qs(parts.query).get("d", [""])[0]
        return _beside(unquote(inner).lstrip("/"), base)
    if parts.scheme in _BUCKETS:
        return _beside(parts.path.lstrip("/"), base)
    return image_location(reference, base, settings, file=path, field=field)


def _beside(name: str, base: str) -> str:
    """The file that a path on Label Studio's server means, below `base`: its end is what they share."""
    steps = [step for step in name.split("/") if step not in ("", ".", "..")]
    ends = ["/".join(steps[at:]) for at in range(len(steps))]
    ends += [_UPLOADED.sub("", steps[-1])] if steps else []
    for end in ends:
        if (location := stored_beside(end, base)) is not None:
            return location
    return f"{base}/{'/'.join(steps)}"


def label_studio_predictions(
    document: list[Any], path: Path
) -> Iterator[tuple[str, tuple[str, ...], float | None, str]]:
    """(image, labels, score, field) of the last prediction of each task that has one.

    Raises:
        DataError: a task without an image.
    """
    for at, task in enumerate(document):
        predictions = _objects(task.get("predictions")) if isinstance(task, dict) else []
        if not predictions:
            continue
        data = task.get("data")
        key = _image_key(data, "image") if isinstance(data, dict) else None
        if key is None or not isinstance(data, dict):
            raise DataError("no image in it", file=path, field=str(at))
        field = f"{at}.data.{key}"
        answers = _answers_of_task({"annotations": predictions[-1:]}) or {}
        labels = tuple(dict.fromkeys(label for given in answers.values() for label in given))
        score = predictions[-1].get("score")
        confidence = float(score) if isinstance(score, int | float) else None
        yield _location(data[key], path, field, get_settings()), labels, confidence, field
