"""Environment documents: what a `tintype environment create --file` YAML may say.

Keys as in Azure's CLI (v2) environment YAML schema, and `python`: commands that name the environment run
in that interpreter. An environment without one means Tintype's own Python; nothing is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import model_validator

from tintype.errors import DocumentError
from tintype.schemas.asset_parts import AssetDocument
from tintype.schemas.document import Document, read_yaml, validate
from tintype.schemas.endpoint_parts import merged_document

__all__ = ["EnvironmentDocument", "load_environment", "read_environment"]


class EnvironmentDocument(AssetDocument):
    """A name and a version for an image and its packages."""

    image: str | None = None
    """A container image."""

    conda_file: dict[str, Any] | str | None = None
    """Conda packages, or the file that lists them."""

    build: dict[str, Any] | str | None = None
    """The folder of a Dockerfile: `{path, dockerfile_path}`."""

    python: str | None = None
    """The interpreter that commands run in: a virtual environment's folder, or the program itself;
    relative to the document."""

    os_type: str | None = None
    """linux or windows."""

    datastore: str | None = None
    """No effect here."""

    inference_config: dict[str, Any] | None = None
    """Routes of a container; no effect here."""

    @model_validator(mode="after")
    def _one_source(self) -> EnvironmentDocument:
        if {self.image, self.python} == {None} and self.build is None and self.conda_file is None:
            raise ValueError("one of image, build, conda_file and python is required")
        if self.image is not None and self.build is not None:
            raise ValueError("both image and build given; keep one")
        return self

    def notices(self) -> list[str]:
        """One sentence where nothing runs in it."""
        if self.python is not None:
            return []
        return [
            f"environment {self.name} is kept and shown; everything runs in Tintype's own Python here"
        ]


def load_environment(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> EnvironmentDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_environment(merged_document(path, overrides, options or {}))


def read_environment(document: Document) -> EnvironmentDocument:
    """Check a document of this kind, and read the file of conda packages that it names.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    environment = validate(EnvironmentDocument, document)
    base = Path.cwd() if document.path is None else document.path.absolute().parent
    if environment.python is not None:
        python = base / Path(environment.python).expanduser()
        if not python.exists():
            raise DocumentError(
                f"there is no Python {python}",
                file=document.path,
                line=document.line(("python",)),
                field="python",
            )
        # Not resolved: the link in a virtual environment leads to the Python that it was made of.
        environment = environment.model_copy(update={"python": str(python.absolute())})
    if not isinstance(environment.conda_file, str):
        return environment
    packages = read_yaml(base / environment.conda_file).data
    return environment.model_copy(update={"conda_file": packages})
