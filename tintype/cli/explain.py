"""`tintype explain`: what in a picture speaks for the model's answer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tintype.cli.options import Model
from tintype.cli.output import Format, PrintFormat, Query, show
from tintype.cli.scoring_options import images_in, takes_scoring

if TYPE_CHECKING:
    from tintype.explaining.automatic import Choice
    from tintype.explaining.explainer import Explainer
    from tintype.explaining.targets import Targets
    from tintype.schemas.explanation import ExplanationOptions

__all__ = ["app"]

app = typer.Typer()

_SUMMARY = "explanations.json"


class Approximation(StrEnum):
    """Values of --approximation."""

    RIEMANN_MIDDLE = "riemann_middle"
    GAUSSLEGENDRE = "gausslegendre"


@app.command()
@takes_scoring
def explain(
    images: Annotated[
        list[str], typer.Argument(help="Image files, folders of them, http(s) URLs.")
    ],
    model: Model = "tintype/efficientnet-lite0",
    output: Annotated[
        Path, typer.Option("--output", help="Folder for pictures, arrays and explanations.json.")
    ] = Path("explanations"),
    method: Annotated[
        str,
        typer.Option(
            help="auto, xrai, integrated_gradients, guided_gradcam, guided_backprop, attention, "
            "attention_rollout, occlusion or rise; auto is the most faithful within --seconds."
        ),
    ] = "auto",
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", help="A label to explain. Repeatable. Default: what the model predicts."
        ),
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(
            "--text", help="CLIP and SigLIP: explain the likeness to this text. Repeatable."
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option("--with", help="Embeddings: explain the likeness to this picture."),
    ] = None,
    scoring: Any = None,
    seconds: Annotated[
        float, typer.Option(min=0, help="How long auto may compare methods, on four pictures.")
    ] = 30.0,
    steps: Annotated[
        int, typer.Option("--steps", help="xrai, integrated_gradients: points of the integral.")
    ] = 50,
    approximation: Annotated[
        Approximation, typer.Option(help="integrated_gradients: of the integral.")
    ] = Approximation.RIEMANN_MIDDLE,
    xrai_fast: Annotated[
        bool, typer.Option("--xrai-fast/--xrai-full", help="Regions ranked once, or by turns.")
    ] = True,
    threshold: Annotated[
        float, typer.Option(help="Multi-label: explain every class from this probability on.")
    ] = 0.5,
    window: Annotated[
        float, typer.Option(help="occlusion: side of the window, a share of the shorter side.")
    ] = 1 / 7,
    masks: Annotated[int, typer.Option(help="rise: random masks.")] = 1000,
    seed: Annotated[int, typer.Option(help="rise: of the masks.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Most images in one pass.")] = 8,
    output_format: PrintFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Draw what speaks for the model's answer; exit 1 when a picture cannot be read."""
    from tintype.errors import UsageError
    from tintype.explaining.methods import check_method, find_method, require_explain_extra
    from tintype.schemas.explanation import ExplanationOptions
    from tintype.scoring import Scorer
    from tintype.workspace.registry import resolve_model

    options = ExplanationOptions.of(
        n_steps=steps,
        approximation_method=approximation.value,
        xrai_fast=xrai_fast,
        confidence_score_threshold_multilabel=threshold,
        window=window,
        masks=masks,
        seed=seed,
        batch_size=batch_size,
    )
    if method != "auto":
        find_method(method)
    require_explain_extra()
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file; name a folder")
    pictures = _pictures(images)
    scorer = Scorer.load(resolve_model(model), scoring)
    if method != "auto":
        # Before anything is read or embedded.
        check_method(method, scorer.checkpoint)
    from tintype.explaining.explainer import Explainer
    from tintype.explaining.targets import Targets

    targets, names = Targets(scorer, texts=texts or (), like=like), target or []
    targets.check(names)
    explainer = Explainer(scorer)
    choice = None
    if method == "auto":
        choice = _choose(explainer, pictures, targets, names, options, seconds)
        # Where no picture can be read, every row says that alone, whatever the method.
        method = choice.method.name if choice is not None else "occlusion"
    summary: dict[str, Any] = {
        "model": model,
        "task": scorer.task,
        "method": method,
        "detail": find_method(method).detail,
        "options": options.model_dump(mode="json"),
    }
    if choice is not None:
        summary["compared"] = [tried.shown() for tried in choice.tried]
    rows = _write_all(explainer, pictures, method, targets, names, options, output, summary)
    as_table = output_format in (Format.TABLE, Format.TSV)
    show(_flat(rows) if as_table else {**summary, "images": rows}, output_format, query)
    if any("error" in row for row in rows):
        raise typer.Exit(1)


def _pictures(images: list[str]) -> list[str]:
    """Files and URLs as they were given, and the image files of folders.

    Raises:
        UsageError: a folder without images.
    """
    pictures = []
    for image in images:
        folder = Path(image)
        pictures += [str(path) for path in images_in(folder)] if folder.is_dir() else [image]
    return pictures


def _choose(
    explainer: Explainer,
    pictures: list[str],
    targets: Targets,
    names: list[str],
    options: ExplanationOptions,
    seconds: float,
) -> Choice | None:
    """The best method on the first pictures that can be read; None where there is none."""
    from tintype.errors import FetchError, ImageError
    from tintype.explaining.automatic import MOST_TRIED, choose_method
    from tintype.progress import working

    pixels = []
    for picture in pictures:
        try:
            pixels.append(explainer.pixels_of(picture))
        except (ImageError, FetchError):
            # Told with its row, when its turn comes.
            continue
        if len(pixels) == MOST_TRIED:
            break
    if not pixels:
        return None
    with working("comparing methods"):
        return choose_method(explainer, pixels, targets, names, options, seconds=seconds)


def _write_all(
    explainer: Explainer,
    pictures: list[str],
    method: str,
    targets: Targets,
    names: list[str],
    options: ExplanationOptions,
    output: Path,
    summary: dict[str, Any],
) -> list[dict[str, Any]]:
    """Explain and write picture by picture; what is done when something fails is in the summary, too."""
    from tintype.explaining.methods import check_method
    from tintype.explaining.results import Explanation
    from tintype.explaining.writing import stem_of, write_explanation
    from tintype.files import write_json
    from tintype.progress import track

    rows: list[dict[str, Any]] = []
    checked = check_method(method, explainer.scorer.checkpoint)
    found = explainer.stream(pictures, checked, targets, names, options)
    try:
        for number, result in enumerate(track(found, "explaining", len(pictures)), 1):
            picture = pictures[number - 1]
            if isinstance(result, Explanation):
                stem = stem_of(number, picture)
                rows.append({"image": picture, **write_explanation(result, output, stem)})
            else:
                rows.append({"image": picture, "error": str(result)})
    finally:
        write_json(output / _SUMMARY, {**summary, "images": rows})
    return rows


def _flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each target, for tables."""
    flat = []
    for row in rows:
        explained = row.get("explained") or [
            {"error": row.get("error", "no label at or above the threshold")}
        ]
        flat += [
            {
                "image": row["image"],
                "label": each.get("label", ""),
                "confidence": each.get("confidence", ""),
                "picture": each.get("picture", ""),
                "error": each.get("error", ""),
            }
            for each in explained
        ]
    return flat
