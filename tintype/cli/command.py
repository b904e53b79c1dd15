"""Registering a command: what it returns is printed, by options that every command has."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer

from tintype.cli.options import WITHOUT_EFFECT
from tintype.cli.output import Format, OutputFormat, Query, show

__all__ = ["Ended", "command", "confirm", "tell_notices"]

_Ignored = Annotated[
    str | None,
    typer.Option("-g", "--resource-group", rich_help_panel=WITHOUT_EFFECT, help="As in az."),
]
_IgnoredWorkspace = Annotated[
    str | None,
    typer.Option("-w", "--workspace-name", rich_help_panel=WITHOUT_EFFECT, help="As in az."),
]

Function = Callable[..., Any]


@dataclass(frozen=True)
class Ended:
    """What a command returns that prints something and yet has failed."""

    result: Any
    code: int


def command(
    app: typer.Typer, name: str | None = None, *, printing: Any = OutputFormat, azures: bool = True
) -> Callable[[Function], Function]:
    """Make a function a command of `app`, with -o, --query and what else all of Azure's take.

    What it returns is printed: a record (anything with `shown()`), a list of them, or plain data.
    None prints nothing.

    Args:
        name: None takes the function's.
        printing: how -o is spelled: another than `OutputFormat` where --output is a folder.
        azures: whether it also takes -g and -w, as the verbs of Azure's nouns do.
    """

    def register(function: Function) -> Function:
        hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name])
            for parameter in inspect.signature(function).parameters.values()
        ]
        added = {"output_format": (printing, Format.JSON), "query": (Query, None)}
        if azures:
            added |= {"group": (_Ignored, None), "workspace": (_IgnoredWorkspace, None)}
        extra = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for key, (kind, default) in added.items()
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            options = {key: given.pop(key) for key in added}
            result, code = function(**given), 0
            if isinstance(result, Ended):
                result, code = result.result, result.code
            if result is not None:
                form, query = options["output_format"], options["query"]
                # A query may ask for what no line has room for.
                in_lines = query is None and form in (Format.TABLE, Format.TSV)
                show(_shown(result, in_lines), form, query)
            if code:
                raise typer.Exit(code)

        del run.__wrapped__
        run.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *extra]}
        app.command(name)(run)
        return function

    return register


def confirm(question: str, yes: bool) -> None:
    """Ask a person before something is lost; a script is not asked.

    Raises:
        typer.Abort: the answer was no.
    """
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True)


def tell_notices(notices: Iterable[str]) -> None:
    """Say on standard error what of a document has no effect here."""
    for notice in notices:
        print(f"notice: {notice}", file=sys.stderr)


def _shown(result: Any, in_lines: bool) -> Any:
    if isinstance(result, list | tuple):
        return [_shown(item, in_lines) for item in result]
    if in_lines and hasattr(result, "summary"):
        # A record with more than fits into a line says itself what does.
        return result.summary()
    return result.shown() if hasattr(result, "shown") else result
