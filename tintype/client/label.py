"""Labelling projects from Python: `Client().labels`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.client.records import Record
from tintype.errors import UsageError
from tintype.labelling.database import Database, open_database
from tintype.labelling.projects import change_project, find_project, list_projects
from tintype.schemas.labelling_project import (
    LabelDocument,
    LabellingProjectDocument,
    read_labelling_project,
)

if TYPE_CHECKING:
    from tintype.endpoints.online.gateway.http_server import Tls
    from tintype.labelling.exporting.exporting import Exported, ExportFormat
    from tintype.labelling.importing import ImportAs, ImportReport, MissingPictures
    from tintype.labelling.making import NewLabels
    from tintype.labelling.people import Role
    from tintype.labelling.projects import ProjectState

__all__ = ["LabellingProjects"]


class LabellingProjects:
    """`client.labels`: projects in which people label pictures."""

    @property
    def _database(self) -> Database:
        return open_database()

    def create_or_update(
        self,
        project: LabellingProjectDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        requests: Collection[str] = (),
    ) -> Record:
        """Make a project of a document, its YAML file or a mapping, and find its pictures.

        With `uncertain`, a project that there is already gets as many more.

        Args:
            requests: ids of an endpoint's requests whose pictures are taken first, where the document says `uncertain`.

        Raises:
            UsageError: the document is wrong, or there is, or was, a project of that name, of other data.
            DataError: the data cannot be used; names file, line and field.
        """
        from tintype.labelling.making import make_project, refresh_project

        if not isinstance(project, LabellingProjectDocument):
            project = described(project, "labels", overrides)[0]
        document = read_labelling_project(project)
        if requests and document.uncertain is None:
            raise UsageError("requests: say, too, how many pictures are wanted (uncertain)")
        if document.uncertain is not None and self._takes_more(document):
            refresh_project(
                self._database,
                document.name,
                _own_name(),
                uncertain=document.uncertain,
                requests=requests,
            )
            return self.get(document.name)
        return self.get(make_project(self._database, document, requests=requests).name)

    def _takes_more(self, document: LabellingProjectDocument) -> bool:
        """Whether there is a project of uncertain pictures of the same data under that name."""
        with self._database.reading() as connection:
            known = [
                project
                for project in list_projects(connection, include_archived=True)
                if project.name == document.name
            ]
        return any(
            project.source.get("uncertain") and project.source["data"] == document.data
            for project in known
        )

    @not_found_as_azure
    def get(self, name: str) -> Record:
        """A project, with how many pictures are in which state and have which label."""
        from tintype.labelling.statistics import project_statistics

        with self._database.reading() as connection:
            project = find_project(connection, name)
            return Record.of(
                "labels", {**project.shown(), **project_statistics(connection, project)}
            )

    def list(self, *, include_archived: bool = False) -> list[Record]:
        """All projects by name, with how many pictures are in which state."""
        from tintype.labelling.pictures import count_by_state

        with self._database.reading() as connection:
            return [
                Record.of(
                    "labels",
                    {
                        "name": project.name,
                        "task": project.task,
                        "state": project.state,
                        "labels": len(project.labels),
                        **count_by_state(connection, project),
                    },
                )
                for project in list_projects(connection, include_archived=include_archived)
            ]

    def update(
        self,
        name: str,
        *,
        state: ProjectState | None = None,
        instructions: str | None = None,
        add_labels: Sequence[str | LabelDocument] = (),
        remove_labels: Sequence[str] = (),
        existing_answers: NewLabels = "continue",
    ) -> Record:
        """Pause, go on with or archive a project, change its instructions or its labels.

        Args:
            existing_answers: what becomes of the answers there are when labels are added: continue,
                start-over or keep-as-suggestions.

        Raises:
            UsageError: there is no such project, a label is there already, or one is in use.
        """
        from tintype.labelling.labels import remove_label
        from tintype.labelling.making import with_new_labels

        documents = [
            label if isinstance(label, LabelDocument) else _label(label) for label in add_labels
        ]
        with self._database.writing() as connection:
            project = find_project(connection, name)
            project = change_project(connection, project, state=state, instructions=instructions)
            if documents:
                with_new_labels(connection, project, documents, existing_answers, _own_name())
            for label in remove_labels:
                remove_label(connection, project.id, label)
        return self.get(name)

    def refresh(self, name: str) -> dict[str, int]:
        """Add pictures that have come to a project's data, and look after those that it has.

        Returns:
            How many were `added`, are `missing` and have `changed`.
        """
        from tintype.labelling.making import refresh_project

        return refresh_project(self._database, name, _own_name())

    def import_(
        self,
        name: str,
        path: str | Path,
        *,
        import_as: ImportAs = "final",
        add_unknown_labels: bool = False,
        missing_pictures: MissingPictures = "refuse",
    ) -> ImportReport:
        """Take labels from any layout of docs/data.md, all or, where one cannot be used, none.

        Args:
            import_as: final, or suggestions to be reviewed (of Label Studio's files: predictions).
            missing_pictures: what becomes of rows whose picture the project has not: refuse, skip or add.

        Raises:
            DataError: a label or a picture that the project has not; names file, line and field.
        """
        from tintype.labelling.importing import import_labels
        from tintype.labelling.sources import labelled_pictures, source_path, suggested_pictures

        with self._database.reading() as connection:
            task = find_project(connection, name).task
        read = labelled_pictures if import_as == "final" else suggested_pictures
        # Read before the transaction begins, for nobody else can write meanwhile.
        # Pictures that are to be added have to lie somewhere.
        known = missing_pictures != "add"
        rows = list(read(source_path(str(path)), task, any_datastore=known))
        with self._database.writing() as connection:
            return import_labels(
                connection,
                find_project(connection, name),
                rows,
                import_as=import_as,
                add_unknown_labels=add_unknown_labels,
                missing_pictures=missing_pictures,
            )

    def export(
        self,
        name: str,
        output: str | Path,
        *,
        format: ExportFormat = "mltable",
        how: Sequence[str] = (),
        person: str | None = None,
        label: str | None = None,
        states: Sequence[str] = (),
        register: str | None = None,
    ) -> Exported:
        """Write labelled pictures to a folder.

        Args:
            format: mltable, csv, coco, azure, label-studio or hugging-face.
            how: only labels that came so: chosen, suggested, changed, bulk, imported, reviewed.
            person: only those whose answer decided.
            states: labelled and completed where none are named.
            register: make the folder the next version of the data asset of this name.

        Raises:
            UsageError: nothing is left to export, or there is no such project, person or label.
            OutputError: the folder cannot be written.
        """
        from tintype.labelling.doing import finish_actions
        from tintype.labelling.exporting.exporting import export_project
        from tintype.labelling.labels import named_label
        from tintype.labelling.people import known_person
        from tintype.labelling.pictures import PictureFilter

        with self._database.reading() as connection:
            project = find_project(connection, name)
        finish_actions(self._database, project)
        with self._database.reading() as connection:
            chosen = PictureFilter(
                states=tuple(states),
                label=None if label is None else named_label(project.labels, label).id,
                hows=tuple(how),
                person=None if person is None else known_person(connection, person),
            )
            return export_project(
                connection, project, Path(output), format, chosen, register=register
            )

    def assign(
        self,
        name: str,
        person: str,
        role: Role | None = "labeller",
        *,
        password: str | None = None,
        invite: bool = False,
    ) -> dict[str, Any]:
        """Give a person a role in a project: owner, reviewer or labeller; None takes it away.

        Args:
            password: by which they sign in.
            invite: give a link in place of a password, good for a week and once.

        Raises:
            UsageError: there is no such project, or the password is too short.
        """
        from tintype.labelling.access import make_invite, set_password
        from tintype.labelling.people import assign_role, check_person_name, person_named

        if invite and (password is not None or role is None):
            raise UsageError("an invitation is in place of a password, and into a role")
        with self._database.writing() as connection:
            project = find_project(connection, name)
            shown: dict[str, Any] = {"project": name, "person": person, "role": role}
            if invite:
                token = make_invite(connection, project.id, check_person_name(person), role)  # type: ignore[arg-type]
                return {**shown, "invite": f"#invite={token}"}
            number = person_named(connection, person)
            assign_role(connection, project.id, number, role)
            if password is not None:
                set_password(connection, number, password)
            return shown

    def serve(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 8081,
        tls: Tls | None = None,
        data: Sequence[str | Path] = (),
    ) -> None:
        """Serve all projects for labellers until SIGTERM or Ctrl-C.

        Beyond this machine, people sign in with passwords or by invitation.

        Args:
            data: folders that projects may be made of over HTTP; none where none is named.

        Raises:
            UsageError: one of these is not there, or two have one name.
            OutputError: the address is in use or not allowed.
        """
        from tintype.labelling.allowed_folders import AllowedFolders
        from tintype.labelling.server.serving import serve_labelling

        folders = AllowedFolders([Path(folder) for folder in data])
        serve_labelling(host=host, port=port, tls=tls, folders=folders)


def _label(text: str) -> LabelDocument:
    from pydantic import ValidationError

    try:
        return LabelDocument(name=text)
    except ValidationError as error:
        raise UsageError(f"label {text!r}: {error.errors()[0]['msg']}") from None


def _own_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "owner"
