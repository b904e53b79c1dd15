"""`tintype predict`: classify image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.output import Format, OutputFormat, Query, show

__all__ = ["predict"]


def predict(
    images: Annotated[list[str], typer.Argument(help="Image files or http(s) URLs.")],
    model: Annotated[
        str,
        typer.Option("-m", "--model", help="Model folder, registered model, job output, Hub id."),
    ],
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Also draw images and labels into this PNG.")
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16 or auto.")] = "fp32",
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Print the probabilities of all labels for each image; exit 1 when one cannot be read."""
    from tintype.scoring.scorer import Prediction, Scorer
    from tintype.workspace.registry import resolve_model

    scorer = Scorer.load(resolve_model(model), device=device, precision=precision)  # type: ignore[arg-type]
    results = list(scorer.stream(images))
    rows: list[dict[str, Any]] = []
    for image, result in zip(images, results, strict=True):
        if not isinstance(result, Prediction):
            rows.append({"file": image, "error": str(result)})
        elif output in (Format.TABLE, Format.TSV):
            label, probability = result.top(1)[0]
            rows.append({"file": image, "label": label, "probability": round(probability, 4)})
        else:
            rows.append({"probs": result.probs.tolist(), "labels": list(result.labels)})
    if picture is not None:
        from tintype.scoring.picture import draw_predictions

        good = [(p, r) for p, r in zip(images, results, strict=True) if isinstance(r, Prediction)]
        draw_predictions([p for p, _ in good], [r for _, r in good], picture)
    show(rows, output, query)
    if any(not isinstance(result, Prediction) for result in results):
        raise typer.Exit(1)
