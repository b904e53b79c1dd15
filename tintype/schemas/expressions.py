"""References that stand in Azure's documents: `${{parent.inputs.x}}` and their kin.

Source of their forms: Azure's CLI (v2) core YAML syntax, "Binding inputs and outputs".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["REFERENCE", "Reference", "parse_reference", "reference_of"]

Kind = Literal["parent_input", "parent_output", "node_output", "input", "output", "search_space"]

REFERENCE = re.compile(r"\$\{\{\s*(?P<body>[^{}]*?)\s*\}\}")
"""Any reference in a text, what is inside as `body`."""

_NAME = r"[A-Za-z_]\w*"
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("parent_input", re.compile(rf"parent\.inputs\.(?P<name>{_NAME})")),
    ("parent_output", re.compile(rf"parent\.outputs\.(?P<name>{_NAME})")),
    (
        "node_output",
        re.compile(rf"parent\.jobs\.(?P<node>{_NAME})\.outputs\.(?P<name>{_NAME})"),
    ),
    ("input", re.compile(rf"inputs\.(?P<name>{_NAME})")),
    ("output", re.compile(rf"outputs\.(?P<name>{_NAME})")),
    ("search_space", re.compile(rf"search_space\.(?P<name>{_NAME})")),
)


@dataclass(frozen=True)
class Reference:
    """What one reference points to."""

    kind: Kind
    name: str
    """Of the input, the output or the parameter."""
    node: str | None = None
    """Of a `node_output`, the node that makes it."""


def parse_reference(body: str) -> Reference:
    """What stands between `${{` and `}}`.

    >>> parse_reference("parent.jobs.train.outputs.model")
    Reference(kind='node_output', name='model', node='train')

    Raises:
        ValueError: it has none of the known forms.
    """
    for kind, form in _FORMS:
        match = form.fullmatch(body.strip())
        if match is not None:
            return Reference(kind, match["name"], match.groupdict().get("node"))
    raise ValueError(
        f"${{{{{body}}}}} is no reference; expected parent.inputs.NAME, parent.outputs.NAME, "
        "parent.jobs.NODE.outputs.NAME, or in a command inputs.NAME or outputs.NAME"
    )


def reference_of(value: Any) -> Reference | None:
    """The reference that `value` is as a whole: a text, or `{path: <text>}` as the SDK writes it.

    Raises:
        ValueError: a reference of no known form, or one with text around it.
    """
    if isinstance(value, dict) and "path" in value and set(value) <= {"path", "type", "mode"}:
        value = value["path"]
    if not isinstance(value, str) or "${{" not in value:
        return None
    match = REFERENCE.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r}: a reference stands alone, without text around it")
    return parse_reference(match["body"])
