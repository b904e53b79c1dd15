"""From what a row says (`image_url`) to where the image is: a local path or an http(s) URL."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tintype.errors import DataError
from tintype.settings import Settings

__all__ = ["image_location", "local_path", "resolve_location", "stored_beside"]

# Long and short datastore URIs (docs/contracts.md §1).
_DATASTORE = re.compile(r"azureml://(?:.*/)?datastores/(?P<store>[^/]+)/paths/(?P<path>.*)", re.S)

# What exports of Azure's labelling projects hold instead.
_LABELLING = re.compile(r"AmlDatastore://(?P<store>[^/]+)/(?P<path>.*)", re.S | re.I)


def resolve_location(reference: str, base: str, settings: Settings) -> str:
    """The absolute local path, or the http(s) URL, that `reference` names.

    Args:
        reference: relative to `base`, absolute, `file:`, `http(s):`, or an `azureml://` (or, in
            labelling exports, `AmlDatastore://`) path, whose datastore `settings.datastores` maps to a local folder.
        base: absolute folder, without a trailing slash.

    Raises:
        ValueError: a scheme that is not supported, or a datastore without a mapping.
    """
    if ":" not in reference:
        return reference if reference.startswith("/") else f"{base}/{reference}"
    if reference.startswith(("http://", "https://")):
        return reference
    if reference.startswith("file:"):
        parts = urlsplit(reference)
        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"a file: URL of another host ({parts.netloc}) cannot be read")
        path = unquote(parts.path)
        return path if path.startswith("/") else f"{base}/{path}"
    if reference.startswith("azureml:"):
        match = _DATASTORE.fullmatch(reference)
        if match is None:
            raise ValueError("expected azureml://.../datastores/<name>/paths/<path>")
        return _in_datastore(match, settings)
    if match := _LABELLING.fullmatch(reference):
        return _in_datastore(match, settings)
    scheme = reference.split(":", 1)[0]
    if re.fullmatch(r"[a-z][a-z0-9+.-]+", scheme) and reference.startswith(f"{scheme}://"):
        raise ValueError(
            f"{scheme}:// is not supported; use a path, file:, http(s): or azureml:// reference"
        )
    # A colon in an ordinary file name.
    return reference if reference.startswith("/") else f"{base}/{reference}"


def image_location(
    reference: str,
    base: str,
    settings: Settings,
    *,
    file: str | Path,
    field: str,
    line: int | None = None,
) -> str:
    """`resolve_location` for the image that stands in `field` of `file`.

    Raises:
        DataError: what `resolve_location` has against it, with its place.
    """
    try:
        return resolve_location(reference, base, settings)
    except ValueError as error:
        raise DataError(str(error), file=file, line=line, field=field) from None


def stored_beside(name: str, base: str) -> str | None:
    """The file called `name` in `base`, or in the folder `images` there; None where neither is."""
    for path in (os.path.join(base, name), os.path.join(base, "images", name)):
        if os.path.isfile(path):
            return path
    return None


def _in_datastore(match: re.Match[str], settings: Settings) -> str:
    store = match["store"]
    root = settings.datastores.get(store, settings.datastores.get("*"))
    if root is None:
        raise ValueError(
            f"datastore {store!r} has no local folder: set "
            f'TINTYPE_DATASTORES=\'{{"{store}": "/path/to/folder"}}\''
        )
    return f"{Path(root).expanduser().absolute()}/{unquote(match['path'])}"


def local_path(reference: str | Path, base: Path, settings: Settings) -> Path:
    """`resolve_location` for something that must be local: a data set, not an image.

    Raises:
        ValueError: as `resolve_location`, or the reference is a URL.
    """
    location = resolve_location(str(reference), str(base.absolute()), settings)
    if location.startswith(("http://", "https://")):
        raise ValueError("a data set must be local; only its images may be http(s) URLs")
    return Path(location)
