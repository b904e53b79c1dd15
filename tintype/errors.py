"""Every error Tintype raises on purpose, drawn as one tree.

    TintypeError                 exit code 1: something failed while it ran
    ├── UsageError               exit code 2: what was asked for cannot be done as written
    │   ├── DocumentError        a YAML or JSON document: names file, line, key, nearest key
    │   ├── DataError            a data set: names file, line, field and the fix
    │   ├── CheckpointError      a checkpoint or model folder that is missing, incomplete or unsafe
    │   └── MissingExtraError    an optional dependency is absent: says the install line
    ├── OutputError              a place that cannot be written: permissions, disk full, in use
    ├── RunFailed                a job's run ended in failure
    ├── RunCancelled             a run was asked to stop, and has
    ├── ImageError               bytes that cannot become pixels: one image's fault, no batch's
    │   ├── ImageTooLarge        over a byte or pixel limit, found before decoding
    │   └── ImageReadError       the bytes could not be read, or not in time
    ├── ModelError               a model whose outputs cannot be used: NaN or infinity
    │   └── AgreementError       a faster form of a model that strays too far from fp32: refused
    ├── FetchError               a URL that may not be, or could not be, fetched
    └── RequestError             a request a server refuses; carries the HTTP status

Catch `TintypeError` to catch all of them. A message is one or two sentences that say what was
given, what was expected and how to put it right; it never needs a traceback beside it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = [
    "AgreementError",
    "CheckpointError",
    "DataError",
    "DocumentError",
    "FetchError",
    "ImageError",
    "ImageReadError",
    "ImageTooLarge",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "RequestError",
    "RunCancelled",
    "RunFailed",
    "TintypeError",
    "UsageError",
    "nearest",
]


class TintypeError(Exception):
    """Base of every error raised on purpose. `exit_code` is what a command ends with."""

    exit_code = 1


class UsageError(TintypeError):
    """What was asked for cannot be done as written; nothing was started."""

    exit_code = 2


class _LocatedError(UsageError):
    """A usage error that points into a file: `file:line: field: message`."""

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        self.field = field
        where = self.file or ""
        if line is not None:
            where = f"{where}:{line}" if where else f"line {line}"
        prefix = "".join(f"{part}: " for part in (where, field) if part)
        super().__init__(prefix + message)


class DocumentError(_LocatedError):
    """A YAML or JSON document that cannot be used. `line` counts from 1."""

    @classmethod
    def joined(cls, problems: Sequence[DocumentError]) -> DocumentError:
        """One error of all that is wrong with a document: it points to the first, and tells the others, a
        line each."""
        first, *others = problems
        message = "\n".join([first.message, *map(str, others)])
        error = cls(message, file=first.file, line=first.line, field=first.field)
        error._problems = tuple(problems)
        return error

    _problems: tuple[DocumentError, ...] = ()

    @property
    def problems(self) -> tuple[DocumentError, ...]:
        """The errors that this one was joined of, or it alone."""
        return self._problems or (self,)


class DataError(_LocatedError):
    """A data set that cannot be used. `line` counts from 1."""


class CheckpointError(UsageError):
    """A checkpoint or model folder that is missing, incomplete or unsafe to load."""


class MissingExtraError(UsageError):
    """An optional dependency is absent."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'tintype[{extra}]'")


class OutputError(TintypeError):
    """A place that cannot be written: no permission, no space, or in use by another job."""


class RunFailed(TintypeError):
    """A job's run ended in failure; the message says where its log is."""


class RunCancelled(TintypeError):
    """A run was asked to stop, and has; what it had done is kept."""


class ImageError(TintypeError):
    """Bytes that cannot become pixels."""


class ImageTooLarge(ImageError):
    """An image over the byte or pixel limit; found from its header, before decoding."""


class ImageReadError(ImageError):
    """The bytes could not be read, or not in time: another attempt may succeed."""


class ModelError(TintypeError):
    """What a model gave cannot be used: NaN or infinity."""


class AgreementError(ModelError):
    """A quantised model strays too far from the model in fp32; it was refused."""


class FetchError(TintypeError):
    """A URL that may not be fetched (private address, wrong scheme) or could not be."""


class RequestError(TintypeError):
    """A request a server refuses. `status` is the HTTP status; `row` counts from 0."""

    def __init__(self, message: str, *, status: int = 400, row: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.row = row


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint such as ``" Did you mean 'learning_rate'?"``, or ``""`` when nothing is close."""
    match = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return f" Did you mean {match[0]!r}?" if match else ""
