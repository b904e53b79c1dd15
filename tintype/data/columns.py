"""Which columns of an Arrow schema hold image and label, and what the label's numbers mean.

Hugging Face's datasets write the meaning of columns into the schema's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tintype.data.rows import Reading
from tintype.errors import DataError, nearest
from tintype.schemas.task import MULTILABEL

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ImageColumns", "choose_columns", "features_of"]

_IMAGE_COLUMNS = "image img picture photo image_bytes jpg jpeg png file_name path url".split()
_LABEL_COLUMNS = "label labels class category target".split()


@dataclass(frozen=True)
class ImageColumns:
    """The two columns that are read."""

    image: str
    label: str
    names: tuple[str, ...]
    """Of a ClassLabel: what its numbers stand for; else empty."""

    has_bytes: bool
    """Whether there are encoded images in the column, by themselves or beside a path."""

    path_column: str | None
    """Where an image's path is: the column or its part, as `image.path`; None where it has none."""

    def label_of(self, value: Any, reading: Reading) -> object:
        """A cell as a row's label.

        Raises:
            ValueError: a number that stands for no class.
        """
        if isinstance(value, list):
            return [self._named(item) for item in value]
        named = self._named(value)
        return [named] if reading.task == MULTILABEL and named is not None else named

    def _named(self, value: Any) -> object:
        if not self.names or not isinstance(value, int):
            return value
        if value == -1:
            raise ValueError(
                "-1 given, which means that the label is not known; leave the split out"
            )
        if not 0 <= value < len(self.names):
            raise ValueError(f"{value} given; there are {len(self.names)} classes, from 0")
        return self.names[value]


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """What Hugging Face's datasets wrote of each column; empty where another program made it."""
    try:
        content = orjson.loads((schema.metadata or {})[b"huggingface"])
        features = content["info"]["features"]
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return {}
    return features if isinstance(features, dict) else {}


def choose_columns(
    schema: pa.Schema, features: Mapping[str, Any], reading: Reading, path: Path
) -> ImageColumns:
    """The columns of image and label: those that are asked for, or the only ones of their kind.

    Args:
        features: see `features_of`.

    Raises:
        DataError: there are none, several, or they hold something else.
    """
    image = _chosen(
        schema,
        reading.image_column,
        [name for name in schema.names if _kind(features.get(name)) == "Image"],
        _IMAGE_COLUMNS,
        "image",
        path,
    )
    label = _chosen(
        schema,
        reading.label_column,
        [name for name in schema.names if _kind(_inner(features.get(name))) == "ClassLabel"],
        [name for name in _LABEL_COLUMNS if name != image],
        "label",
        path,
    )
    has_bytes, path_column = _check_image(schema.field(image).type, image, path)
    _check_label(schema.field(label).type, label, path)
    return ImageColumns(image, label, _names(_inner(features.get(label))), has_bytes, path_column)


def _chosen(
    schema: pa.Schema,
    asked: str,
    marked: list[str],
    usual: list[str],
    kind: str,
    path: Path,
) -> str:
    columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
    if twice := {name for name in schema.names if schema.names.count(name) > 1}:
        raise DataError(f"columns of the same name: {', '.join(sorted(twice))}", file=path)
    if asked in schema.names:
        return asked
    if len(marked) > 1:
        raise DataError(
            f"it has several columns of {kind}s ({', '.join(marked)}); set the {kind} column to one of them",
            file=path,
        )
    if marked:
        return marked[0]
    for name in usual:
        if name in schema.names:
            return name
    raise DataError(
        f"it has no column {asked} (it has {columns[:300]}); set the {kind} column to one of these."
        f"{nearest(asked, schema.names)}",
        file=path,
        field=asked,
    )


def _check_image(kind: pa.DataType, name: str, path: Path) -> tuple[bool, str | None]:
    """`has_bytes` and `path_column` of an image column of this type."""
    import pyarrow as pa

    parts = {field.name for field in kind} if pa.types.is_struct(kind) else set()
    if parts & {"bytes", "path"}:
        return "bytes" in parts, f"{name}.path" if "path" in parts else None
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return True, None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return False, name
    raise DataError(
        f"the column holds {str(kind)[:100]}; expected encoded images (bytes, or a struct of bytes "
        "and path), or paths",
        file=path,
        field=name,
    )


def _check_label(kind: pa.DataType, name: str, path: Path) -> None:
    import pyarrow as pa

    given = kind
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
    )
    if not any(test(kind) for test in tests):
        raise DataError(
            f"the column holds {str(given)[:100]}; expected a class's name or number, or a list of "
            "them. Boxes and outlines of objects cannot be read",
            file=path,
            field=name,
        )


def _kind(feature: Any) -> str:
    return str(feature.get("_type", "")) if isinstance(feature, dict) else ""


def _inner(feature: Any) -> Any:
    """What a list (Sequence, List, LargeList, or `[feature]`) holds, or the feature itself."""
    if isinstance(feature, list) and len(feature) == 1:
        return feature[0]
    return feature["feature"] if isinstance(feature, dict) and "feature" in feature else feature


def _names(feature: Any) -> tuple[str, ...]:
    names = feature.get("names") if isinstance(feature, dict) else None
    if isinstance(names, dict):
        # As in the cards of data sets: {"0": "cat", "1": "dog"}.
        names = [names.get(str(number), number) for number in range(len(names))]
    return tuple(map(str, names)) if isinstance(names, list) else ()
