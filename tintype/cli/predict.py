"""`tintype predict`: classify or embed image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.options import Model
from tintype.cli.output import Format, OutputFormat, Query, show
from tintype.cli.scoring_options import takes_scoring

__all__ = ["app"]

app = typer.Typer()


@app.command()
@takes_scoring
def predict(
    images: Annotated[list[str], typer.Argument(help="Image files or http(s) URLs.")],
    model: Model,
    scoring: Any = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Also draw images and labels into this PNG.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also say on stderr what ran, and why.")
    ] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Print probabilities or features for each image; exit 1 when one cannot be read."""
    from tintype.scoring import Prediction, Scorer
    from tintype.workspace.registry import resolve_model

    scorer = Scorer.load(resolve_model(model), scoring)
    if verbose:
        for name, value in scorer.describe().items():
            typer.echo(f"{name}: {value}", err=True)
    results = list(scorer.stream(images))
    pairs = list(zip(images, results, strict=True))
    as_table = output in (Format.TABLE, Format.TSV)
    if picture is not None:
        from tintype.scoring.picture import draw_predictions

        good = [(path, result) for path, result in pairs if isinstance(result, Prediction)]
        draw_predictions([path for path, _ in good], [result for _, result in good], picture)
    show([_row(path, result, as_table) for path, result in pairs], output, query)
    if any(isinstance(result, Exception) for result in results):
        raise typer.Exit(1)


def _row(image: str, result: Any, as_table: bool) -> dict[str, Any]:
    from tintype.scoring import Embedding, Prediction

    if isinstance(result, Embedding):
        if as_table:
            length = float((result.features**2).sum() ** 0.5)
            return {"file": image, "numbers": len(result.features), "length": round(length, 4)}
        return {"image_features": result.features.tolist()}
    if not isinstance(result, Prediction):
        return {"file": image, "error": str(result)}
    if as_table:
        label, probability = result.top(1)[0]
        return {"file": image, "label": label, "probability": round(probability, 4)}
    return {"probs": result.probs.tolist(), "labels": list(result.labels)}
