"""What waits for a colleague, most urgent first: the home page's registry.

Whoever brings a page with work in it adds a source: the permission under which it looks, and a function that finds one
task or nothing. It runs within the asker's scope under that permission, as the page's own queries do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from sqlalchemy.orm import Session

from server.accounts import posts
from server.accounts.policy import Permission
from server.accounts.scope import seen_by
from server.accounts.staff import Staff
from server.clock import local_day
from server.crisis import overview
from server.texts import text
from server.texts.moments import say_day, say_length

POSTS_END_WITHIN = timedelta(days=14)
_LINES = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of a task, where things are few enough to be named."""

    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A card: `key` is a text below `console.todo`, `clock` says in words how long it has waited or will wait."""

    key: str
    count: int
    clock: str = ""
    href: str = ""
    lines: tuple[Line, ...] = ()
    is_alarm: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    permission: Permission
    find: Callable[[Session, Staff, datetime], Task | None]


def collect(session: Session, *, staff: Staff, now: datetime) -> list[Task]:
    tasks: list[Task] = []
    for source in SOURCES:
        if staff.may(source.permission):
            with seen_by(session, staff, source.permission):
                found = source.find(session, staff, now)
            if found:
                tasks.append(found)
    return tasks


def _ringing(session: Session, staff: Staff, now: datetime) -> Task | None:
    count, since = overview.count_ringing(session, staff=staff)
    if since is None:
        return None
    clock = text("console.todo.waited", time=say_length(now - since))
    return Task("ringing", count, clock, url_for("duty.screen"), is_alarm=True)


def _mine(session: Session, staff: Staff, now: datetime) -> Task | None:
    mine = overview.list_mine(session, staff=staff)
    lines = tuple(
        Line(
            text(
                "console.todo.alert",
                grade=text(f"duty.grade_{row.grade}"),
                source=text(f"duty.source_{row.source_kind}"),
                time=say_length(now - (row.acknowledged_at or now)),
            ),
            url_for("duty.alert", alert_id=row.public_id),
        )
        for row in mine[:_LINES]
    )
    return Task("mine", len(mine), lines=lines, href=url_for("duty.screen")) if mine else None


def _unreachable(session: Session, staff: Staff, now: datetime) -> Task | None:
    count = overview.count_unreachable(session, staff=staff)
    return Task("unreachable", count, href=url_for("duty.screen")) if count else None


def _ending_posts(session: Session, staff: Staff, now: datetime) -> Task | None:
    ending = posts.list_ending(session, until=local_day(now) + POSTS_END_WITHIN, now=now)
    lines = tuple(
        Line(
            text(
                "console.todo.post",
                name=post.name,
                role=text(f"console.role.{post.role}"),
                place=post.place,
                day=say_day(post.ends_on, now),
            )
        )
        for post in ending[:_LINES]
    )
    return Task("posts", len(ending), lines=lines) if ending else None


# In the order of their urgency.
SOURCES: tuple[Source, ...] = (
    Source(Permission.WATCH_ALERTS, _ringing),
    Source(Permission.ACKNOWLEDGE_ALERT, _mine),
    Source(Permission.WATCH_ALERTS, _unreachable),
    Source(Permission.MANAGE_POSTS, _ending_posts),
)
