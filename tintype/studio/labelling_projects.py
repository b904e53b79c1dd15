"""Labelling projects as the studio's pages have them: made of what the data page shows, shown with the data assets that
their labels became, and exported as the next of these."""

from __future__ import annotations

from typing import Any

from tintype.errors import DataError, RequestError, UsageError
from tintype.labelling.database import Database
from tintype.labelling.doing import finish_actions
from tintype.labelling.exporting.exporting import Exported, export_project
from tintype.labelling.making import make_project
from tintype.labelling.pictures import count_by_state
from tintype.labelling.projects import Project, find_project, list_projects
from tintype.labelling.server.visitors import Visitor
from tintype.labelling.statistics import project_statistics
from tintype.schemas.labelling_project import LabellingProjectDocument, LabellingProjectTerms
from tintype.studio.tables.exports import selection_folder
from tintype.studio.tables.references import TableSource
from tintype.workspace.data_assets import DataAsset, DataAssetStore

__all__ = ["export_labels", "make_project_of_table", "project_lines", "project_shown"]


def make_project_of_table(
    database: Database, source: TableSource, terms: LabellingProjectTerms, owner: Visitor
) -> Project:
    """A project of the pictures of a table; those that come to its folder later can be added.

    Raises:
        UsageError: there is one of that name, or nothing to label with.
        RequestError: 400, the data cannot be used; names file and line by what requests know.
    """
    data = source.path or source.predictions
    document = LabellingProjectDocument.model_validate({**terms.model_dump(), "data": str(data)})
    try:
        return make_project(database, document, within=source.within, owner=owner.id)
    except DataError as error:
        if source.within is None:
            raise
        place = str(source.within)
        raise RequestError(str(error).replace(place, source.within.name)) from None


def project_lines(database: Database, visitor: Visitor) -> list[dict[str, Any]]:
    """All projects by name: their pictures by state, and what the visitor is in each."""
    with database.reading() as connection:
        return [
            {
                "name": project.name,
                "task": project.task,
                "state": project.state,
                "pictures": _counted(count_by_state(connection, project)),
                "role": visitor.role_in(connection, project),
            }
            for project in list_projects(connection)
        ]


def project_shown(database: Database, visitor: Visitor, name: str) -> dict[str, Any]:
    """A project with its counts, what the visitor is in it, and the data assets that were made of its labels, the
    newest first.

    Raises:
        RequestError: 404, there is none.
    """
    try:
        with database.reading() as connection:
            project = find_project(connection, name)
            statistics = project_statistics(connection, project)
            role = visitor.role_in(connection, project)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None
    return {
        **project.shown(),
        **statistics,
        "role": role,
        "data_assets": [asset.shown() for asset in _data_assets_of(name)],
    }


def export_labels(database: Database, name: str, asset: str) -> Exported:
    """The labelled pictures of a project as the next version of the data asset `asset`; pictures stay where they
    are.

    Raises:
        UsageError: nothing is labelled yet.
        RequestError: 404, there is no such project.
        OutputError: the workspace cannot be written.
    """
    try:
        with database.reading() as connection:
            project = find_project(connection, name)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None
    finish_actions(database, project)
    with database.reading() as connection:
        folder = selection_folder("labels", asset)
        return export_project(connection, project, folder, "mltable", register=asset)


def _counted(states: dict[str, int]) -> dict[str, int]:
    return {"total": sum(states.values()), **states}


def _data_assets_of(project: str) -> list[DataAsset]:
    store = DataAssetStore()
    found = [
        asset
        for name in store.names()
        for asset in store.list(name)
        if asset.properties.get("labelling_project") == project
    ]
    return sorted(found, key=lambda asset: asset.created_at, reverse=True)
