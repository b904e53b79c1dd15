"""Long CSV bodies are read in a process of their own.

    python -m tintype.endpoints.online.instances.csv_apart MAX_ROWS < BODY > ROWS

A step of the reader holds the interpreter's lock for as long as a cell is: 10 ns a byte, most of a second for one of
76 MB, in which nobody else is answered. Both ends are files without a name: what goes in and out is never copied under the lock
more than a cell at a time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

import orjson

from tintype.compute.python_process import start_python_process
from tintype.endpoints.online.calls import ScoreCall, too_late
from tintype.errors import RequestError
from tintype.schemas.csv_rows import csv_rows

__all__ = ["csv_rows_apart", "is_long_csv"]

_PROGRAM = "tintype.endpoints.online.instances.csv_apart"

# Starting a process takes as long as reading so much.
_LONG_BYTES = 4 * 1024 * 1024


def is_long_csv(call: ScoreCall) -> bool:
    """Whether the call's body is CSV that is better read apart."""
    kind = call.content_type.split(";", 1)[0].strip().lower()
    return call.protocol == "invocations" and kind == "text/csv" and len(call.body) >= _LONG_BYTES


def csv_rows_apart(body: bytes, max_rows: int, *, timeout_s: float) -> list[list[str]]:
    """What `csv_rows` gives, or raises. It waits; nothing else in this process does.

    Raises:
        RequestError: as `csv_rows`; 408 after `timeout_s`.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as found:
        given.write(body)
        given.seek(0)
        process = start_python_process(_PROGRAM, [str(max_rows)], stdin=given, stdout=found)
        try:
            status = process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            raise too_late(timeout_s) from None
        finally:
            process.kill()
            process.wait()
        if status:
            raise RequestError("the CSV could not be read; the server's log says why", status=500)
        found.seek(0)
        head: dict[str, Any] = orjson.loads(found.readline())
        if "error" in head:
            raise RequestError(head["error"], status=head["status"])
        return [[found.read(size).decode() for size in sizes] for sizes in head["sizes"]]


def main(arguments: list[str]) -> int:
    """Read the standard input, write the rows: a line of JSON with the cells' sizes, then the cells."""
    os.nice(10)
    body = sys.stdin.buffer.read()
    out = sys.stdout.buffer
    try:
        cells = [[cell.encode() for cell in row] for row in csv_rows(body, int(arguments[0]))]
    except RequestError as error:
        out.write(orjson.dumps({"error": str(error), "status": error.status}))
        return 0
    out.write(orjson.dumps({"sizes": [[len(cell) for cell in row] for row in cells]}) + b"\n")
    for row in cells:
        out.writelines(row)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
