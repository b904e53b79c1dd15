"""A job's labelled images: read, checked and split, before anything long begins."""

from __future__ import annotations

from dataclasses import dataclass

from tintype.data.checks import check_training_table, check_validation_table
from tintype.data.image_table import ImageTable
from tintype.data.reading import read_image_table
from tintype.data.splits import split_validation
from tintype.images.readability import drop_unreadable
from tintype.schemas.job_parts import DataInput, JobData

__all__ = ["Tables", "load_tables"]

# That no trial's own seed changes.
_SEED = 42


@dataclass(frozen=True)
class Tables:
    """A job's data, checked, without unreadable images."""

    train: ImageTable
    validation: ImageTable | None
    test: ImageTable | None
    dropped: dict[str, int]
    """Unreadable images left out, by the key of their data."""

    @property
    def held_out(self) -> ImageTable:
        """`validation` of data that says a `validation_share`, which therefore has one."""
        assert self.validation is not None
        return self.validation


def load_tables(data: JobData) -> Tables:
    """Read, check and split all data of a job; the same each time.

    Raises:
        DataError: names file, line and field of what cannot be used.
    """
    dropped: dict[str, int] = {}

    def load(key: str, given: DataInput | None) -> ImageTable | None:
        if given is None:
            return None
        table = read_image_table(
            given.path,
            task=data.task,
            label_column=data.label_column,
            image_column=data.image_column,
        )
        table, dropped[key] = drop_unreadable(table, ignore_data_errors=data.ignore_data_errors)
        return table

    train = load("training_data", data.training)
    assert train is not None
    check_training_table(train)
    validation, test = load("validation_data", data.validation), load("test_data", data.test)
    if data.test_share is not None:
        train, test = _split(train, data.test_share)
    if validation is None and data.validation_share is not None:
        train, validation = _split(train, data.validation_share)
    validation, test = (
        None if table is None else check_validation_table(train, table)
        for table in (validation, test)
    )
    return Tables(train, validation, test, dropped)


def _split(table: ImageTable, share: float) -> tuple[ImageTable, ImageTable]:
    return split_validation(table, fraction=share, seed=_SEED, stratified=True)
