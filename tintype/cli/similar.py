"""`tintype similar`: nearest neighbours and near-duplicates among embeddings."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tintype.cli.output import Format, OutputFormat, Query, show
from tintype.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from tintype.similarity import EmbeddingTable, Neighbours, SimilarityIndex
    from tintype.similarity.sheet import SheetSection

__all__ = ["app"]

app = typer.Typer()

_THRESHOLD, _NEIGHBOURS = 0.95, 10


class Precision(StrEnum):
    """Values of --precision."""

    F32 = "f32"
    BF16 = "bf16"


@app.command()
def similar(
    embeddings: Annotated[
        str,
        typer.Argument(help="Output folder of `tintype batch --task embeddings`, or a .parquet."),
    ],
    images: Annotated[
        list[str] | None,
        typer.Option("--image", help="A picture, file or URL, to find the nearest of. Repeatable."),
    ] = None,
    rows: Annotated[
        list[int] | None,
        typer.Option("--row", help="A row of the embeddings to find the nearest of. Repeatable."),
    ] = None,
    duplicates: Annotated[
        bool,
        typer.Option("--duplicates", help="Find near-duplicates; so without --image and --row."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option("-m", "--model", help="What embeds --image. Default: the batch run's model."),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option("--pooling", help="auto, cls, mean or projection. Default: the batch run's."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("-k", "--neighbours", min=1, help=f"For each query. Default: {_NEIGHBOURS}."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=-1, max=1, help=f"Least cosine of near-duplicates. Default: {_THRESHOLD}."
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Compare every row, also where there are more than 20,000."),
    ] = False,
    precision: Annotated[
        Precision, typer.Option(help="Of a kept index; bf16 is half as large, and coarser.")
    ] = Precision.F32,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", help="Also draw the pictures in rows into this PNG."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Also write an HTML page of the pictures.")
    ] = None,
    sheet_limit: Annotated[
        int, typer.Option("--sheet-limit", min=1, help="Most groups or queries on the page.")
    ] = 100,
    output: OutputFormat = Format.JSON,
    query: Query = None,
) -> None:
    """Print the pictures nearest to a picture or a row, or groups of near-duplicates."""
    wants_neighbours = bool(images or rows)
    _check_options(wants_neighbours, duplicates, images, model, pooling, count, threshold)
    from tintype.similarity import EmbeddingTable, neighbours_of_rows, open_index

    table = EmbeddingTable.open(embeddings)
    # What may be refused comes before an index, which may take long to build.
    queries = _embed(table, images, model, pooling) if images else None
    numbers = _row_numbers(table, rows or [])
    index = open_index(table, precision=precision.value, exact=exact)
    answers: list[dict[str, Any]]
    if wants_neighbours:
        near = index.neighbours(queries, count or _NEIGHBOURS) if queries is not None else []
        near += neighbours_of_rows(table, index, numbers, count or _NEIGHBOURS)
        answers = _told_neighbours(table, images or [], numbers, near)
    else:
        answers = _told_groups(table, index, _THRESHOLD if threshold is None else threshold)
    if picture is not None:
        _draw(picture, answers)
    if sheet is not None:
        _write_sheet(sheet, table, answers, sheet_limit)
    as_table = output in (Format.TABLE, Format.TSV)
    show(_flat(answers) if as_table else answers, output, query)


def _check_options(
    wants_neighbours: bool,
    duplicates: bool,
    images: list[str] | None,
    model: str | None,
    pooling: str | None,
    count: int | None,
    threshold: float | None,
) -> None:
    if wants_neighbours and duplicates:
        raise UsageError("--duplicates compares all rows; leave out --image and --row")
    if wants_neighbours and threshold is not None:
        raise UsageError("--threshold is for --duplicates; neighbours are as many as -k says")
    if not wants_neighbours and count is not None:
        raise UsageError("-k is for --image and --row; near-duplicates are told by --threshold")
    if not images and (model or pooling):
        raise UsageError("--model and --pooling are for --image; rows have their features already")


def _row_numbers(table: EmbeddingTable, rows: list[int]) -> np.ndarray:
    """`rows` as int64 (n,), each known to have features."""
    import numpy as np

    numbers = np.array(rows, np.int64)
    if rows:
        table.features_at(numbers)
    return numbers


def _embed(
    table: EmbeddingTable, images: list[str], model: str | None, pooling: str | None
) -> np.ndarray:
    """Features of pictures, float32 (n, D), by the model of the batch run or the one given.

    Raises:
        UsageError: no model is known, or its features have another width than the table's.
        ImageError, FetchError: a picture cannot be read.
    """
    import numpy as np

    from tintype.scoring import Scorer, ScorerOptions
    from tintype.workspace.registry import resolve_model

    summary = _summary_of(table.path)
    model = model or summary.get("model")
    if not model:
        raise UsageError(
            f"--image needs --model, the model that made {table.path}: there is no summary.json of a "
            "batch run beside it that names one"
        )
    options = ScorerOptions.of(
        task="embeddings", pooling=pooling or summary.get("pooling") or "auto"
    )
    scorer = Scorer.load(resolve_model(model), options)
    features = np.stack([result.features for result in scorer.predict(images)])
    if features.shape[1] != table.dimension:
        raise UsageError(
            f"{model} makes features of {features.shape[1]} numbers; those in {table.path} have "
            f"{table.dimension}: give the --model and --pooling that made them"
        )
    return features


def _summary_of(path: Path) -> dict[str, Any]:
    """The summary.json of the batch run that made `path`; empty where there is none."""
    folder = path.absolute().parent if path.is_file() else path.absolute()
    if folder.name == "predictions":
        folder = folder.parent
    try:
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def _told_neighbours(
    table: EmbeddingTable, images: list[str], rows: np.ndarray, near: list[Neighbours]
) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = [{"image": image} for image in images]
    asked += [_shown(row) for row in table.rows_at(rows)]
    told = iter(_pictures(table, [(one.rows, one.cosines) for one in near]))
    return [{"query": one, "neighbours": next(told)} for one in asked]


def _told_groups(
    table: EmbeddingTable, index: SimilarityIndex, threshold: float
) -> list[dict[str, Any]]:
    groups = index.near_duplicates(threshold)
    told = _pictures(table, [(group.rows, group.cosines) for group in groups])
    return [{"group": number, "pictures": one} for number, one in enumerate(told, 1)]


def _pictures(
    table: EmbeddingTable, groups: list[tuple[np.ndarray, np.ndarray]]
) -> list[list[dict[str, Any]]]:
    """Rows and cosines as they are printed; the table is gone through once for all of them."""
    import numpy as np

    if not groups:
        return []
    named = iter(table.rows_at(np.concatenate([rows for rows, _ in groups])))
    return [
        [{"cosine": round(float(cosine), 6), **_shown(next(named))} for cosine in cosines]
        for _, cosines in groups
    ]


def _shown(row: Any) -> dict[str, Any]:
    return {
        "row": row.row,
        "file_name": row.file_name,
        "file_row": row.file_row,
        "image": row.image,
    }


def _flat(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each picture, for tables."""
    lines = []
    for one in answers:
        if "group" in one:
            lines += [{"group": one["group"], **picture} for picture in one["pictures"]]
        else:
            asked = one["query"].get("file_name") or one["query"]["image"]
            lines += [{"query": asked, **picture} for picture in one["neighbours"]]
    return lines


def _draw(path: Path, answers: list[dict[str, Any]]) -> None:
    """Rows of a query and its neighbours, or of a group's first picture and the others.

    Raises:
        UsageError: there is nothing to draw, or pictures that the input of the batch held itself.
        ImageError: a picture has gone.
    """
    from tintype.similarity.picture import draw_neighbours

    rows = []
    for one in answers:
        query, near = (
            (one["query"], one["neighbours"])
            if "query" in one
            else (one["pictures"][0], one["pictures"][1:])
        )
        unseen = next((each for each in [query, *near] if each["image"] is None), None)
        if unseen is not None:
            raise UsageError(
                f"--picture: the image of {unseen['file_name']}, row {unseen['file_row']}, stood in the "
                "batch's input itself; it draws images that lie in files"
            )
        rows.append((query["image"], [(each["image"], each["cosine"]) for each in near]))
    if not rows:
        raise UsageError("--picture: there are no near-duplicates to draw; lower --threshold")
    draw_neighbours(rows, path)


def _write_sheet(
    path: Path, table: EmbeddingTable, answers: list[dict[str, Any]], limit: int
) -> None:
    from tintype.similarity.sheet import write_sheet

    title = f"Similar pictures: {table.path.absolute().name}"
    write_sheet(path, title, [_section(one) for one in answers], limit=limit)


def _section(one: dict[str, Any]) -> SheetSection:
    from tintype.similarity.sheet import SheetPicture, SheetSection

    def told(picture: dict[str, Any]) -> SheetPicture:
        name = picture.get("file_name") or picture["image"]
        return SheetPicture(name, picture["image"], picture.get("cosine"))

    if "group" in one:
        count = len(one["pictures"])
        title = f"Group {one['group']}: {count:,} pictures"
        return SheetSection(title, [told(picture) for picture in one["pictures"]])
    pictures = [told(picture) for picture in [one["query"], *one["neighbours"]]]
    return SheetSection(pictures[0].name, pictures)
