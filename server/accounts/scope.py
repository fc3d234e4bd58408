"""Which rows a colleague sees: area, department line and team of the posts that give them the permission.

One choke point: while a session is `seen_by` somebody, every ORM statement on it (lists, counts, look-ups by id, updates,
loads of relations) is narrowed here, by the event below, and nothing has to be remembered where a query is written. A row
outside answers like a missing one, because the same query looked for both.

Narrowed is every table with an `organisation_id`, by its `department_id` and `team_id` too where it has them, the tree
itself, and colleagues by their posts (who sees the whole district sees all of them). A post without a line sees every
line, one without a team every team; a post with one sees only rows that name it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria

from server.accounts.policy import Permission
from server.accounts.staff import Staff
from server.accounts.staff_models import StaffMember, StaffPost
from server.db import Base, BigRef
from server.organisations.models import Organisation
from server.organisations.service import below

_SIGHT = "xinqiao_sight"
# An execution option, for the few look-ups that show no record: who took an alert over, how the nodes above are called.
EVERYWHERE = {"xinqiao_everywhere": True}
_TREE, _POSTS = Organisation.__table__, StaffPost.__table__


class Scoped:
    """A record of one place, perhaps of one department line, perhaps of one team."""

    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"))
    department_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("departments.id"))
    team_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("teams.id"))


@contextmanager
def seen_by(session: Session, staff: Staff, permission: Permission, *further: Permission) -> Iterator[None]:
    """Within the block the session shows what this colleague may see under this permission; without a post, nothing.

    With further permissions only what each of them shows: two posts in two streets do not add up to a third thing.
    """
    before = session.info.get(_SIGHT)
    session.info[_SIGHT] = (staff, (permission, *further))
    try:
        yield
    finally:
        session.info[_SIGHT] = before


@contextmanager
def seen_by_nobody(session: Session) -> Iterator[None]:
    """Within the block nothing is narrowed: for what follows by itself from an act that was allowed.

    The work of a post that ends goes back wherever it lies, also where whoever ended it sees nothing.
    """
    before = session.info.pop(_SIGHT, None)
    try:
        yield
    finally:
        session.info[_SIGHT] = before


@event.listens_for(Session, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> None:
    sight = state.session.info.get(_SIGHT)
    if sight is None or state.is_insert or state.execution_options.get("xinqiao_everywhere"):
        return
    staff, permissions = sight
    state.statement = state.statement.options(
        *(
            with_loader_criteria(
                model, sa.and_(*(_criterion(model, staff, asked) for asked in permissions)), include_aliases=True
            )
            for model in _narrowed_models(len(Base.registry.mappers))
        )
    )


@cache
def _narrowed_models(_known: int) -> tuple[type[Any], ...]:
    """Asked again when another table became known."""
    models = [mapper.class_ for mapper in Base.registry.mappers if "organisation_id" in mapper.columns]
    return (*models, Organisation, StaffMember)


def _criterion(model: type[Any], staff: Staff, permission: Permission) -> sa.ColumnElement[bool]:
    posts = [post for post in staff.posts if permission in post.permissions]
    return sa.or_(sa.false(), *(_within(model, post) for post in posts))


def _within(model: type[Any], post: Any) -> sa.ColumnElement[bool]:
    if model is StaffMember:
        if post.is_district_wide and post.department_id is None and post.team_id is None:
            return sa.true()  # also whoever holds no post yet
        held = sa.select(_POSTS.c.staff_id).where(_within(StaffPost, post))
        return StaffMember.id.in_(held)
    limits: list[sa.ColumnElement[bool]] = [sa.true()]
    if not post.is_district_wide:
        limits.append(_in_area(model, post.path))
    if post.department_id is not None and hasattr(model, "department_id"):
        limits.append(model.department_id == post.department_id)
    if post.team_id is not None and hasattr(model, "team_id"):
        limits.append(model.team_id == post.team_id)
    return sa.and_(*limits)


def _in_area(model: type[Any], path: str) -> sa.ColumnElement[bool]:
    if model is Organisation:
        return below(path)
    # The bare table: an entity would be narrowed once more inside its own criterion.
    inside: sa.ColumnElement[bool] = model.organisation_id.in_(sa.select(_TREE.c.id).where(below(path, _TREE.c.path)))
    return inside
