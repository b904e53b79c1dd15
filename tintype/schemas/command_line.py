"""The command line of a command: a template whose inputs and outputs are filled in for the shell.

`${{inputs.x}}` stands for one value, whatever is in it: it is quoted for the place where it stands, so
that spaces or `$(...)` in a value stay text. What stands between `$[[` and `]]` is left out where an
input in it has no value.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tintype.schemas.expressions import REFERENCE, Reference, parse_reference

__all__ = ["Mentioned", "expanded", "mentioned_in"]

_OPTIONAL = re.compile(r"\$\[\[(?P<inside>.*?)\]\]", re.S)


@dataclass(frozen=True)
class Mentioned:
    """A reference in a template."""

    reference: Reference
    optional: bool
    """Whether it stands between `$[[` and `]]`."""


def mentioned_in(template: str) -> list[Mentioned]:
    """Every reference of `template`, in order.

    Raises:
        ValueError: one of no known form, or one that no command can have.
    """
    found = []
    for part, optional in _parts(template):
        for match in REFERENCE.finditer(part):
            reference = parse_reference(match["body"])
            if reference.kind not in ("input", "output", "search_space"):
                raise ValueError(
                    f"{match[0]} in a command; name it as an input of the node and write "
                    f"${{{{inputs.{reference.name}}}}}"
                )
            found.append(Mentioned(reference, optional))
    return found


def expanded(template: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """`template` as a line for a POSIX shell.

    >>> expanded("train.py --name ${{inputs.name}} $[[--seed ${{inputs.seed}}]]", {"name": "a b"}, {})
    "train.py --name 'a b' "

    Args:
        inputs: name to value; what an optional part needs and is not here leaves the part out.
        outputs: name to path.

    Raises:
        ValueError: a value that is needed is not there.
    """
    quotes = _Quotes()
    line = []
    for part, optional in _parts(template):
        if optional and not _has_values(part, inputs):
            continue
        position = 0
        for match in REFERENCE.finditer(part):
            line.append(quotes.passed(part[position : match.start()]))
            line.append(quotes.quoted(_value(parse_reference(match["body"]), inputs, outputs)))
            position = match.end()
        line.append(quotes.passed(part[position:]))
    return "".join(line)


def _parts(template: str) -> Iterator[tuple[str, bool]]:
    """Pieces of a template, each with whether it is optional."""
    position = 0
    for match in _OPTIONAL.finditer(template):
        yield template[position : match.start()], False
        yield match["inside"], True
        position = match.end()
    yield template[position:], False


def _has_values(part: str, inputs: Mapping[str, str]) -> bool:
    references = [parse_reference(match["body"]) for match in REFERENCE.finditer(part)]
    return all(each.kind == "output" or each.name in inputs for each in references)


def _value(reference: Reference, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    values, noun = (outputs, "output") if reference.kind == "output" else (inputs, "input")
    if reference.name not in values:
        raise ValueError(f"the command needs the {noun} {reference.name!r}, which has no value")
    return values[reference.name]


class _Quotes:
    """Within which of the shell's quotes the next character stands."""

    def __init__(self) -> None:
        self._open = ""

    def passed(self, text: str) -> str:
        """`text` as it is, taking note of the quotes that it opens and closes."""
        escaped = False
        for character in text:
            if escaped:
                escaped = False
            elif character == "\\" and self._open != "'":
                escaped = True
            elif character == self._open:
                self._open = ""
            elif character in "'\"" and not self._open:
                self._open = character
        return text

    def quoted(self, value: str) -> str:
        """`value` so that the shell reads it as it is, in this place."""
        if self._open == '"':
            return re.sub(r'([\\"$`])', r"\\\1", value)
        if self._open == "'":
            return value.replace("'", "'\\''")
        return shlex.quote(value)
