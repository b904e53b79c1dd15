"""Data asset documents: what a `tintype data create --file` YAML may say.

Source of keys and rules: docs/contracts.md §3.4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

from tintype.errors import DocumentError
from tintype.schemas.asset_parts import AssetDocument
from tintype.schemas.document import Document, validate
from tintype.schemas.endpoint_parts import merged_document

__all__ = ["DataAssetDocument", "load_data_asset", "read_data_asset"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ELSEWHERE = re.compile(r"https?://|azureml://")


def _location(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; expected a folder, a file, azureml://... or a URL")
    known = _ELSEWHERE.match(value) or value.startswith("file:")
    if "\0" in value or (_SCHEME.match(value) and not known):
        raise ValueError(f"{value!r} cannot be read; use a path, file:, http(s): or azureml://")
    return value


class DataAssetDocument(AssetDocument):
    """A name and a version for a file or a folder; it stays where it is."""

    type: Literal["uri_file", "uri_folder", "mltable"] = "uri_folder"
    """A file, a folder, or a folder with a file named MLTable."""

    path: Annotated[str, AfterValidator(_location)]
    """File or folder, relative to the document; a datastore's path (azureml://...) or a URL."""


def load_data_asset(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> DataAssetDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    A relative path to data is from the document's folder; one among the options, from here.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    options = options or {}
    document = merged_document(path, overrides, options)
    asset = validate(DataAssetDocument, document)
    typed = options.get("path") is not None
    return _located(asset, Document(document.data) if typed else document)


def read_data_asset(document: Document | DataAssetDocument) -> DataAssetDocument:
    """Check a document of this kind, and make its path absolute.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    if isinstance(document, DataAssetDocument):
        return _located(document, Document({}))
    return _located(validate(DataAssetDocument, document), document)


def _located(asset: DataAssetDocument, document: Document) -> DataAssetDocument:
    if _ELSEWHERE.match(asset.path):
        return asset
    base = Path.cwd() if document.path is None else document.path.absolute().parent
    try:
        # os.path, for pathlib raises on unknown users.
        path = os.path.realpath(os.path.join(base, os.path.expanduser(_plain(asset.path))))
        _check_kind(path, asset.type)
    except ValueError as error:
        raise DocumentError(
            str(error), file=document.path, line=document.line(("path",)), field="path"
        ) from None
    return asset.model_copy(update={"path": path})


def _plain(path: str) -> str:
    """`path`, or the path that a `file:` URL stands for."""
    if not path.startswith("file:"):
        return path
    parts = urlsplit(path)
    if parts.netloc not in ("", "localhost"):
        raise ValueError(f"a file: URL of another host ({parts.netloc}) cannot be read")
    return unquote(parts.path)


def _check_kind(path: str, kind: str) -> None:
    if not os.path.exists(path):
        raise ValueError(f"there is no file or folder {path}")
    if kind == "uri_file":
        if os.path.isdir(path):
            raise ValueError(f"{path} is a folder; write type: uri_folder")
    elif not os.path.isdir(path):
        table = os.path.basename(path) == "MLTable"
        fix = "name the folder it lies in" if table else "write type: uri_file"
        raise ValueError(f"{path} is a file; {fix}")
    elif kind == "mltable" and not os.path.isfile(os.path.join(path, "MLTable")):
        raise ValueError(f"{path} holds no file named MLTable; add one, or write type: uri_folder")
