"""A lost second factor is taken away by two persons: one asks, another approves within a day, and it is the factor of a third.

The colleague then enrols anew at the next sign-in, with the password that only they know.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from server.accounts import second_factor, sessions
from server.accounts.factor_models import FactorReset, ResetState
from server.accounts.scope import EVERYWHERE
from server.accounts.staff import Staff
from server.accounts.staff_models import StaffMember
from server.audit import service as audit
from server.db import vault_of
from server.errors import Conflict, Invalid, NotFound, Refused
from server.ids import new_public_id
from server.vault import Place

LASTS = timedelta(hours=24)
LONGEST_REASON = 200
_PAGE = 50


class ReasonNeeded(Invalid):
    code = "accounts.reason_needed"


class AskedAlready(Conflict):
    code = "accounts.asked_already"


class AnotherPersonNeeded(Refused):
    """Whoever asked, and whose it is, do not decide."""

    code = "accounts.another_person_needed"


class ResetOver(Conflict):
    """Decided by somebody else, or older than a day."""

    code = "accounts.reset_over"


@dataclass(frozen=True, slots=True)
class ResetRow:
    public_id: str
    name: str
    login_name: str
    asked_by: str
    asked_at: datetime
    ends_at: datetime
    reason: str
    is_mine_to_decide: bool


def ask(session: Session, *, login_name: str, reason: str, by: Staff, now: datetime) -> FactorReset:
    """Raises ReasonNeeded, NotFound, AnotherPersonNeeded (for one's own), AskedAlready."""
    if not reason.strip():
        raise ReasonNeeded
    member = session.scalar(sa.select(StaffMember).where(StaffMember.login_name == login_name.strip().lower()))
    if member is None or not second_factor.state_of(session, who=member).confirmed_at:
        raise NotFound(login_name=login_name)
    if member.id == by.id:
        raise AnotherPersonNeeded
    expire(session, now)
    public_id = new_public_id()
    asked = FactorReset(
        public_id=public_id,
        staff_id=member.id,
        asked_by=by.id,
        asked_at=now,
        reason_sealed=vault_of(session).seal_text(reason.strip()[:LONGEST_REASON], _place(public_id)),
        state=ResetState.OPEN,
        open_for=member.id,
        decided_by=None,
        decided_at=None,
    )
    try:
        with session.begin_nested():
            session.add(asked)
    except IntegrityError:
        raise AskedAlready from None
    _record(session, "factor_reset.asked", asked, by, now)
    return asked


def approve(session: Session, *, reset_public_id: str, by: Staff, now: datetime) -> None:
    """Raises NotFound, AnotherPersonNeeded, ResetOver. Of two who decide at once one does."""
    asked = _decide(session, reset_public_id, ResetState.APPROVED, by, now)
    second_factor.remove_factor(session, staff_id=asked.staff_id)
    sessions.end_all(session, staff_id=asked.staff_id, now=now)


def refuse(session: Session, *, reset_public_id: str, by: Staff, now: datetime) -> None:
    """Nothing is taken away. Raises NotFound, AnotherPersonNeeded, ResetOver."""
    _decide(session, reset_public_id, ResetState.REFUSED, by, now)


def list_open(session: Session, *, by: Staff, now: datetime) -> list[ResetRow]:
    """The newest first. One's own loss is not shown to oneself: there is nothing to decide in it."""
    subject, asker = aliased(StaffMember), aliased(StaffMember)
    rows = session.execute(
        sa.select(FactorReset, subject.display_name, subject.login_name, asker.display_name)
        .join(subject, subject.id == FactorReset.staff_id)
        .join(asker, asker.id == FactorReset.asked_by)
        .where(FactorReset.state == ResetState.OPEN, FactorReset.asked_at > now - LASTS, FactorReset.staff_id != by.id)
        .order_by(FactorReset.id.desc())
        .limit(_PAGE),
        execution_options=EVERYWHERE,  # who has the permission has it for the whole district
    ).all()
    vault = vault_of(session)
    return [
        ResetRow(
            public_id=asked.public_id,
            name=name,
            login_name=login_name,
            asked_by=asker_name,
            asked_at=asked.asked_at,
            ends_at=asked.asked_at + LASTS,
            reason=vault.open_text(asked.reason_sealed, _place(asked.public_id)),
            is_mine_to_decide=by.id not in {asked.asked_by, asked.staff_id},
        )
        for asked, name, login_name, asker_name in rows
    ]


def expire(session: Session, now: datetime) -> None:
    """Let go of what nobody decided within a day."""
    old = sa.update(FactorReset).where(FactorReset.state == ResetState.OPEN, FactorReset.asked_at <= now - LASTS)
    session.execute(old.values(state=ResetState.EXPIRED, open_for=None))


def _decide(session: Session, public_id: str, state: ResetState, by: Staff, now: datetime) -> FactorReset:
    asked = session.scalar(sa.select(FactorReset).where(FactorReset.public_id == public_id))
    if asked is None:
        raise NotFound(reset=public_id)
    if by.id in {asked.asked_by, asked.staff_id}:
        raise AnotherPersonNeeded
    decided = (
        sa.update(FactorReset)
        .where(FactorReset.id == asked.id, FactorReset.state == ResetState.OPEN, FactorReset.asked_at > now - LASTS)
        .values(state=state, open_for=None, decided_by=by.id, decided_at=now)
    )
    if getattr(session.execute(decided), "rowcount", 0) != 1:
        raise ResetOver
    _record(session, f"factor_reset.{state}", asked, by, now)
    return asked


def _place(public_id: str) -> Place:
    return Place("factor_resets", public_id, "reason_sealed")


def _record(session: Session, action: str, asked: FactorReset, by: Staff, now: datetime) -> None:
    audit.record(session, actor=by.actor, action=action, object_kind="factor_reset", object_id=asked.public_id, now=now)
