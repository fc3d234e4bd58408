"""Who has an account: invited by a one-time link, switched off and on again, put out.

An invitation is shown once to whoever invites, who passes it on by another way; we send no mail. For somebody who forgot
their password a new one does: it lets them choose another, and their second factor stays theirs.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import sessions
from server.accounts.factor_models import Invitation
from server.accounts.posts import Wanted, give_post
from server.accounts.staff import Staff, create_staff
from server.accounts.staff_models import StaffMember
from server.audit import service as audit
from server.errors import Conflict, NotFound
from server.ids import new_public_id, new_token
from server.vault import token_hash

LASTS = timedelta(hours=72)


class InvitationOver(NotFound):
    """Unknown, taken, too old or replaced: whoever holds the link is told the same."""

    code = "accounts.invitation_over"


class OwnAccount(Conflict):
    """Nobody invites, switches off or puts out themselves: two see more than one."""

    code = "accounts.own_account"


def invite(
    session: Session, *, login_name: str, display_name: str, wanted: Wanted, by: Staff, now: datetime
) -> tuple[StaffMember, str]:
    """A colleague without a password, their first post, and the token of the link, which is never shown again.

    Raises BadLoginName, LoginNameTaken, and what give_post raises.
    """
    member = create_staff(session, login_name=login_name, display_name=display_name, password=None, now=now)
    _record(session, "staff.created", member, by, now)
    give_post(session, member=member, wanted=wanted, by=by, now=now)
    return member, _new_link(session, member, by, now)


def reinvite(session: Session, *, staff_public_id: str, by: Staff, now: datetime) -> tuple[StaffMember, str]:
    """Another link; the one before it ends. Raises NotFound, OwnAccount."""
    member = _get_other(session, staff_public_id, by)
    if not member.is_active:
        raise NotFound(staff=staff_public_id)
    return member, _new_link(session, member, by, now)


def find_invited(session: Session, *, token: str, now: datetime) -> StaffMember:
    """Whose link this is. Raises InvitationOver."""
    row = session.get(Invitation, token_hash(token))
    if row is None or row.ended_at is not None or now - row.created_at > LASTS:
        raise InvitationOver
    member = session.get_one(StaffMember, row.staff_id)
    if not member.is_active:
        raise InvitationOver
    return member


def take(session: Session, *, token: str, password: str, now: datetime) -> StaffMember:
    """Choose a password. Of two who hold the link one does. Raises InvitationOver, WeakPassword, GuessablePassword."""
    member = find_invited(session, token=token, now=now)
    taken = sa.update(Invitation).where(Invitation.token_hash == token_hash(token), Invitation.ended_at.is_(None))
    if getattr(session.execute(taken.values(ended_at=now)), "rowcount", 0) != 1:
        raise InvitationOver
    sessions.set_password(session, member=member, password=password, now=now)
    sessions.end_all(session, staff_id=member.id, now=now)
    actor = ("staff", member.public_id)
    audit.record(
        session, actor=actor, action="invitation.taken", object_kind="staff", object_id=member.public_id, now=now
    )
    return member


def switch_off(session: Session, *, staff_public_id: str, by: Staff, now: datetime, reason: str = "-") -> None:
    """No log-in, no session, no link any more; posts and acts stay on record. Raises NotFound, OwnAccount."""
    member = _get_other(session, staff_public_id, by)
    if member.is_active:
        member.is_active = False
        _end_links(session, member, now)
        sessions.end_all(session, staff_id=member.id, now=now)
        _record(session, "staff.switched_off", member, by, now, reason)


def switch_on(session: Session, *, staff_public_id: str, by: Staff, now: datetime) -> None:
    """Password and second factor are what they were. Raises NotFound, OwnAccount."""
    member = _get_other(session, staff_public_id, by)
    if not member.is_active:
        member.is_active = True
        session.flush()
        _record(session, "staff.switched_on", member, by, now)


def end_sessions(session: Session, *, staff_public_id: str, by: Staff, now: datetime) -> None:
    """Of a colleague whose screen was left open or lost. Raises NotFound, OwnAccount."""
    member = _get_other(session, staff_public_id, by)
    sessions.end_all(session, staff_id=member.id, now=now)
    _record(session, "staff.sessions_ended", member, by, now)


def _get_other(session: Session, staff_public_id: str, by: Staff) -> StaffMember:
    """Under a lock: a log-in in the same instant sees what is done here, or is ended by it."""
    member = session.scalar(sa.select(StaffMember).where(StaffMember.public_id == staff_public_id).with_for_update())
    if member is None:
        raise NotFound(staff=staff_public_id)
    if member.id == by.id:
        raise OwnAccount
    return member


def _new_link(session: Session, member: StaffMember, by: Staff, now: datetime) -> str:
    _end_links(session, member, now)
    token, public_id = new_token(), new_public_id()
    session.add(
        Invitation(token_hash=token_hash(token), public_id=public_id, staff_id=member.id, created_at=now, ended_at=None)
    )
    session.flush()
    _record(session, "staff.invited", member, by, now)
    return token


def _end_links(session: Session, member: StaffMember, now: datetime) -> None:
    mine = sa.update(Invitation).where(Invitation.staff_id == member.id, Invitation.ended_at.is_(None))
    session.execute(mine.values(ended_at=now))
    session.flush()


def _record(session: Session, action: str, member: StaffMember, by: Staff, now: datetime, reason: str = "-") -> None:
    audit.record(
        session,
        actor=by.actor,
        action=action,
        object_kind="staff",
        object_id=member.public_id,
        reason=reason,
        now=now,
    )
