"""Rows of a CSV body, within bounds on what reading it may cost."""

from __future__ import annotations

import io

from tintype.errors import RequestError
from tintype.schemas.long_csv import long_csv

__all__ = ["EXAMPLE_CSV", "csv_rows"]

EXAMPLE_CSV = "a header line 'image', then one image (base64 or URL) a line"


def csv_rows(body: bytes, max_rows: int) -> list[list[str]]:
    """The cells of each line, the header's first; blank lines are passed over.

    Args:
        max_rows: below the header.

    Raises:
        RequestError: 400 for what is not CSV in UTF-8, 413 for more rows or longer cells than there may be.
    """
    # One step of the reader in C holds up every thread: what it can be given is bounded first.
    # Lines of base64 are longer than 32 characters; labels stand between commas.
    separators = sum(body.count(mark) for mark in (b",", b"\n", b"\r"))
    if separators > len(body) // 32 + 1000 * (max_rows + 1):
        raise RequestError(
            f"{separators} commas and line ends are too many for {max_rows} rows", status=413
        )
    lines = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    reader = long_csv.reader(lines, strict=True)
    rows: list[list[str]] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if len(rows) > max_rows:
                raise RequestError(
                    f"more than {max_rows} rows; the limit is {max_rows} a request", status=413
                )
            rows.append(cells)
    except UnicodeDecodeError:
        raise RequestError("the CSV is not UTF-8 text") from None
    except long_csv.Error as error:
        raise RequestError(
            f"the body is not CSV: line {reader.line_num}: {error}. Expected {EXAMPLE_CSV}",
            status=413 if "field limit" in str(error) else 400,
        ) from None
    return rows
