"""A colleague is switched off, or comes back: the account, and what becomes of the work that lay with them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from server.accounts import directory, invitations, posts
from server.accounts.posts import HandsOver
from server.accounts.staff import Staff


class Reason(StrEnum):
    """Why somebody is switched off: a word for the trail, which keeps no sentences."""

    LEFT = "left"
    LONG_LEAVE = "long_leave"
    DEVICE_LOST = "device_lost"
    MISUSE_SUSPECTED = "misuse_suspected"
    OTHER = "other"


def switch_off(
    session: Session, *, staff_public_id: str, reason: Reason, by: Staff, domains: Sequence[HandsOver], now: datetime
) -> None:
    """No log-in, session or link any more, and open work waits for others at once. Posts stay, and count for nothing.

    Raises NotFound, OwnAccount.
    """
    invitations.switch_off(session, staff_public_id=staff_public_id, reason=reason, by=by, now=now)
    member = directory.get_member(session, public_id=staff_public_id)
    posts.hand_over_all(session, member=member, domains=domains, now=now)


def switch_on(session: Session, *, staff_public_id: str, by: Staff, now: datetime) -> None:
    """Raises NotFound, OwnAccount."""
    invitations.switch_on(session, staff_public_id=staff_public_id, by=by, now=now)
    posts.expect_work_again(session, member=directory.get_member(session, public_id=staff_public_id), now=now)
