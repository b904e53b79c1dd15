"""Who works in a project, and what each may do."""

from __future__ import annotations

import time
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tintype.errors import UsageError, nearest
from tintype.labelling.database import tolerant_insert
from tintype.labelling.tables import MembershipRow, PersonRow

__all__ = [
    "PROGRAMS",
    "ROLES",
    "Role",
    "allows",
    "assign_role",
    "check_person_name",
    "known_person",
    "members_of",
    "owns_a_project",
    "person_named",
    "role_of",
]

Role = Literal["owner", "reviewer", "labeller"]

ROLES: tuple[Role, ...] = ("owner", "reviewer", "labeller")
"""Each may do what those after it may, too."""

PROGRAMS = ("import", "label-studio")
"""Names under which answers are kept that nobody pressed a key for here."""

_LONGEST = 255

# Made once: every request asks it.
_ROLE = select(MembershipRow.role).where(
    MembershipRow.project_id == bindparam("project"), MembershipRow.person_id == bindparam("person")
)


def allows(role: Role | None, needed: Role) -> bool:
    """Whether somebody of `role` (None: no member) may do what `needed` may.

    >>> allows("owner", "labeller"), allows("labeller", "reviewer"), allows(None, "labeller")
    (True, False, False)
    """
    return role is not None and ROLES.index(role) <= ROLES.index(needed)


def check_person_name(name: str) -> str:
    """`name` without spaces around it.

    Raises:
        UsageError: empty, too long, or with characters that cannot be seen.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise UsageError(f"a person's name has 1 to {_LONGEST} characters that can be seen")
    return name


def person_named(connection: Connection, name: str) -> int:
    """The id of a person; made where there is none of that name."""
    name = check_person_name(name)
    chosen = select(PersonRow.id).where(PersonRow.name == name)
    found = connection.execute(chosen).scalar()
    if found is None:
        # Another process may make them in the same moment.
        connection.execute(
            tolerant_insert(connection.dialect.name, PersonRow)
            .values(name=name, created_at=time.time())
            .on_conflict_do_nothing()
        )
        found = connection.execute(chosen).scalar_one()
    return found


def known_person(connection: Connection, name: str) -> int:
    """The id of a person.

    Raises:
        UsageError: there is none of that name; names the nearest.
    """
    found = connection.execute(select(PersonRow.id).where(PersonRow.name == name)).scalar()
    if found is None:
        names = list(connection.execute(select(PersonRow.name)).scalars())
        raise UsageError(f"there is no person {name!r}.{nearest(name, names)}")
    return found


def assign_role(connection: Connection, project_id: int, person_id: int, role: Role | None) -> None:
    """Make a person a member in a role; None takes the membership away."""
    chosen = (
        MembershipRow.project_id == project_id,
        MembershipRow.person_id == person_id,
    )
    if role is None:
        connection.execute(delete(MembershipRow).where(*chosen))
    elif role_of(connection, project_id, person_id) is None:
        connection.execute(
            insert(MembershipRow).values(project_id=project_id, person_id=person_id, role=role)
        )
    else:
        connection.execute(update(MembershipRow).where(*chosen).values(role=role))


def role_of(connection: Connection, project_id: int, person_id: int) -> Role | None:
    """The role of a person in a project; None where they are no member."""
    found: Role | None = connection.execute(  # type: ignore[assignment]
        _ROLE, {"project": project_id, "person": person_id}
    ).scalar()
    return found


def owns_a_project(connection: Connection, person_id: int) -> bool:
    """Whether a person is owner of some project."""
    chosen = MembershipRow.person_id == person_id, MembershipRow.role == "owner"
    return (
        connection.execute(select(MembershipRow.role).where(*chosen).limit(1)).first() is not None
    )


def members_of(connection: Connection, project_id: int) -> list[tuple[int, str, Role]]:
    """Id, name and role of everybody in a project, by name."""
    rows = connection.execute(
        select(PersonRow.id, PersonRow.name, MembershipRow.role)
        .join(MembershipRow, MembershipRow.person_id == PersonRow.id)
        .where(MembershipRow.project_id == project_id)
        .order_by(PersonRow.name)
    )
    return [(number, name, role) for number, name, role in rows]  # type: ignore[misc]
