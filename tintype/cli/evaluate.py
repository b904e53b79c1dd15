"""`tintype evaluate`: metrics, plots and a report of a model on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tintype.cli.output import Format, PrintFormat, Query, show

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[
        str,
        typer.Option("-m", "--model", help="Model folder, registered model, job output, Hub id."),
    ],
    data: Annotated[
        str, typer.Option("-d", "--data", help="MLTable folder, .jsonl, .csv or class folders.")
    ],
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for metrics.json, plots, evaluation.html."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--evaluation-config", help='JSON: {"metrics": [...], "threshold": 0.5}'),
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16 or auto.")] = "fp32",
    label_column: Annotated[str, typer.Option("--label-column-name")] = "label",
    image_column: Annotated[str, typer.Option("--input-column-names")] = "image_url",
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Also log to this MLflow experiment.")
    ] = None,
    output: PrintFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Evaluate a model on labelled images that it has not seen."""
    from tintype.evaluation.config import EvaluationConfig
    from tintype.jobs import evaluation
    from tintype.schemas.document import read_yaml, validate

    found = evaluation.evaluate(
        model,
        data,
        output=output_folder,
        config=validate(EvaluationConfig, read_yaml(config)) if config else None,
        label_column=label_column,
        image_column=image_column,
        precision=precision,
        experiment=experiment,
    )
    show(found.summary, output, query)
