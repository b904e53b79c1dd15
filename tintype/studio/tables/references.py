"""Which tables there are, by the names that requests know them by.

    asset:NAME:VERSION   a data asset
    run:NAME:INPUT       data that a run was given: training_data, validation_data, test_data
    run:NAME:predictions what a batch or an evaluation predicted
    folder:FOLDER/BELOW  something in a folder that the studio was started with, or in the workspace

No request holds a path of this machine.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tintype.batch.predictions import has_predictions
from tintype.errors import RequestError, UsageError
from tintype.jobs.batch import score_folder
from tintype.jobs.run import Run
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.sources import source_path
from tintype.settings import get_settings
from tintype.workspace.data_assets import DataAssetStore
from tintype.workspace.runs import RunStore

__all__ = ["PREDICTIONS", "WORKSPACE", "TableSource", "named_table", "tables_of_run"]

PREDICTIONS = "predictions"

WORKSPACE = "workspace"
"""What the workspace's own folder is called among the folders."""

_INPUTS = ("training_data", "validation_data", "test_data")


@dataclass(frozen=True)
class TableSource:
    """Where the pictures of a table are told."""

    of: str
    """The reference."""

    title: str

    path: Path | None
    """A folder or file in any layout of docs/data.md; None: `predictions` alone tell of pictures."""

    predictions: Path | None = None
    """The folder of a batch's output."""

    within: Path | None = None
    """Where every picture has to lie; None: anywhere, as in the data of jobs."""

    label_column: str = "label"
    image_column: str = "image_url"
    """Keys of a row, where the run's document calls them so."""

    command: str = ""
    """What says the same in the command line; "" where nothing does."""

    predicted_by: str | None = None
    """The run that predicted; None where none did, or it is not known which."""

    labelling_project: str | None = None
    """Whose labels it is, where it is the data asset of an export."""


def named_table(of: str, folders: AllowedFolders) -> TableSource:
    """The table that a reference names.

    Raises:
        RequestError: 404, there is none, or it is not there any more.
    """
    kind, _, rest = of.partition(":")
    try:
        if kind == "asset" and ":" in rest:
            return _of_asset(of, *rest.rsplit(":", 1))
        if kind == "run" and ":" in rest:
            return _of_run(of, *rest.rsplit(":", 1))
        if kind == "folder" and rest:
            return _of_folder(of, rest, folders)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None
    raise RequestError(
        f"of={of!r}: expected asset:NAME:VERSION, run:NAME:INPUT or folder:FOLDER", status=404
    )


def tables_of_run(name: str) -> list[str]:
    """References to the tables of a run, as far as they are there.

    Raises:
        UsageError: there is no such run.
    """
    run = _run(name)
    inputs = [key for key in _INPUTS if _input_path(run.document, key) is not None]
    found = [f"run:{name}:{key}" for key in inputs]
    if _predictions_of(run) is not None:
        found.append(f"run:{name}:{PREDICTIONS}")
    return found


def _of_asset(of: str, name: str, version: str) -> TableSource:
    asset = DataAssetStore().get(name, version)
    found = _of_path(of, f"{name}, version {version}", source_path(asset.path), None)
    return replace(found, labelling_project=asset.properties.get("labelling_project"))


def _of_path(of: str, title: str, path: Path, within: Path | None) -> TableSource:
    if (path / "summary.json").is_file() and has_predictions(path):
        # The output of a batch: what there is of pictures was predicted.
        return TableSource(of, title, None, path, within)
    command = f"tintype data check {shlex.quote(str(path))}"
    return TableSource(of, title, path, within=within, command=command)


def _of_run(of: str, name: str, part: str) -> TableSource:
    run = _run(name)
    title = f"{name}: {part.replace('_', ' ')}"
    if part == PREDICTIONS:
        found = _predictions_of(run)
        if found is None:
            raise UsageError(f"{name!r} has no predictions, or they were deleted")
        labels = _input_path(run.document, "test_data")
        path = source_path(labels) if run.state.type == "evaluation" and labels else None
        command = f"tintype job show -n {shlex.quote(name)}"
        source = TableSource(of, title, path, found, command=command, predicted_by=name)
        return _with_keys(source, run.document)
    given = _input_path(run.document, part) if part in _INPUTS else None
    if given is None:
        there = ", ".join(each.rpartition(":")[2] for each in tables_of_run(name))
        raise UsageError(f"{name!r} has no {part!r}; it has {there or 'no tables'}")
    return _with_keys(_of_path(of, title, source_path(given), None), run.document)


def _of_folder(of: str, reference: str, folders: AllowedFolders) -> TableSource:
    name, _, below = reference.partition("/")
    if name != WORKSPACE:
        path = folders.path_of(reference)
        root = folders.root_of(reference)
    else:
        root = Path(os.path.realpath(get_settings().home))
        parts = [part for part in below.split("/") if part]
        path = root if "\0" in below else Path(os.path.realpath(root.joinpath(*parts)))
        hidden = any(part.startswith(".") for part in parts)
        if hidden or not parts or path == root or not path.is_relative_to(root):
            raise RequestError(f"there is no {below!r} in the workspace", status=404)
        if not path.exists():
            raise RequestError(f"there is no {below!r} in the workspace", status=404)
    return _of_path(of, reference, path, root)


def _run(name: str) -> Run:
    store = RunStore()
    store.get(name)
    return Run(name, store)


def _input_path(document: Mapping[str, Any], key: str) -> str | None:
    given = document.get(key)
    path = given.get("path") if isinstance(given, Mapping) else given
    return path if isinstance(path, str) else None


def _with_keys(source: TableSource, document: Mapping[str, Any]) -> TableSource:
    """`source` with its columns called as a job's document calls them: fine-tuning and evaluation, or AutoML."""
    names = {
        "label_column": ("label_column_name", "target_column_name"),
        "image_column": ("input_column_names", "image_column_name"),
    }
    given: dict[str, Any] = {
        column: str(document[key])
        for column, keys in names.items()
        for key in keys
        if document.get(key)
    }
    return replace(source, **given)


def _predictions_of(run: Run) -> Path | None:
    """The folder of what a batch or an evaluation predicted; None where there is none."""
    kept = run.outputs / "evaluation" / "predictions"
    if run.document.get("type") == "batch":
        kept = score_folder(run)
    return kept if has_predictions(kept) else None
