"""`tintype az`: command lines of Azure's own program, answered on this machine.

`az ml X` is `tintype X`. What else of `az` the samples call (login, account, extension, ...) has nothing
to do here: it answers in az's shape and says so on standard error.
"""

from __future__ import annotations

import getpass
import itertools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.output import Format, show
from tintype.errors import UsageError, nearest
from tintype.version import __version__

__all__ = ["app", "run_az"]

app = typer.Typer()

_NOBODY = "00000000-0000-0000-0000-000000000000"

_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_ANYTHING)
def az(
    arguments: Annotated[
        list[str], typer.Argument(help="What stands behind az: ml job create ..., or env.")
    ],
) -> None:
    """Run a command line of az: `az ml X` is `tintype X`. In a shell: eval "$(tintype az env)"."""
    # Never reached: `main` hands such a command line to `run_az` before any option of it is read.
    raise NotImplementedError(arguments)


def run_az(arguments: Sequence[str], run: Callable[[list[str]], int]) -> int:
    """Answer `az` with `arguments`; the exit code.

    Args:
        run: what runs a command line of Tintype's.

    Raises:
        UsageError: nothing that runs here; names what is near.
    """
    words = list(itertools.takewhile(lambda argument: not argument.startswith("-"), arguments))
    if not words:
        words = ["version"] if "--version" in arguments else ["--help"]
    group, rest = words[0], words[1:]
    if group == "ml":
        return run(list(arguments[arguments.index("ml") + 1 :]) or ["--help"])
    if group == "env":
        print(_environment())
        return 0
    if group == "--help":
        return run(["az", "--help"])
    answer = _answer(group, rest)
    what = " ".join(["az", group, *rest[:1]])
    print(f"notice: {what} has nothing to do; Tintype works on this machine", file=sys.stderr)
    if answer is not None:
        show(answer, *_printing(arguments))
    return 0


def _printing(arguments: Sequence[str]) -> tuple[Format, str | None]:
    """What -o and --query say."""
    form, query = Format.JSON, None
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        given = value if equals else next(iter(arguments[position + 1 :]), "")
        if name == "--query":
            query = given
        elif name in ("-o", "--output"):
            form = Format(given) if given in set(Format) else Format.JSON
    return form, query


def _answer(group: str, rest: Sequence[str]) -> Any:
    """What `az` would print in this place; None prints nothing.

    Raises:
        UsageError: no such group or verb here.
    """
    verbs = _ANSWERS.get(group)
    if verbs is None:
        known = ["ml", "env", *_ANSWERS]
        raise UsageError(
            f"az {group}: only az ml runs here, and what its scripts call beside it "
            f"({', '.join(known[2:])}).{nearest(group, known)}"
        )
    verb = rest[0] if rest else ""
    if "" in verbs and verb not in verbs:
        verb = ""
    if verb not in verbs:
        raise UsageError(
            f"az {group} {verb}: expected one of {', '.join(verbs)}.{nearest(verb, verbs)}"
        )
    return verbs[verb]()


def _account() -> dict[str, Any]:
    return {
        "environmentName": "AzureCloud",
        "id": _NOBODY,
        "isDefault": True,
        "name": "This machine",
        "state": "Enabled",
        "tenantId": _NOBODY,
        "user": {"name": _user(), "type": "user"},
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user without a name.
        return "user"


def _token() -> dict[str, Any]:
    return {"accessToken": "none-needed", "subscription": _NOBODY, "tokenType": "Bearer"}


def _extension() -> dict[str, Any]:
    return {"name": "ml", "version": __version__, "experimental": False, "preview": False}


def _group() -> dict[str, Any]:
    return {"name": "tintype", "location": "this machine", "properties": _SUCCEEDED}


def _nothing() -> None:
    return None


_SUCCEEDED = {"provisioningState": "Succeeded"}

_ANSWERS: dict[str, dict[str, Callable[[], Any]]] = {
    "account": {
        "set": _nothing,
        "show": _account,
        "list": lambda: [_account()],
        "clear": _nothing,
        "get-access-token": _token,
    },
    "cloud": {"set": _nothing, "show": lambda: {"name": "AzureCloud", "isActive": True}},
    "config": {"set": _nothing, "get": list, "unset": _nothing},
    "configure": {"": _nothing},
    "extension": {
        "add": _nothing,
        "update": _nothing,
        "remove": _nothing,
        "list": lambda: [_extension()],
        "show": _extension,
    },
    "group": {
        "create": _group,
        "show": _group,
        "exists": lambda: True,
        "list": lambda: [_group()],
        "delete": _nothing,
    },
    "login": {"": lambda: [_account()]},
    "logout": {"": _nothing},
    "provider": {"register": _nothing, "show": lambda: {"registrationState": "Registered"}},
    "upgrade": {"": _nothing},
    "version": {"": lambda: {"azure-cli": __version__, "extensions": {"ml": __version__}}},
}


def _environment() -> str:
    """A line for a shell to run, after which `az` is this one, for its child scripts too."""
    from tintype.files import write_text
    from tintype.settings import get_settings

    folder = (get_settings().home / "bin").absolute()
    program = folder / "az"
    # A program on PATH rather than a shell function: scripts in sh and in Python find it, too.
    script = f'#!/bin/sh\nexec {shlex.quote(_python())} -m tintype.cli az "$@"\n'
    write_text(program, script, mode=0o755)
    if sys.stdout.isatty():
        print('notice: to take effect, run eval "$(tintype az env)"', file=sys.stderr)
    return f'export PATH={shlex.quote(str(folder))}:"$PATH"'


def _python() -> str:
    # Not resolved: a virtual environment's python is a link, and finds its packages by its own place.
    return str(Path(sys.executable).absolute())
