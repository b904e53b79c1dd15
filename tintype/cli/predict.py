"""`tintype predict`: classify or embed image files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tintype.cli.output import Format, OutputFormat, Query, show
from tintype.cli.scoring_options import takes_scoring

if TYPE_CHECKING:
    import numpy as np

    from tintype.scoring import Scorer

__all__ = ["app"]

app = typer.Typer()

_DEFAULT_MODEL = "tintype/efficientnet-lite0"

# More classes than this are too long to read: a terminal then gets the first few.
_MOST_CLASSES_SHOWN = 20
_TOP_SHOWN = 5


@app.command()
@takes_scoring
def predict(
    images: Annotated[
        list[str] | None, typer.Argument(help="Image files or http(s) URLs.", show_default=False)
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "-m",
            "--model",
            help="Model folder, registered model, job output, catalog name, Hub id. Without one, a "
            "small network names the 1,000 classes of ImageNet.",
        ),
    ] = _DEFAULT_MODEL,
    texts: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            help="Embeddings of CLIP and SigLIP: a text to embed, by itself or, with as many texts "
            "as images, beside the image in its place. Repeatable.",
        ),
    ] = None,
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
    """Print probabilities or features for each image or text; exit 1 when one cannot be read."""
    from tintype.errors import UsageError
    from tintype.schemas.task import MULTILABEL
    from tintype.scoring import Prediction, Scorer
    from tintype.workspace.registry import resolve_model

    images, texts = images or [], texts or []
    if not images and not texts:
        raise UsageError("name an image file or URL, or give --text")
    if images and texts and len(images) != len(texts):
        raise UsageError(
            f"{len(images)} images and {len(texts)} texts: expected one --text for each image, in "
            "their order, or no images"
        )
    scorer = Scorer.load(resolve_model(model), scoring)
    if verbose:
        for name, value in scorer.describe().items():
            typer.echo(f"{name}: {value}", err=True)
    text_features = _embedded_texts(scorer, texts) if texts else ()
    results = list(scorer.stream(images))
    pairs = list(zip(images, results, strict=True))
    as_table = output in (Format.TABLE, Format.TSV)
    if picture is not None:
        from tintype.scoring.picture import draw_predictions, truth_by_folder

        good = [(path, result) for path, result in pairs if isinstance(result, Prediction)]
        one_class_each = scorer.task != MULTILABEL
        threshold = 0.5 if scorer.thresholds is None else scorer.thresholds
        several: dict[str, Any] = {} if one_class_each else {"threshold": threshold, "labels": 6}
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
    rows = [_row(path, result, as_table, top) for path, result in pairs]
    if texts:
        of_texts = [
            _text_row(text, features, as_table)
            for text, features in zip(texts, text_features, strict=True)
        ]
        # Of an image that cannot be read the row says that alone.
        rows = [
            row if "error" in row else {**row, **of_text}
            for row, of_text in zip(rows or [{} for _ in texts], of_texts, strict=True)
        ]
    show(rows, output, query)
    if any(isinstance(result, Exception) for result in results):
        raise typer.Exit(1)


def _embedded_texts(scorer: Scorer, texts: Sequence[str]) -> np.ndarray:
    """Float32 (n, D) of --text.

    Raises:
        UsageError: the model does not embed texts, or one of them cannot be embedded.
    """
    from tintype.errors import UsageError
    from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT

    if scorer.task != EMBEDDINGS:
        hint = ", or give --labels" if scorer.task == ZERO_SHOT else ""
        raise UsageError(
            f"--text is for embeddings, and this model's task is {scorer.task}: give --task "
            f"{EMBEDDINGS}{hint}"
        )
    return scorer.embed_texts(texts)


def _text_row(text: str, features: np.ndarray, as_table: bool) -> dict[str, Any]:
    if not as_table:
        return {"text_features": features.tolist()}
    length = float((features**2).sum() ** 0.5)
    return {"text": text, "text_numbers": len(features), "text_length": round(length, 4)}


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
