"""One person who was two residents: the unionid of one of their identities was learnt late. An anonymous record is never
joined to anybody, for none leads here.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.holdings import Holding
from server.accounts.models import Resident, WechatIdentity
from server.audit import service as audit


def join_next(session: Session, *, holdings: Holding, now: datetime) -> bool:
    """Join two residents of one unionid in this transaction; False when there are none left.

    The older one stays. A run that was killed has joined them wholly or not at all; of two workers one waits at the rows
    and then finds nothing left to do.
    """
    pair = session.execute(
        sa.select(sa.func.min(WechatIdentity.resident_id), sa.func.max(WechatIdentity.resident_id))
        .where(WechatIdentity.union_index.is_not(None))
        .group_by(WechatIdentity.union_index)
        .having(sa.func.min(WechatIdentity.resident_id) != sa.func.max(WechatIdentity.resident_id))
        .limit(1)
    ).one_or_none()
    if pair is None:
        return False
    residents = session.scalars(
        sa.select(Resident).where(Resident.id.in_(tuple(pair))).order_by(Resident.id).with_for_update()
    ).all()
    if len(residents) == len(pair):
        _join(session, residents[0], residents[1], holdings, now)
    return True  # perhaps another worker was faster: the next look tells


def _join(session: Session, survivor: Resident, emptied: Resident, holdings: Holding, now: datetime) -> None:
    holdings.move(session, emptied=emptied, survivor=survivor, now=now)
    session.flush()
    session.delete(emptied)
    session.flush()
    audit.record(
        session,
        actor=audit.SYSTEM,
        action="resident.joined",
        object_kind="resident",
        object_id=survivor.public_id,
        reason=emptied.public_id,
        now=now,
    )
