"""`extra_optim_args`: what Azure's component passes on to SGD, as text."""

from __future__ import annotations

import ast
from typing import Any

from tintype.errors import nearest

__all__ = ["parse_extra_arguments"]


def parse_extra_arguments(text: str) -> dict[str, Any]:
    """Read `"momentum=0.5; nesterov=True"` into keyword arguments of `torch.optim.SGD`.

    Raises:
        ValueError: not of that form, or not an argument of SGD.
    """
    valid = {"momentum", "nesterov", "dampening", "weight_decay"}
    arguments: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in valid:
            hint = (
                nearest(name, valid)
                or f" Expected 'name=value; …' with {', '.join(sorted(valid))}."
            )
            raise ValueError(f"extra_optim_args: cannot use {part!r}.{hint}")
        try:
            arguments[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise ValueError(
                f"extra_optim_args: {name}={value!r} is not a number or boolean"
            ) from None
        expected = bool if name == "nesterov" else (int, float)
        if not isinstance(arguments[name], expected):
            raise ValueError(f"extra_optim_args: {name}={value!r} is of the wrong type")
    if arguments.get("nesterov") and not arguments.get("momentum"):
        raise ValueError("extra_optim_args: nesterov=True needs a momentum above 0")
    return arguments
