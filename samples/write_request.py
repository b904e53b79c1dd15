"""Chooses photos of a folder and writes the JSON request that asks a model about them.

    python samples/write_request.py FOLDER request.json --photos photos.txt --count 6
    python samples/write_request.py FOLDER request.json --photos photos.txt --text "a hat, a shoe"
    python samples/write_request.py FOLDER batch.csv --photos photos.txt --text "a hat, a shoe"

`photos.txt` gets the paths of what was chosen, a line each, in the request's order. Of data in splits the
photos come from `test/`. A path that ends in .csv gets the table that batch endpoints take instead.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import sys
from pathlib import Path

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def main() -> int:
    """Write the request and the list; exit code 2 where there is no photo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="photos, in it and below")
    parser.add_argument("request", type=Path, help="the .json or .csv to write")
    parser.add_argument("--photos", type=Path, required=True, help="the list to write")
    parser.add_argument("--count", type=int, default=6, help="how many photos; default 6")
    parser.add_argument("--text", help="zero-shot labels, separated by commas")
    options = parser.parse_args()

    photos = choose_photos(options.folder, options.count)
    if not photos:
        print(f"{options.folder}: no photo in it or below; expected a folder", file=sys.stderr)
        return 2
    written = csv_of if options.request.suffix == ".csv" else json_of
    options.request.write_text(written(photos, options.text), "utf-8")
    options.photos.write_text("".join(f"{photo}\n" for photo in photos), "utf-8")
    return 0


def choose_photos(folder: Path, count: int) -> list[Path]:
    """`count` photos of `folder` or of its `test/`, evenly chosen, so that all classes come in."""
    held_out = folder / "test"
    root = held_out if held_out.is_dir() else folder
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in ENDINGS)
    count = min(count, len(found))
    return [found[(2 * turn + 1) * len(found) // (2 * count)] for turn in range(count)]


def json_of(photos: list[Path], text: str | None) -> str:
    """The body of a request; the first row's text holds the labels of all rows."""
    cells = [encoded(photo) for photo in photos]
    if text is None:
        content = {"columns": ["image"], "index": list(range(len(cells))), "data": cells}
    else:
        rows = [[cell, text if row == 0 else ""] for row, cell in enumerate(cells)]
        content = {"columns": ["image", "text"], "index": list(range(len(rows))), "data": rows}
    return json.dumps({"input_data": content})


def csv_of(photos: list[Path], text: str | None) -> str:
    """The same as a table, with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image",) if text is None else ("image", "text"))
    for row, photo in enumerate(photos):
        writer.writerow((encoded(photo), *([] if text is None else [text if row == 0 else ""])))
    return stream.getvalue()


def encoded(photo: Path) -> str:
    """The file as base64."""
    return base64.b64encode(photo.read_bytes()).decode("ascii")


if __name__ == "__main__":
    sys.exit(main())
