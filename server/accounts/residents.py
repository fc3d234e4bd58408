"""Use cases of residents: follow, unfollow, and finding the resident behind an openid."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.models import Resident, WechatIdentity
from server.clock import local_day
from server.db import vault_of
from server.errors import Unavailable
from server.ids import new_public_id
from server.vault import Place

UNION_PURPOSE = "wechat_identities.union"
_MOST_TRIES = 4


def follow(session: Session, *, app_id: str, openid: str, sent_at: int, now: datetime) -> Resident:
    """The person follows the account. `sent_at` is WeChat's CreateTime: an older event never undoes a newer one."""
    resident, identity = _get_or_add(session, app_id, openid, now)
    if sent_at >= identity.changed_at_wechat:
        identity.is_following, identity.followed_on, identity.unfollowed_on = True, local_day(now), None
        identity.changed_at_wechat = sent_at
    return resident


def unfollow(session: Session, *, app_id: str, openid: str, sent_at: int, now: datetime) -> int | None:
    """The person left; nothing happens for somebody unknown. Returns whose messages end now."""
    identity = _find_identity(session, app_id, openid)
    if identity is None or sent_at < identity.changed_at_wechat:
        return None
    identity.is_following, identity.unfollowed_on = False, local_day(now)
    identity.changed_at_wechat = sent_at
    return identity.resident_id


def resident_of(
    session: Session,
    *,
    app_id: str,
    openid: str,
    now: datetime,
    sent_at: int = 0,
    union_id: str | None = None,
    is_follower: bool = True,
) -> Resident:
    """The resident who writes to us; made at the first word that needs one (the follow event may have been lost).

    Only followers can write: a message that is newer than the unfollowing takes it back. Whoever logs in on a page or in
    the mini program need not follow (`is_follower` False). A `union_id` finds the person behind another openid; where both
    are known already, the joining is left to a job of its own. The row stays locked until the transaction ends, so that
    nobody joins or deletes the resident meanwhile.
    """
    resident, identity = _get_or_add(session, app_id, openid, now, union_id=union_id, is_follower=is_follower)
    if not is_follower and identity.unfollowed_on is not None:
        identity.unfollowed_on = local_day(now)  # still here, on the pages: the time to forgetting begins anew
    if union_id is not None:
        identity.union_index = vault_of(session).blind_index(UNION_PURPOSE, union_id)
        identity.union_checked_on = local_day(now)
    if not identity.is_following and sent_at > identity.changed_at_wechat:
        identity.is_following, identity.followed_on, identity.unfollowed_on = True, local_day(now), None
        identity.changed_at_wechat = sent_at
    return resident


def _get_or_add(
    session: Session, app_id: str, openid: str, now: datetime, *, union_id: str | None = None, is_follower: bool = True
) -> tuple[Resident, WechatIdentity]:
    for _ in range(_MOST_TRIES):
        identity = _find_identity(session, app_id, openid)
        if identity is None:
            try:
                with session.begin_nested():
                    return _add(session, app_id, openid, now, union_id=union_id, is_follower=is_follower)
            except IntegrityError:
                continue  # two events of one person at once: the other transaction has committed, so the row is there
        resident = session.get(Resident, identity.resident_id, with_for_update=True)
        if resident is not None:
            return resident, identity
        session.expire(
            identity
        )  # joined with another resident between the two looks: whose it is now stands in the row
    raise Unavailable


def _add(
    session: Session, app_id: str, openid: str, now: datetime, *, union_id: str | None, is_follower: bool
) -> tuple[Resident, WechatIdentity]:
    vault = vault_of(session)
    resident = find_by_union(session, union_id) if union_id is not None else None
    if resident is None:
        resident = Resident(public_id=new_public_id(), created_on=local_day(now), age_band=None, deletion_asked_on=None)
        session.add(resident)
        session.flush()
    identity = WechatIdentity(
        resident_id=resident.id,
        app_id=app_id,
        openid_index=vault.blind_index(_purpose(app_id), openid),
        openid_sealed=vault.seal_text(openid, openid_place(resident)),
        is_following=is_follower,  # only followers can write; a lost follow event heals here
        followed_on=local_day(now) if is_follower else None,
        unfollowed_on=None,
        changed_at_wechat=0,
        union_index=None,
        union_checked_on=None,
    )
    session.add(identity)
    session.flush()
    return resident, identity


def openid_place(resident: Resident) -> Place:
    """Where an openid of this resident's is sealed: it opens for nobody else."""
    return Place("wechat_identities", resident.public_id, "openid")


def find_by_union(session: Session, union_id: str) -> Resident | None:
    """The oldest resident with this unionid; their row stays locked."""
    indexes = vault_of(session).blind_indexes(UNION_PURPOSE, union_id)
    return session.scalar(
        sa.select(Resident)
        .join(WechatIdentity, WechatIdentity.resident_id == Resident.id)
        .where(WechatIdentity.union_index.in_(indexes))
        .order_by(Resident.id)
        .limit(1)
        .with_for_update(of=Resident)
    )


def _find_identity(session: Session, app_id: str, openid: str) -> WechatIdentity | None:
    indexes = vault_of(session).blind_indexes(_purpose(app_id), openid)
    return session.scalar(sa.select(WechatIdentity).where(WechatIdentity.openid_index.in_(indexes)))


def _purpose(app_id: str) -> str:
    return f"wechat_identities.openid:{app_id}"
