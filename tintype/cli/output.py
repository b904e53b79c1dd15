"""What commands print: JSON, YAML, a table or tab-separated values, and JMESPath queries."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from tintype.errors import UsageError

__all__ = [
    "Format",
    "OutputFormat",
    "PrintFormat",
    "Query",
    "show",
]


class Format(StrEnum):
    """Values of -o."""

    JSON = "json"
    TABLE = "table"
    TSV = "tsv"
    YAML = "yaml"
    JSONC = "jsonc"
    YAMLC = "yamlc"
    NONE = "none"


OutputFormat = Annotated[
    Format, typer.Option("-o", "--output", "--output-format", help="How to print.")
]
PrintFormat = Annotated[Format, typer.Option("-o", "--output-format", help="How to print.")]
"""The same for a command whose --output is a folder."""
Query = Annotated[str | None, typer.Option("--query", help="JMESPath over what is printed.")]


def show(value: Any, form: Format = Format.JSON, query: str | None = None) -> None:
    """Print `value` (dicts, lists, scalars) after `query`.

    Raises:
        UsageError: the query is not JMESPath.
    """
    if query is not None:
        import jmespath

        try:
            value = jmespath.search(query, value)
        except jmespath.exceptions.JMESPathError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"--query {query!r}: {reason}") from None
    if form is Format.NONE:
        return
    if form in (Format.JSON, Format.JSONC):
        print(json.dumps(value, indent=2, ensure_ascii=False))
    elif form in (Format.YAML, Format.YAMLC):
        import yaml

        print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), end="")
    elif form is Format.TSV:
        for row in value if isinstance(value, list) else [value]:
            print("\t".join(_text(cell) for cell in _cells(row)))
    else:
        _print_table(value)


def _cells(row: Any) -> list[Any]:
    if isinstance(row, dict):
        return list(row.values())
    return row if isinstance(row, list) else [row]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _print_table(value: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    rows = value if isinstance(value, list) else [value]
    # Columns that hold one value each and say something; the rest is for -o json.
    heads = [
        key
        for key in (rows[0] if rows and isinstance(rows[0], dict) else {})
        if not any(isinstance(row.get(key), dict | list) for row in rows)
        and any(row.get(key) not in (None, "", False) for row in rows)
    ]
    table = Table(*heads) if heads else Table("value")
    for row in rows:
        table.add_row(*(_text(row.get(key)) for key in heads)) if heads else table.add_row(
            _text(row)
        )
    # A pipe has no width to fit into: nothing is cut for it.
    width = None if sys.stdout.isatty() else 400
    Console(file=sys.stdout, width=width).print(table)
