"""A folder that holds `train/` beside `val/` or `test/`: splits, each with labels of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from tintype.data.folders import is_folder, visible_entries
from tintype.data.label_files import has_labels

__all__ = [
    "FALLBACKS",
    "Part",
    "Split",
    "Splits",
    "find_split_folders",
    "split_of_name",
]

Split = Literal["train", "validation", "test"]

_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}

FALLBACKS: dict[Split, tuple[Split, ...]] = {
    "train": ("train",),
    "validation": ("validation", "test", "train"),
    "test": ("test", "validation", "train"),
}
"""Which splits are read, in this order, where one is asked for."""


@dataclass(frozen=True)
class Part:
    """One split: what it is called, and the folder or files that it lies in."""

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Splits:
    """What a folder was found to hold."""

    parts: dict[Split, Part] = field(default_factory=dict)
    """Empty where the folder is not split; else train is among them."""

    notices: tuple[str, ...] = ()
    """What people should know of it."""


def split_of_name(name: str) -> Split | None:
    """The split that `name` stands for, in either case: train, training, val, valid, ..."""
    return _NAMES.get(name.lower())


def find_split_folders(root: Path) -> Splits:
    """The splits that `root` holds as folders.

    There are some where a folder `train` has labels (class folders, or a file of labels) and
    beside it is one for validation or for a test. One of those without labels is left out. Where
    `train` has images but no labels, it is a class as any other folder.

    Raises:
        DataError: a folder cannot be read.
    """
    found: dict[Split, list[str]] = {split: [] for split in get_args(Split)}
    others: list[str] = []
    for entry in visible_entries(root):
        if is_folder(entry):
            split = split_of_name(entry.name)
            (others if split is None else found[split]).append(entry.name)
    # Hugging Face's `DatasetDict` may have a single split.
    alone = (root / "dataset_dict.json").is_file()
    if not found["train"] or not (found["validation"] or found["test"] or alone):
        return Splits()
    labelled = {
        split: [name for name in names if has_labels(root / name)] for split, names in found.items()
    }
    named = [name for names in found.values() for name in names]
    if not labelled["train"]:
        return Splits(
            notices=(
                f"{root}: {_listed(named)} hold images and no class folders, so they are classes, "
                "not splits",
            )
        )
    parts = {
        split: Part(f"{names[0]}/", (root / names[0],))
        for split, names in labelled.items()
        if names
    }
    taken = {part.name for part in parts.values()}
    left = [name for name in (*named, *others) if f"{name}/" not in taken]
    notices = (f"{root}: {_listed(left)} beside the splits: left out",) if left else ()
    return Splits(parts, notices)


def _listed(names: list[str]) -> str:
    return " and ".join(f"{name}/" for name in names)
