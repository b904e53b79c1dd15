"""COCO documents (`images`, `annotations`, `categories`), read as labels of whole images.

Azure's labelling projects export these, with the image's place in `coco_url` or `absolute_url`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tintype.data.annotated import Annotated, rows_of_annotated
from tintype.data.locations import image_location, stored_beside
from tintype.data.rows import Reading, Row
from tintype.errors import DataError
from tintype.settings import Settings

__all__ = ["coco_rows", "is_coco"]

# The likelier to be readable first.
_PLACES = ("file_name", "coco_url", "absolute_url", "flickr_url", "url")


def is_coco(document: object) -> bool:
    """Whether a parsed JSON document has COCO's keys."""
    return isinstance(document, dict) and {"images", "annotations", "categories"} <= set(document)


def coco_rows(document: dict[str, Any], path: Path, reading: Reading) -> Iterator[Row]:
    """Rows of a COCO document, one for each image with the categories of its annotations.

    Images are looked for beside the document and in `images` beside it by `file_name`, or else are
    where `coco_url` or `absolute_url` says.

    Raises:
        DataError: an entry without its keys, or an annotation of an image or category that is not
            in the document; see also `rows_of_annotated`.
    """
    names = {
        _value(item, "id", path, f"categories.{at}"): _value(item, "name", path, f"categories.{at}")
        for at, item in _items(document, "categories", path)
    }
    labels: dict[Any, dict[str, None]] = {}
    images = []
    for at, item in _items(document, "images", path):
        identity = _value(item, "id", path, f"images.{at}")
        if identity in labels:
            raise DataError(
                f"the id {identity!r} stands twice; images need ids of their own",
                file=path,
                field=f"images.{at}.id",
            )
        labels[identity] = {}
        images.append((identity, item, f"images.{at}"))
    boxes = False
    for at, item in _items(document, "annotations", path):
        place = f"annotations.{at}"
        image, category = (_value(item, key, path, place) for key in ("image_id", "category_id"))
        for key, value, known in (("image_id", image, labels), ("category_id", category, names)):
            if value not in known:
                raise DataError(
                    f"there is no {key.removesuffix('_id')} with id {value!r}",
                    file=path,
                    field=f"{place}.{key}",
                )
        boxes = boxes or bool(item.get("bbox") or item.get("segmentation"))
        labels[image][str(names[category])] = None
    if boxes:
        reading.notice(
            f"{path}: boxes and outlines are passed over: an image has the labels of all its objects"
        )
    annotated = [
        Annotated(_location(item, path, place, reading.settings), tuple(labels[identity]), place)
        for identity, item, place in images
    ]
    yield from rows_of_annotated(annotated, path, reading)


def _items(document: dict[str, Any], key: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    items = document[key]
    if not isinstance(items, list):
        raise DataError("expected a list", file=path, field=key)
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise DataError("expected an object", file=path, field=f"{key}.{at}")
        yield at, item


def _value(item: dict[str, Any], key: str, path: Path, place: str) -> Any:
    value = item.get(key)
    if not isinstance(value, str | int) or value == "":
        raise DataError(
            f"{value!r} given; expected a number or text", file=path, field=f"{place}.{key}"
        )
    return value


def _location(item: dict[str, Any], path: Path, place: str, settings: Settings) -> str:
    given = {key: item[key] for key in _PLACES if isinstance(item.get(key), str) and item[key]}
    base = str(path.parent.absolute())
    name = given.pop("file_name", None)
    if name is not None:
        # Written on Windows, too.
        for relative in (name, name.replace("\\", "/")):
            if (location := stored_beside(relative, base)) is not None:
                return location
        given["file_name"] = name
    if not given:
        raise DataError(f"the image has none of {', '.join(_PLACES)}", file=path, field=place)
    key, reference = next(iter(given.items()))
    return image_location(reference, base, settings, file=path, field=f"{place}.{key}")
