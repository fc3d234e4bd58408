"""Find a node by its name, for a form that asks where. Within whatever the session shows."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.errors import NotFound
from server.organisations.models import Department, Level, Organisation

_MOST_FOUND = 30
_MOST_OFFERED = 200
_DEPTH = sa.func.length(Organisation.path) - sa.func.length(sa.func.replace(Organisation.path, "/", ""))
LONGEST_SEARCH = 60


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A node with the names of those above it, as far as the session shows them."""

    public_id: str
    name: str
    level: Level
    above: tuple[str, ...]


def find_places(session: Session, *, named: str) -> list[FoundPlace]:
    """Nodes whose name holds these characters, those nearest the root first; without any, the first of all."""
    wanted = sa.select(Organisation).order_by(_DEPTH, Organisation.path).limit(_MOST_FOUND)
    if named.strip():
        wanted = wanted.where(Organisation.name.contains(named.strip()[:LONGEST_SEARCH], autoescape=True))
    found = session.scalars(wanted).all()
    names = _names(session, {number for node in found for number in _above(node)})
    return [
        FoundPlace(
            node.public_id,
            node.name,
            node.level,
            tuple(names[number] for number in _above(node) if number in names),
        )
        for node in found
    ]


def upper_places(session: Session) -> list[Organisation]:
    """The topmost nodes that the session shows and those right below them, to narrow a list by."""
    nearest = session.scalar(sa.select(Organisation).order_by(_DEPTH, Organisation.path).limit(1))
    if nearest is None:
        return []
    tops = session.scalars(sa.select(Organisation.id).where(Organisation.parent_id == nearest.parent_id)).all()
    above = sa.or_(
        Organisation.id == nearest.id, Organisation.id.in_(tops), Organisation.parent_id.in_([*tops, nearest.id])
    )
    return list(session.scalars(sa.select(Organisation).where(above).order_by(Organisation.path).limit(_MOST_OFFERED)))


def list_departments(session: Session) -> list[Department]:
    """The lines that take new records."""
    wanted = sa.select(Department).where(Department.is_active.is_(True)).order_by(Department.code)
    return list(session.scalars(wanted.limit(_MOST_OFFERED)))


def get_department(session: Session, *, public_id: str) -> Department:
    found = session.scalar(sa.select(Department).where(Department.public_id == public_id))
    if found is None:
        raise NotFound(department=public_id)
    return found


def get_place(session: Session, *, public_id: str) -> Organisation:
    """Raises NotFound, alike for one that the session does not show."""
    node = session.scalar(sa.select(Organisation).where(Organisation.public_id == public_id))
    if node is None:
        raise NotFound(organisation=public_id)
    return node


def _above(node: Organisation) -> list[int]:
    return [int(number) for number in node.path.strip("/").split("/")[:-1]]


def _names(session: Session, ids: Iterable[int]) -> dict[int, str]:
    rows = session.execute(sa.select(Organisation.id, Organisation.name).where(Organisation.id.in_(set(ids))))
    return {row.id: row.name for row in rows}
