"""Data assets from Python: `Client().data`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.schemas.data_asset import DataAssetDocument, read_data_asset
from tintype.schemas.task import parse_training_task
from tintype.workspace.data_assets import DataAsset, DataAssetStore

__all__ = ["Data"]


class Data:
    """`client.data`; see `workspace.data_assets`."""

    def check(
        self,
        path: str | Path,
        *,
        task: str | None = None,
        label_column: str = "label",
        image_column: str = "image_url",
        group_column: str | None = None,
        group_pattern: str | None = None,
    ) -> dict[str, Any]:
        """Read labelled images and check everything that training would.

        Args:
            task: None tells it by the labels.
            group_column, group_pattern: how images that belong together are told; see `GroupBy`.

        Returns:
            `task`, `images` (how many), `classes` (label: how many), `splits` (name: how many, of data
            that come in splits; the others are of the training split), `groups` (how many; None
            where nothing is said of groups), `unreadable_images` of all
            splits (`file`, `line`, `image`, `reason` of each), `near_duplicates` (split: `images`
            that are nearly the same as training images, and up to 50 `pairs`; of data in one piece,
            as others of it), and `notices` of how it was read.

        Raises:
            DataError: names file, line and field of what cannot be used.
        """
        from tintype.data.checks import check_training_table, check_validation_table
        from tintype.data.groups import GroupBy
        from tintype.data.reading import open_image_source
        from tintype.images.readability import Looks, inspect_images

        source = open_image_source(path)
        tables = [
            source.read(
                split,
                task=parse_training_task(task) if task else None,
                label_column=label_column,
                image_column=image_column,
                groups=GroupBy(group_column, group_pattern),
            )
            for split in source.parts or [None]
        ]
        train, *others = tables
        check_training_table(train)
        for table in others:
            check_validation_table(train, table)
        unreadable = []
        looks = Looks()
        for table in tables:
            for row, reason in inspect_images(table, looks).unreadable:
                file, line = table.origin(row)
                unreadable.append(
                    {"file": file, "line": line, "image": table.location(row), "reason": reason}
                )
        alike = {
            name: looks.near_duplicates(table, train)
            for name, table in zip(source.parts or ["train"], tables, strict=True)
            if table is not train or not others
        }
        notices = [*source.notices, *(notice for table in tables for notice in table.notices)]
        notices += [
            found.sentence(name, "train") if others else found.among_themselves()
            for name, found in alike.items()
            if found
        ]
        return {
            "task": train.task,
            "images": len(train),
            "classes": dict(zip(train.classes, train.class_counts().tolist(), strict=True)),
            "groups": None if train.groups is None else len(set(train.groups.tolist())),
            "splits": dict(zip(source.parts, map(len, tables), strict=False)),
            "unreadable_images": unreadable,
            "near_duplicates": {
                name: {"images": found.count, "pairs": [list(pair) for pair in found.pairs]}
                for name, found in alike.items()
            },
            "notices": list(dict.fromkeys(notices)),
        }

    def create_or_update(
        self, data: DataAssetDocument | Describes, overrides: Sequence[str] = ()
    ) -> DataAsset:
        """Keep a document, its YAML file, or a Data of azure-ai-ml, as a new version of its name.

        Raises:
            UsageError: the document is wrong, or there is that version already.
        """
        given = (
            data if isinstance(data, DataAssetDocument) else described(data, "data", overrides)[0]
        )
        return _with_slash(DataAssetStore().create(read_data_asset(given)))

    @not_found_as_azure
    def get(self, name: str, version: str | None = None, *, label: str | None = None) -> DataAsset:
        """One version of `name`; the latest where none is named, or with label "latest"."""
        return _with_slash(DataAssetStore().get(name, version, label=label))

    def list(self, name: str | None = None, *, include_archived: bool = False) -> list[DataAsset]:
        """The latest version of every asset, or every version of `name`, newest first."""
        found = DataAssetStore().list(name, include_archived=include_archived)
        return [_with_slash(asset) for asset in found]

    def archive(self, name: str, version: str | None = None) -> None:
        """Hide a version (None: all) from lists and from `@latest`."""
        DataAssetStore().archive(name, version)

    def restore(self, name: str, version: str | None = None) -> None:
        """Bring an archived version (None: all) back."""
        DataAssetStore().archive(name, version, archived=False)


def _with_slash(asset: DataAsset) -> DataAsset:
    """A folder's path ends in "/", as Azure's does: scripts append `class/image.jpg` to it."""
    if asset.type != "uri_folder" or asset.path.endswith("/"):
        return asset
    return replace(asset, path=f"{asset.path}/")
