"""`tintype predict`: classify or embed image files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tintype.cli.output import Format, OutputFormat, Query, show
from tintype.cli.scoring_options import takes_scoring

__all__ = ["app"]

app = typer.Typer()

_DEFAULT_MODEL = "tintype/efficientnet-lite0"

# More classes than this are too long to read: a terminal then gets the first few.
_MOST_CLASSES_SHOWN = 20
_TOP_SHOWN = 5


@app.command()
@takes_scoring
def predict(
    images: Annotated[list[str], typer.Argument(help="Image files or http(s) URLs.")],
    model: Annotated[
        str,
        typer.Option(
            "-m",
            "--model",
            help="Model folder, registered model, job output, catalog name, Hub id. Without one, a "
            "small network names the 1,000 classes of ImageNet.",
        ),
    ] = _DEFAULT_MODEL,
    scoring: Any = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Print so many classes, the most probable first. Default: all, in the model's "
            f"order; a terminal gets {_TOP_SHOWN} where there are over {_MOST_CLASSES_SHOWN}.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture",
            help="Also draw images and labels into this PNG. Of images in folders that are named "
            "like classes, right and wrong are marked.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also say on stderr what ran, and why.")
    ] = False,
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Print probabilities or features for each image; exit 1 when one cannot be read."""
    from tintype.schemas.task import MULTILABEL
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
        from tintype.scoring.picture import draw_predictions, truth_by_folder

        good = [(path, result) for path, result in pairs if isinstance(result, Prediction)]
        one_class_each = scorer.task != MULTILABEL
        # A label counts from one half on, as evaluations have it.
        several: dict[str, Any] = {} if one_class_each else {"threshold": 0.5, "labels": 6}
        draw_predictions(
            [path for path, _ in good],
            [result for _, result in good],
            picture,
            truths=[
                truth_by_folder(path, result.labels) if one_class_each else None
                for path, result in good
            ],
            **several,
        )
    show([_row(path, result, as_table, top) for path, result in pairs], output, query)
    if any(isinstance(result, Exception) for result in results):
        raise typer.Exit(1)


def _row(image: str, result: Any, as_table: bool, top: int | None) -> dict[str, Any]:
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
    if top is None and len(result.labels) > _MOST_CLASSES_SHOWN and sys.stdout.isatty():
        top = _TOP_SHOWN
    if top is None:
        return {"probs": result.probs.tolist(), "labels": list(result.labels)}
    best = result.top(top)
    return {"probs": [value for _, value in best], "labels": [label for label, _ in best]}
