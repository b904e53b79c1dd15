"""The data of a sweep: read, checked and split once, the same for every trial."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

from tintype.data.checks import check_training_table, check_validation_table
from tintype.data.image_table import ImageTable
from tintype.data.reading import read_image_table
from tintype.data.splits import split_validation
from tintype.images.readability import drop_unreadable
from tintype.schemas.automl_job import AutomlJob

__all__ = ["SweepTables", "load_sweep_tables"]

# Azure's default share (§2.1), and a seed that no trial's own seed changes.
_VALIDATION_SHARE = 0.2
_SEED = 42

_CONCERNING_DATA = {
    "task", "training_data", "validation_data", "test_data", "target_column_name",
    "image_column_name", "validation_data_size", "test_data_size",
}  # fmt: skip


@dataclass(frozen=True)
class SweepTables:
    """Checked tables; all trials learn from `train` and are judged on `validation`."""

    train: ImageTable
    validation: ImageTable
    test: ImageTable | None


def load_sweep_tables(job: AutomlJob) -> SweepTables:
    """Read, check and split the data of `job`. A second call in one process gives the same tables.

    Raises:
        DataError: names file, line and field of what cannot be used.
    """
    return _load(job.model_dump_json(include=_CONCERNING_DATA))


@lru_cache(maxsize=2)
def _load(content: str) -> SweepTables:
    job = json.loads(content)

    def read(name: str) -> ImageTable | None:
        given = job[name]
        if given is None:
            return None
        table = read_image_table(
            given["path"],
            task=job["task"],
            label_column=job["target_column_name"],
            image_column=job["image_column_name"],
        )
        # As Azure's runtime: an image that cannot be read ends no sweep.
        return drop_unreadable(table, ignore_data_errors=True)[0]

    train, validation, test = read("training_data"), read("validation_data"), read("test_data")
    assert train is not None
    check_training_table(train)
    if job["test_data_size"]:
        train, test = _split(train, job["test_data_size"])
    if validation is None:
        train, validation = _split(train, job["validation_data_size"] or _VALIDATION_SHARE)
    tables = SweepTables(train, check_validation_table(train, validation), None)
    if test is not None:
        tables = replace(tables, test=check_validation_table(train, test))
    return tables


def _split(table: ImageTable, share: float) -> tuple[ImageTable, ImageTable]:
    return split_validation(table, fraction=share, seed=_SEED, stratified=True)
