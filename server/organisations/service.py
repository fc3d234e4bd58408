"""Use cases of the tree and of entry points."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from server.clock import local_day
from server.errors import Conflict, Invalid, NotFound
from server.ids import is_printed_code, new_printed_code, new_public_id
from server.organisations.doors import Doors
from server.organisations.models import EntryPoint, EntryPointDay, Level, Organisation

ROOT_PATH = "/"


class UnknownDoor(Invalid):
    code = "organisations.unknown_door"


class UnknownTarget(Invalid):
    code = "organisations.unknown_target"


class CodeTaken(Conflict):
    """Another node has this code, or there is a root already: one installation serves one district."""

    code = "organisations.code_taken"


class EntryPointState(StrEnum):
    OPEN = "open"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a scanned code means now. Only an open one has an address; the place is named as long as it is known."""

    state: EntryPointState
    place: str | None = None
    path: str | None = None
    opens: str | None = None
    entry_point_id: int | None = None
    door: str | None = None
    target: str | None = None


def add_organisation(
    session: Session, *, code: str, name: str, level: Level, parent: Organisation | None
) -> Organisation:
    """Add a node below `parent` (None: the root, of which there is one). Raises CodeTaken."""
    node = Organisation(
        public_id=new_public_id(),
        code=code,
        name=name,
        level=level,
        parent_id=parent.id if parent else None,
        is_root=None if parent else True,
        path="",
    )
    try:
        with session.begin_nested():
            session.add(node)
    except IntegrityError:
        raise CodeTaken(code=code) from None
    node.path = f"{parent.path if parent else ROOT_PATH}{node.id}/"
    return node


def below(
    path: str, column: sa.ColumnElement[str] | InstrumentedAttribute[str] = Organisation.path
) -> sa.ColumnElement[bool]:
    """The node with this path and all below it, as one range that the index answers ('0' follows '/' in ASCII)."""
    return sa.and_(column >= path, column < path[:-1] + "0")


def root_of(session: Session) -> Organisation:
    """The district itself. Raises NotFound before the map is loaded."""
    root = session.scalar(sa.select(Organisation).where(Organisation.parent_id.is_(None)).order_by(Organisation.id))
    if root is None:
        raise NotFound(organisation="root")
    return root


def get_by_code(session: Session, code: str) -> Organisation:
    found = session.scalar(sa.select(Organisation).where(Organisation.code == code))
    if found is None:
        raise NotFound(organisation=code)
    return found


def make_entry_point(
    session: Session,
    *,
    doors: Doors,
    organisation: Organisation,
    door: str,
    target: str,
    now: datetime,
    valid_until: datetime | None = None,
) -> EntryPoint:
    """A new random code for a place and a door. Raises UnknownDoor, UnknownTarget."""
    behind = doors.find(door)
    if behind is None:
        raise UnknownDoor(door=door)
    if not behind.has_target(target):
        raise UnknownTarget(target=target)
    point = EntryPoint(
        code=new_printed_code(),
        organisation_id=organisation.id,
        door=door,
        target=target,
        valid_from=now,
        valid_until=valid_until,
        revoked_at=None,
        wechat_url="",
        created_at=now,
    )
    session.add(point)
    session.flush()
    return point


def revoke_entry_point(session: Session, *, code: str, now: datetime) -> None:
    """Repeatable; raises NotFound."""
    if session.scalar(sa.select(EntryPoint.id).where(EntryPoint.code == code)) is None:
        raise NotFound(entry_point=code)
    session.execute(
        sa.update(EntryPoint).where(EntryPoint.code == code, EntryPoint.revoked_at.is_(None)).values(revoked_at=now)
    )


def find_entry_point(session: Session, code: str) -> EntryPoint | None:
    """The point behind a printed code, whatever has become of it: whoever holds the code stood there."""
    if not is_printed_code(code):
        return None
    return session.scalar(sa.select(EntryPoint).where(EntryPoint.code == code))


def look_up_entry(session: Session, *, doors: Doors, code: str, now: datetime) -> Entry:
    """What the code means now. Never raises: the paper on the wall deserves an answer in every case."""
    if not is_printed_code(code):
        return Entry(EntryPointState.UNKNOWN)
    row = session.execute(
        sa.select(EntryPoint, Organisation.name).join(Organisation).where(EntryPoint.code == code)
    ).one_or_none()
    if row is None:
        return Entry(EntryPointState.UNKNOWN)
    point, place = row
    behind = doors.find(point.door)
    state = _state_of(point, now)
    if state is not EntryPointState.OPEN:
        return Entry(state, place=place, entry_point_id=point.id)
    if behind is None or not behind.has_target(point.target):
        return Entry(EntryPointState.REVOKED, place=place, entry_point_id=point.id)
    return Entry(
        EntryPointState.OPEN,
        place=place,
        path=behind.path_of(point.target),
        opens=behind.name_of(point.target),
        entry_point_id=point.id,
        door=point.door,
        target=point.target,
    )


def _state_of(point: EntryPoint, now: datetime) -> EntryPointState:
    if point.revoked_at is not None and point.revoked_at <= now:
        return EntryPointState.REVOKED
    if point.valid_until is not None and point.valid_until <= now:
        return EntryPointState.EXPIRED
    return EntryPointState.NOT_YET if point.valid_from > now else EntryPointState.OPEN


def count_use(session: Session, *, entry_point_id: int, what: str, now: datetime) -> None:
    """Add one to `scans`, `starts` or `finishes` of the code's day."""
    column = {"scans": EntryPointDay.scans, "starts": EntryPointDay.starts, "finishes": EntryPointDay.finishes}[what]
    key = (EntryPointDay.entry_point_id == entry_point_id, EntryPointDay.day == local_day(now))
    add_one = sa.update(EntryPointDay).where(*key).values({column: column + 1})
    if getattr(session.execute(add_one), "rowcount", 0):
        return
    try:
        with session.begin_nested():
            session.execute(
                sa.insert(EntryPointDay).values(
                    entry_point_id=entry_point_id, day=local_day(now), scans=0, starts=0, finishes=0
                )
            )
    except IntegrityError:
        pass  # the day's first use came twice at once; the row is there now
    session.execute(add_one)


def names_by_id(session: Session, ids: Iterable[int]) -> dict[int, str]:
    wanted = set(ids)
    if not wanted:
        return {}
    rows = session.execute(sa.select(Organisation.id, Organisation.name).where(Organisation.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def list_below(session: Session, paths: Iterable[str]) -> list[Organisation]:
    """The nodes with these paths and all below them, in the order of the tree."""
    anywhere = sa.or_(*(below(path) for path in paths))
    return list(session.scalars(sa.select(Organisation).where(anywhere).order_by(Organisation.path)))


def list_after(
    session: Session, *, after_id: int, size: int, parent_public_id: str = ""
) -> list[tuple[Organisation, str | None]]:
    """Nodes in the order in which they were added, each with its parent's public id; directly below a node if one is
    named. One more than `size`, which tells whether there is another page. Raises NotFound for an unknown parent."""
    parent = aliased(Organisation)
    query = sa.select(Organisation, parent.public_id).outerjoin(parent, parent.id == Organisation.parent_id)
    if parent_public_id:
        parent_id = session.scalar(sa.select(Organisation.id).where(Organisation.public_id == parent_public_id))
        if parent_id is None:
            raise NotFound(organisation=parent_public_id)
        query = query.where(Organisation.parent_id == parent_id)
    rows = session.execute(query.where(Organisation.id > after_id).order_by(Organisation.id).limit(size + 1))
    return [(row[0], row[1]) for row in rows]


def keep_wechat_url(session: Session, *, code: str, url: str) -> None:
    """What the official account's code for this entry point holds."""
    session.execute(sa.update(EntryPoint).where(EntryPoint.code == code).values(wechat_url=url))
