"""Whose acts a colleague may follow: everybody's, those of colleagues within the own scope, or only their own."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import Permission
from server.accounts.scope import EVERYWHERE, seen_by
from server.accounts.staff import Staff
from server.accounts.staff_models import StaffMember
from server.audit import service as audit
from server.audit.actions import Action
from server.audit.models import AuditEvent
from server.audit.trail import Act, Filters, list_acts
from server.pagination import Asked, Page

# No actor has this id: whoever looks for a name that is not there finds nothing.
_NOBODY = ""


def list_own(session: Session, *, staff: Staff, asked: Asked) -> Page[Act]:
    return list_acts(session, filters=Filters(), asked=asked, who=_own(staff))


def list_all(session: Session, *, staff: Staff, filters: Filters, asked: Asked, now: datetime) -> Page[Act]:
    """For who may see the trail. The look itself is an act, once for a list."""
    _record_look(session, staff, filters, asked, now)
    return list_acts(session, filters=filters, asked=asked, who=None)


def list_team(session: Session, *, staff: Staff, filters: Filters, asked: Asked, now: datetime) -> Page[Act]:
    """One's own acts and those of colleagues within one's scope."""
    _record_look(session, staff, filters, asked, now)
    with seen_by(session, staff, Permission.SEE_TEAM_TRAIL):
        team = AuditEvent.actor_id.in_(sa.select(StaffMember.public_id))
        return list_acts(session, filters=filters, asked=asked, who=sa.or_(_own(staff), team))


def _own(staff: Staff) -> sa.ColumnElement[bool]:
    return AuditEvent.actor_id == staff.public_id


def _record_look(session: Session, staff: Staff, filters: Filters, asked: Asked, now: datetime) -> None:
    if asked.cursor:
        return
    audit.record(
        session,
        actor=staff.actor,
        action=Action.TRAIL_SEARCHED if filters.used else Action.TRAIL_LISTED,
        object_kind="staff" if filters.actor_id else "trail",
        object_id=filters.actor_id or "-",
        reason=filters.used or "-",
        now=now,
    )


def find_actor(session: Session, typed: str) -> str:
    """The public id behind a login name or a public id."""
    if not typed.isascii():  # no account has such a name, and MySQL refuses to look for it
        return _NOBODY
    known = sa.or_(StaffMember.login_name == typed.lower(), StaffMember.public_id == typed)
    return session.scalar(sa.select(StaffMember.public_id).where(known), execution_options=EVERYWHERE) or _NOBODY


def names_by_public_id(session: Session, ids: set[str]) -> dict[str, str]:
    """Who did something is told by name also across the borders of a scope."""
    if not ids:
        return {}
    wanted = sa.select(StaffMember.public_id, StaffMember.display_name).where(StaffMember.public_id.in_(ids))
    return {row.public_id: row.display_name for row in session.execute(wanted, execution_options=EVERYWHERE)}


def record_verification(session: Session, *, staff: Staff, verdict: audit.Verdict | None, now: datetime) -> None:
    """That somebody began to verify the chain, or what came of it."""
    audit.record(
        session,
        actor=staff.actor,
        action=Action.TRAIL_VERIFY_STARTED if verdict is None else Action.TRAIL_VERIFIED,
        object_kind="trail",
        object_id="-",
        reason="-" if verdict is None else verdict.fault or "whole",
        now=now,
    )
