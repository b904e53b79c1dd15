"""A job's labelled images: read, checked and split, before anything long begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tintype.data.checks import check_training_table, check_validation_table
from tintype.data.groups import GroupBy
from tintype.data.image_table import ImageTable
from tintype.data.reading import ImageSource, open_image_source
from tintype.data.split_folders import Split
from tintype.data.splits import classes_left_out, split_validation
from tintype.images.fingerprints import NearDuplicates
from tintype.images.near_duplicates import keep_near_duplicates_together
from tintype.images.readability import Looks, drop_unreadable
from tintype.schemas.job_parts import DataInput, JobData

__all__ = ["Tables", "load_tables"]

# Groups named in a notice.
_SHOWN = 5

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

    notices: tuple[str, ...] = ()
    """What people should know of how the data were read, a sentence each."""

    looks: Looks = field(default_factory=Looks)
    """Fingerprints of all images."""

    near_duplicates: Mapping[str, NearDuplicates] = field(default_factory=dict)
    """Held-out images that are nearly the same as training images, by the key of their data."""

    @property
    def held_out(self) -> ImageTable:
        """`validation` of data that says a `validation_share`, which therefore has one."""
        assert self.validation is not None
        return self.validation


def load_tables(data: JobData) -> Tables:
    """Read, check and split all data of a job; the same each time.

    Where the training data hold splits, validation and test images that the document does not name
    are taken from those.

    Raises:
        DataError: names file, line and field of what cannot be used.
    """
    dropped: dict[str, int] = {}
    notices: list[str] = []
    looks = Looks()

    def load(key: str, source: ImageSource, split: Split | None) -> ImageTable:
        table = source.read(
            split,
            task=data.task,
            label_column=data.label_column,
            image_column=data.image_column,
            groups=GroupBy(data.group_column, data.group_pattern),
        )
        notices.extend(f"{key}: {notice}" for notice in table.notices)
        table, dropped[key] = drop_unreadable(
            table, ignore_data_errors=data.ignore_data_errors, looks=looks
        )
        return table

    source = open_image_source(data.training.path)
    train = load("training_data", source, source.nearest("train"))
    check_training_table(train)
    taken: list[str] = []

    def load_held_out(key: str, given: DataInput | None, split: Split) -> ImageTable | None:
        """What the document names, or else the split beside the training images."""
        if given is not None:
            own = open_image_source(given.path)
            notices.extend(f"{key}: {notice}" for notice in own.notices_of(split))
            return load(key, own, own.nearest(split))
        if split not in source.parts or (split == "test" and data.test_share is not None):
            return None
        taken.append(f"{key} {source.parts[split].name}")
        return load(key, source, split)

    validation = load_held_out("validation_data", data.validation, "validation")
    test = load_held_out("test_data", data.test, "test")
    splits = validation is None or data.test_share is not None
    if data.near_duplicates_together:
        train, sentence = keep_near_duplicates_together(train, looks)
        if sentence and (splits or train.together is not None):
            notices.append(f"training_data: {sentence}")

    def split_off(key: str, share: float) -> tuple[ImageTable, ImageTable]:
        left, held_out = split_validation(train, fraction=share, seed=_SEED, stratified=True)
        if missing := classes_left_out(left, held_out):
            notices.append(f"{key}: {missing}")
        return left, held_out

    if data.test_share is not None:
        train, test = split_off("test_data", data.test_share)
    if validation is None and data.validation_share is not None:
        train, validation = split_off("validation_data", data.validation_share)
    validation, test = (
        None if table is None else check_validation_table(train, table)
        for table in (validation, test)
    )
    near_duplicates: dict[str, NearDuplicates] = {}
    for key, table in (("validation_data", validation), ("test_data", test)):
        if table is None:
            continue
        if shared := _shared_groups(train, table):
            notices.append(f"training_data and {key} share {shared}")
        near_duplicates[key] = found = looks.near_duplicates(table, train)
        if found:
            notices.append(found.sentence(key, "training_data"))
    if source.parts:
        together = ", ".join([f"training_data {source.parts['train'].name}", *taken])
        notices.insert(0, f"{source.given} holds splits, which are taken so: {together}")
    notices.extend(f"training_data: {notice}" for notice in source.notices)
    told = tuple(dict.fromkeys(notices))
    return Tables(train, validation, test, dropped, told, looks, near_duplicates)


def _shared_groups(train: ImageTable, held_out: ImageTable) -> str:
    """Which groups both have, in words; nothing where none is."""
    shared = sorted(set(train.group_names()) & set(held_out.group_names()))
    if not shared:
        return ""
    some = ", ".join(shared[:_SHOWN]) + (", ..." if len(shared) > _SHOWN else "")
    return (
        f"{len(shared)} groups ({some}): a model knows these better than it will know others, so "
        "that "
        "its metrics are too good"
    )
