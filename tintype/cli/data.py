"""`tintype data`: look at labelled images before training on them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tintype.cli.output import Format, OutputFormat, Query, show

__all__ = ["app"]

app = typer.Typer(help="Labelled images.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Labelled images."""


@app.command()
def check(
    path: Annotated[
        str, typer.Argument(help="MLTable folder, .jsonl, .csv, or folder of class folders.")
    ],
    task: Annotated[
        str | None, typer.Option("--task", help="Told by the labels if left out.")
    ] = None,
    label_column: Annotated[str, typer.Option("--label-column-name")] = "label",
    image_column: Annotated[str, typer.Option("--input-column-names")] = "image_url",
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Read the data and check everything that training would; exit 2 when it cannot be used."""
    from tintype.data.checks import check_training_table
    from tintype.data.reading import read_image_table
    from tintype.images.readability import find_unreadable
    from tintype.schemas.task import parse_training_task

    table = read_image_table(
        path,
        task=parse_training_task(task) if task else None,
        label_column=label_column,
        image_column=image_column,
    )
    check_training_table(table)
    unreadable: list[dict[str, Any]] = []
    for row, reason in find_unreadable(table):
        file, line = table.origin(row)
        unreadable.append(
            {"file": file, "line": line, "image": table.location(row), "reason": reason}
        )
    counts = dict(zip(table.classes, table.class_counts().tolist(), strict=True))
    report = {
        "task": table.task,
        "images": len(table),
        "classes": counts,
        "unreadable_images": unreadable,
    }
    show(report, output, query)
    if unreadable:
        raise typer.Exit(2)
