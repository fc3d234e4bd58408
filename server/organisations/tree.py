"""Use cases of the tree's pages: look at a node and below it, search, add a node, rename one.

A node's code never changes: it is printed on lists and stands in files. Moves, merges and closures are none of this
module's: they need a history.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.audit.actions import Action
from server.errors import Invalid
from server.organisations.models import Level, Organisation
from server.organisations.posters.typesetting import is_drawable
from server.organisations.service import add_organisation, below
from server.pagination import Asked, Listing, Page

# Below the district itself; one installation has one.
LEVELS_BELOW = tuple(level for level in Level if level is not Level.DISTRICT)
DEEPEST = 8
LONGEST_NAME = 60
_MOST_FOUND = 50
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")

CHILDREN = Listing("places", {"code": Organisation.code, "name": Organisation.name}, Organisation.id, default="code")


class BadCode(Invalid):
    """A code is for lists and files: ASCII letters, digits, dot, dash, underscore."""

    code = "organisations.bad_code"


class NotPrintable(Invalid):
    """A name goes onto posters, and the font has no drawing for `letters`."""

    code = "organisations.not_printable"


class TooDeep(Invalid):
    code = "organisations.too_deep"


@dataclass(frozen=True, slots=True)
class Child:
    """A node as its parent's page lists it; `below` counts all nodes under it."""

    public_id: str
    code: str
    name: str
    level: Level
    below: int


def browse(session: Session, *, parent: Organisation, asked: Asked) -> Page[Child]:
    """A page of what lies right below."""
    page = CHILDREN.page(session, sa.select(Organisation).where(Organisation.parent_id == parent.id), asked)
    counts = _count_below(session, parent)
    return page.of(
        [Child(node.public_id, node.code, node.name, node.level, counts.get(node.id, 0)) for (node,) in page.rows]
    )


def _count_below(session: Session, parent: Organisation) -> dict[int, int]:
    """How many nodes lie below each child: one walk over the range of the path's index, which holds all that is asked."""
    rest = sa.func.substr(Organisation.path, len(parent.path) + 1)
    child = sa.func.substr(rest, 1, sa.func.instr(rest, "/") - 1).label("child")
    rows = session.execute(
        sa.select(child, sa.func.count() - 1)
        .select_from(Organisation)
        .where(below(parent.path), Organisation.path != parent.path)
        .group_by(child)
    )
    return {int(key): count for key, count in rows}


def search_places(session: Session, *, words: str) -> list[Organisation]:
    """Nodes whose name has these words in it or whose code begins so, at most a page of them; the exact code first.

    A part of a name is found by no index; the tree has some thousand rows, and only those in sight are looked at.
    """
    if not words:
        return []
    is_it = sa.or_(
        Organisation.name.contains(words, autoescape=True), Organisation.code.startswith(words, autoescape=True)
    )
    return list(
        session.scalars(
            sa.select(Organisation)
            .where(is_it)
            .order_by(sa.case((Organisation.code == words, 0), else_=1), Organisation.path)
            .limit(_MOST_FOUND)
        )
    )


def add_place(
    session: Session, *, parent: Organisation, code: str, name: str, level: Level, actor: tuple[str, str], now: datetime
) -> Organisation:
    """Raises BadCode, NotPrintable, TooDeep, CodeTaken."""
    check_code(code)
    check_printable(name)
    if parent.depth + 1 >= DEEPEST:
        raise TooDeep(deepest=DEEPEST)
    node = add_organisation(session, code=code, name=name, level=level, parent=parent)
    _record(session, Action.ORGANISATION_ADDED, node, actor, now)
    session.flush()
    return node


def rename_place(
    session: Session, *, place: Organisation, name: str, level: Level, actor: tuple[str, str], now: datetime
) -> None:
    """A new name or another word for what it is; the root stays the district. Raises NotPrintable."""
    check_printable(name)
    level = place.level if place.is_root else level
    if (place.name, place.level) == (name, level):
        return
    place.name, place.level = name, level
    _record(session, Action.ORGANISATION_RENAMED, place, actor, now)
    session.flush()


def check_code(code: str) -> None:
    if not _CODE.fullmatch(code):
        raise BadCode


def check_printable(name: str) -> None:
    lacking = sorted({letter for letter in name if not is_drawable(letter)})
    if lacking:
        raise NotPrintable(letters=" ".join(lacking))


def _record(session: Session, action: Action, node: Organisation, actor: tuple[str, str], now: datetime) -> None:
    audit.record(session, actor=actor, action=action, object_kind="organisation", object_id=node.public_id, now=now)
