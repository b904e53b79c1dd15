"""How Azure's command line spells arguments, put into the one spelling that Typer reads."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["one_value_each", "without_azures_own"]

# Options of every `az` command that change what it prints about itself; scripts carry them along.
_FLAGS = ("--only-show-errors", "--debug", "--verbose")
_WITH_VALUE = ("--subscription",)

# Options that take several values after each other: --set a=1 b=2.
_MANY = ("--set", "--tags", "--defaults")


def without_azures_own(arguments: Sequence[str]) -> list[str]:
    """The arguments without those that every `az` command has and that mean nothing here.

    >>> without_azures_own(["job", "list", "--subscription", "s", "--debug"])
    ['job', 'list']
    """
    kept: list[str] = []
    skipping = False
    for argument in arguments:
        if skipping:
            skipping = False
        elif argument in _WITH_VALUE:
            skipping = True
        elif argument not in _FLAGS and argument.partition("=")[0] not in _WITH_VALUE:
            kept.append(argument)
    return kept


def one_value_each(arguments: Sequence[str]) -> list[str]:
    """Every value behind an option of its own; shares of traffic in one value.

    >>> one_value_each(["--set", "a=1", "b=2", "--name", "x"])
    ['--set', 'a=1', '--set', 'b=2', '--name', 'x']
    >>> one_value_each(["--traffic", "blue=90", "green=10"])
    ['--traffic', 'blue=90 green=10']
    """
    spelled: list[str] = []
    option = ""
    for argument in arguments:
        if argument.startswith("-") or "=" not in argument:
            option = argument
            spelled.append(argument)
        elif option in _MANY and spelled[-1] != option:
            spelled += [option, argument]
        elif option in ("--traffic", "-r", "--mirror-traffic") and spelled[-1] != option:
            spelled[-1] = f"{spelled[-1]} {argument}"
        else:
            spelled.append(argument)
    return spelled
