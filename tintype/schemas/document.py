"""Reading YAML documents with the place of every key, so that an error can point at its line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tintype.errors import DocumentError, UsageError, nearest
from tintype.schemas.model_tree import keys_at, places_of

__all__ = [
    "Document",
    "KeyPath",
    "StrictModel",
    "apply_overrides",
    "parse_yaml",
    "read_yaml",
    "validate",
    "written",
]

_MAX_BYTES = 4 * 1024 * 1024
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
KeyPath = tuple[str | int, ...]
"""A place in a document: the keys and positions that lead to it."""

# A key that stands in more places than these, such as `name`, says nothing of where it was meant.
_MOST_PLACES = 2


class StrictModel(BaseModel):
    """A document part: unknown keys are errors, and values are frozen once checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


@dataclass(frozen=True)
class Document:
    """A parsed document: its data, where it came from, and the line (from 1) of every key."""

    data: dict[str, Any]
    path: Path | None = None
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, key: KeyPath) -> int | None:
        """The line of `key`, or of the closest enclosing key that has one."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.lines:
                return self.lines[key[:length]]
        return None

    def part(self, key: KeyPath, data: dict[str, Any]) -> Document:
        """The document below `key`, with `data` in place of what stood there."""
        size = len(key)
        lines = {place[size:]: line for place, line in self.lines.items() if place[:size] == key}
        return Document(data, self.path, lines)


def read_yaml(path: str | Path) -> Document:
    """Read one YAML (or JSON) file whose top level is a mapping.

    Aliases are refused (a few lines of them can expand to gigabytes), duplicate keys too.

    Raises:
        DocumentError: missing, too large, not UTF-8, not YAML, or not a mapping.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DocumentError(f"larger than {_MAX_BYTES} bytes; is it a document?", file=path)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DocumentError("no such file", file=path) from None
    except IsADirectoryError:
        raise DocumentError("is a folder; name the YAML file in it", file=path) from None
    except UnicodeDecodeError:
        raise DocumentError("is not UTF-8 text", file=path) from None
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", file=path) from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path | None = None) -> Document:
    """`read_yaml` of a text, whatever it comes from.

    Args:
        path: the file that messages name.

    Raises:
        DocumentError: as `read_yaml`.
    """
    lines: dict[KeyPath, int] = {}
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else None
                raise DocumentError(
                    f"the alias *{event.anchor} is refused; write its value out",
                    file=path,
                    line=line,
                )
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = None if node is None else _construct(node, (), lines, loader, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else None
        raise DocumentError(f"not valid YAML: {problem}", file=path, line=line) from None
    except RecursionError:
        raise DocumentError("nested too deeply", file=path) from None
    except ValueError as error:
        # A date that is none, or an integer of thousands of digits.
        raise DocumentError(f"not valid YAML: {error}", file=path) from None
    if not isinstance(data, dict):
        kind = "nothing" if data is None else f"a {type(data).__name__}"
        raise DocumentError(f"expected 'key: value' lines, found {kind}", file=path, line=1)
    return Document(data, path, lines)


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """Apply `--set a.b=c` assignments; each value is read as YAML, each key made if absent.

    Raises:
        UsageError: not of that form, or a path that runs through something that is not a mapping.
    """
    data = _copied(document.data)
    for override in overrides:
        dotted, equals, value = override.partition("=")
        keys = dotted.split(".")
        if not equals or not all(keys):
            raise UsageError(f"--set {override!r}: expected key.path=value")
        target: Any = data
        for key in keys[:-1]:
            step: Any = int(key) if isinstance(target, list) and key.isdigit() else key
            try:
                target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
            except (IndexError, TypeError):
                target = None
            if not isinstance(target, dict | list):
                raise UsageError(f"--set {override!r}: {key!r} is not a mapping")
        try:
            parsed = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError):
            parsed = value
        if isinstance(target, list):
            if not keys[-1].isdigit() or int(keys[-1]) >= len(target):
                raise UsageError(f"--set {override!r}: no item {keys[-1]!r} in the list")
            target[int(keys[-1])] = parsed
        else:
            target[keys[-1]] = parsed
    return Document(data, document.path, document.lines)


Model = TypeVar("Model", bound=BaseModel)


def written(document: BaseModel) -> dict[str, Any]:
    """A document as records keep it: what was not given is not kept, so that a default stays one."""
    return document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


def validate(model: type[Model], document: Document) -> Model:
    """Check `document` against `model`; every problem is reported at once, one a line.

    Raises:
        DocumentError: names file, line, key, what is wrong, and the nearest valid key.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(model, document, item) for item in error.errors()]
    # A union reports each member's complaint: the same place is told once.
    unique = list(dict.fromkeys((place, text) for place, text in problems))
    raise DocumentError.joined(
        [
            DocumentError(
                text, file=document.path, line=document.line(key), field=_dotted(key) or None
            )
            for key, text in unique
        ]
    )


def _construct(
    node: yaml.Node,
    key: KeyPath,
    lines: dict[KeyPath, int],
    loader: yaml.SafeLoader,
    path: Path | None,
) -> Any:
    if isinstance(node, yaml.CollectionNode) and node.tag not in _PLAIN_TAGS:
        raise yaml.MarkedYAMLError(problem=f"tag {node.tag}", problem_mark=node.start_mark)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = loader.construct_object(key_node)
            if not isinstance(name, str):
                name = str(key_node.value)
            if name in mapping:
                raise DocumentError(
                    "the key stands twice; keep one", file=path, line=line, field=name
                )
            lines[(*key, name)] = line
            mapping[name] = _construct(value_node, (*key, name), lines, loader, path)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        items = []
        for position, item in enumerate(node.value):
            lines[(*key, position)] = item.start_mark.line + 1
            items.append(_construct(item, (*key, position), lines, loader, path))
        return items
    return loader.construct_object(node)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _problem(model: type[BaseModel], document: Document, item: Any) -> tuple[KeyPath, str]:
    key = _key_in_document(document, item["loc"])
    kind, given = item["type"], item.get("input")
    context = item.get("ctx") or {}
    if kind == "extra_forbidden":
        name = str(item["loc"][-1])
        # A key of the right spelling is in the wrong place, whatever is near it here.
        elsewhere = _elsewhere(model, name, key)
        if elsewhere:
            return key, f"unknown key here. It belongs {elsewhere}"
        return key, f"unknown key.{nearest(name, keys_at(model, item['loc'][:-1]))}"
    if kind == "missing":
        return key, "is required and missing"
    if kind == "union_tag_not_found":
        return key, f"the key {context['discriminator']} is required and missing"
    if kind == "value_error":
        if key and key[-1] not in _keys_at(document, key[:-1]):
            # The name of a union's member, which stands nowhere in the document.
            key = key[:-1]
        return key, str(context.get("error", item["msg"]))
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", ""))
        hint = nearest(str(given), re.findall(r"'([^']+)'", expected))
        return key, f"{given!r} given; expected {expected}.{hint}"
    text = item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return key, f"{given!r} given; expected {text}"


def _elsewhere(model: type[BaseModel], name: str, key: KeyPath) -> str:
    """Where `name` stands below `model`, such as ``"under limits: limits.max_trials"``, or ``""``."""
    places = [place for place in places_of(model, name) if place != key]
    if not places or len(places) > _MOST_PLACES:
        return ""
    parents = [f"under {_dotted(place[:-1])}" if place[1:] else "at the top" for place in places]
    return f"{' or '.join(parents)}: {' or '.join(map(_dotted, places))}"


def _keys_at(document: Document, key: KeyPath) -> Sequence[str | int]:
    """The keys that stand at `key` in the document."""
    value: Any = document.data
    for part in key:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return ()
    if isinstance(value, dict):
        return list(value)
    return range(len(value)) if isinstance(value, list) else ()


def _key_in_document(document: Document, location: Sequence[str | int]) -> KeyPath:
    """`location` without the names pydantic adds for members of a union."""
    key: list[str | int] = []
    value: Any = document.data
    for part in location:
        held = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if held:
            value = value[part]
        elif part != location[-1] or not isinstance(value, dict):
            continue
        key.append(part)
    return tuple(key)


def _dotted(key: KeyPath) -> str:
    return ".".join(str(part) for part in key)
