"""`tintype evaluate`: metrics, curves and a report of a model on labelled images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.command import command, tell_notices
from tintype.cli.options import GroupColumn, GroupPattern, ImageColumn, LabelColumn, Model
from tintype.cli.output import PrintFormat
from tintype.cli.scoring_options import Tta

__all__ = ["app"]

app = typer.Typer()


@command(app, printing=PrintFormat, azures=False)
def evaluate(
    model: Model,
    data: Annotated[
        str, typer.Option("-d", "--data", help="Labelled images in any layout of docs/data.md.")
    ],
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for metrics.json, curves, evaluation.html."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--evaluation-config", help='JSON: {"metrics": [...], "threshold": 0.5}'),
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16 or auto.")] = "fp32",
    tta: Tta = "none",
    label_column: LabelColumn = "label",
    image_column: ImageColumn = "image_url",
    group_column: GroupColumn = None,
    group_pattern: GroupPattern = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            help="Also explain the surest mistakes on the page: auto, or a method of `tintype explain`.",
        ),
    ] = None,
    explain_rows: Annotated[
        int | None,
        typer.Option("--explain-rows", min=1, max=24, help="How many of them. Default: 12."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Also log to this MLflow experiment.")
    ] = None,
) -> object:
    """Evaluate a model on labelled images that it has not seen."""
    from tintype.errors import UsageError
    from tintype.evaluation.config import EvaluationConfig
    from tintype.jobs import evaluation
    from tintype.schemas.document import Document, read_yaml, validate
    from tintype.schemas.explanation_settings import EvaluationExplanations
    from tintype.schemas.scorer_options import ScorerOptions

    settings = None
    if explain is not None:
        if output_folder is None:
            raise UsageError("--explain is for the page, which --output FOLDER writes; give both")
        rows = {} if explain_rows is None else {"rows": explain_rows}
        settings = validate(EvaluationExplanations, Document({"method": explain, **rows}))
    elif explain_rows is not None:
        raise UsageError("--explain-rows is for --explain METHOD; give both")

    found = evaluation.evaluate(
        model,
        data,
        output=output_folder,
        config=validate(EvaluationConfig, read_yaml(config)) if config else None,
        label_column=label_column,
        image_column=image_column,
        group_column=group_column,
        group_pattern=group_pattern,
        scoring=ScorerOptions.of(precision=precision, exact=True, tta=tta),
        explain=settings,
        experiment=experiment,
        tell=lambda line: print(line, file=sys.stderr),
    )
    tell_notices(found.notices)
    return found.summary
