"""What a node's command takes from outside its document, as it is when the pipeline is submitted: its code
folder, its environment's version, the script of its mini-batches. Errors name where each is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.errors import DocumentError, UsageError
from tintype.jobs.command.environment import python_of, settled_environment
from tintype.schemas.document import Document, KeyPath, read_yaml
from tintype.workspace.code import kept_code

__all__ = ["with_command_parts", "written_at"]

_RUN_COMMANDS = ("command", "sweep", "parallel")

# Keys of a node that hold a command of their own.
_COMPONENTS = ("component", "trial")


@dataclass(frozen=True)
class _Holder:
    """A mapping that may hold parts of a node's command."""

    content: dict[str, Any]
    document: Document
    """Where it is written."""
    key: KeyPath
    """Its place there."""

    def error(self, part: str, message: str) -> DocumentError:
        key = (*self.key, part)
        field = ".".join(map(str, key))
        line = self.document.line(key)
        return DocumentError(message, file=self.document.path, line=line, field=field)


def with_command_parts(
    node: dict[str, Any], given: Mapping[str, Any], key: KeyPath, document: Document
) -> dict[str, Any]:
    """`node` with a copy of its code kept and its environment's version settled, where it runs a command.

    Args:
        node: with its component written out.
        given: the node before that.
        key, document: where it stands.

    Raises:
        DocumentError: a code folder, a script or an environment that is not there; names the place.
    """
    kind = node.get("type") or (node.get("component") or {}).get("type") or "command"
    if kind not in _RUN_COMMANDS:
        return node
    node = _copied(node)
    holders = list(_holders(node, given, key, document))
    if (code := _first(holders, "code")) is not None:
        folder = Path(node.get("base", ".")) / Path(str(code.content["code"])).expanduser()
        folder = folder.resolve()
        try:
            node["code_digest"] = node.get("code_digest") or kept_code(folder)
        except UsageError as error:
            raise code.error("code", str(error)) from None
        script = _first(holders, "entry_script")
        if script is not None and not (folder / str(script.content["entry_script"])).is_file():
            name = script.content["entry_script"]
            raise script.error("entry_script", f"there is no file {name} in {folder}")
    if (environment := _first(holders, "environment")) is not None:
        named = environment.content["environment"]
        try:
            if python_of(named) != Path(sys.executable) and kind == "parallel":
                raise UsageError(f"{named} names another Python; that of Tintype runs mini-batches")
            environment.content["environment"] = settled_environment(named)
        except UsageError as error:
            raise environment.error("environment", str(error)) from None
    return node


def written_at(
    given: Mapping[str, Any], part: str, key: KeyPath, document: Document
) -> tuple[Document, KeyPath]:
    """Where a node's component is written: in a file of its own, in the workspace, or in the node.

    Args:
        given: the node.
        part: component or trial.
        key, document: where the node stands.
    """
    component = given.get(part)
    if isinstance(component, str):
        return Document({}, Path(f"component {component}")), ()
    file = None if component is None else component.get("file")
    if file is None:
        return document, (*key, part)
    try:
        return read_yaml(file), ()
    except DocumentError:
        # It was read a moment ago, or long ago: a component of the workspace.
        return Document({}, Path(file)), ()


def _holders(
    node: dict[str, Any], given: Mapping[str, Any], key: KeyPath, document: Document
) -> Iterator[_Holder]:
    """What may hold parts of the command, the node's own before its component's."""
    places = [(node, document, key)]
    for part in _COMPONENTS:
        if isinstance(node.get(part), dict):
            places.append((node[part], *written_at(given, part, key, document)))
    for content, inside, place in places:
        yield _Holder(content, inside, place)
        if isinstance(content.get("task"), dict):
            yield _Holder(content["task"], inside, (*place, "task"))


def _first(holders: Sequence[_Holder], part: str) -> _Holder | None:
    """The one that says `part` of the command."""
    return next((holder for holder in holders if holder.content.get(part) is not None), None)


def _copied(node: Mapping[str, Any]) -> dict[str, Any]:
    """`node` with mappings of its own, as deep as parts of a command stand."""
    return {
        part: _copied(value)
        if part in (*_COMPONENTS, "task") and isinstance(value, dict)
        else value
        for part, value in node.items()
    }
