"""Forgetting a resident: because they asked for it, or because they left the account and the stated time is over. What an
open case needs stays until it is closed; every function may be repeated.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.holdings import Holding
from server.accounts.models import Resident, WechatIdentity
from server.audit import service as audit
from server.clock import local_day

_PAGE = 100
_COARSE_AFTER = timedelta(hours=1)
_DAY_SECONDS = 86400
_SHANGHAI_SECONDS = 8 * 3600  # ahead of UTC, without summer time


def delete_account(session: Session, *, holdings: Holding, resident: Resident, now: datetime) -> bool:
    """The resident asks to be deleted. What may go goes now; False: the rest follows when nothing open holds it."""
    if _forget(session, holdings, resident, now):
        return True
    if resident.deletion_asked_on is None:
        resident.deletion_asked_on = local_day(now)
        _note(session, "resident.deletion_asked", resident, now)
    return False


def finish_deletions(session: Session, *, holdings: Holding, now: datetime, after: int = 0) -> int | None:
    """Delete those who asked and whom nothing holds any more. One page; returns where the next begins, or None."""
    rows = session.scalars(
        sa.select(Resident)
        .where(Resident.deletion_asked_on.is_not(None), Resident.id > after)
        .order_by(Resident.id)
        .limit(_PAGE)
        .with_for_update()
    ).all()
    for resident in rows:
        _forget(session, holdings, resident, now)
    return rows[-1].id if len(rows) == _PAGE else None


def erase_unfollowed(
    session: Session, *, holdings: Holding, kept_days: int, now: datetime, after: int = 0
) -> int | None:
    """Erase the identities of those who left so long ago, and with the last identity the resident. One page, as above."""
    rows = session.scalars(
        sa.select(WechatIdentity)
        .where(
            WechatIdentity.unfollowed_on <= local_day(now) - timedelta(days=kept_days),
            WechatIdentity.is_following.is_(False),
            WechatIdentity.id > after,
        )
        .order_by(WechatIdentity.id)
        .limit(_PAGE)
    ).all()
    for identity in rows:
        resident = session.get(Resident, identity.resident_id, with_for_update=True)
        session.refresh(identity)  # they may have come back before the row was ours
        if resident is None or identity.unfollowed_on is None:
            continue
        if not holdings.holds(session, resident_id=resident.id, now=now):
            _erase_identity(session, holdings, resident, identity, now)
    return rows[-1].id if len(rows) == _PAGE else None


def _erase_identity(
    session: Session, holdings: Holding, resident: Resident, identity: WechatIdentity, now: datetime
) -> None:
    others = sa.select(WechatIdentity.id).where(
        WechatIdentity.resident_id == resident.id, WechatIdentity.id != identity.id
    )
    if session.scalar(others.limit(1)) is None:
        _forget(session, holdings, resident, now)
        return
    session.delete(identity)
    _note(session, "resident.identity_erased", resident, now)


def _forget(session: Session, holdings: Holding, resident: Resident, now: datetime) -> bool:
    """Erase what may be erased; the row itself only when nothing holds it."""
    holdings.erase(session, resident=resident, now=now)
    if holdings.holds(session, resident_id=resident.id, now=now):
        return False
    session.execute(sa.delete(WechatIdentity).where(WechatIdentity.resident_id == resident.id))
    session.flush()
    session.delete(resident)
    session.flush()
    _note(session, "resident.deleted", resident, now)
    return True


def _note(session: Session, action: str, resident: Resident, now: datetime) -> None:
    audit.record(
        session,
        actor=audit.SYSTEM,
        action=action,
        object_kind="resident",
        object_id=resident.public_id,
        now=now,
    )


def coarsen_events(session: Session, now: datetime) -> None:
    """Of when somebody followed or left only the day stays: the second, beside an alert's, would tell who they are.

    Not before an hour is over: until then events that WeChat sent out of order still have to be put right.
    """
    changed = WechatIdentity.changed_at_wechat
    seconds = (changed + _SHANGHAI_SECONDS) % _DAY_SECONDS
    session.execute(
        sa.update(WechatIdentity)
        .where(changed > 0, changed < int((now - _COARSE_AFTER).timestamp()), seconds != 0)
        .values(changed_at_wechat=changed - seconds)
        .execution_options(synchronize_session=False)
    )
