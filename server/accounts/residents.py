"""Use cases of residents: follow, unfollow, and finding the resident behind an openid."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.models import Resident, WechatIdentity
from server.clock import local_day
from server.db import vault_of
from server.ids import new_public_id
from server.vault import Place


def follow(session: Session, *, app_id: str, openid: str, sent_at: int, now: datetime) -> Resident:
    """The person follows the account. `sent_at` is WeChat's CreateTime: an older event never undoes a newer one."""
    resident, identity = _get_or_add(session, app_id, openid, now)
    if sent_at >= identity.changed_at_wechat:
        identity.is_following, identity.followed_on, identity.unfollowed_on = True, local_day(now), None
        identity.changed_at_wechat = sent_at
    return resident


def unfollow(session: Session, *, app_id: str, openid: str, sent_at: int, now: datetime) -> None:
    """The person left; nothing happens for somebody unknown."""
    identity = _find_identity(session, app_id, openid)
    if identity is not None and sent_at >= identity.changed_at_wechat:
        identity.is_following, identity.unfollowed_on = False, local_day(now)
        identity.changed_at_wechat = sent_at


def resident_of(session: Session, *, app_id: str, openid: str, now: datetime, sent_at: int = 0) -> Resident:
    """The resident who writes to us; made at the first word that needs one (the follow event may have been lost).

    Only followers can write: a message that is newer than the unfollowing takes it back.
    """
    resident, identity = _get_or_add(session, app_id, openid, now)
    if not identity.is_following and sent_at > identity.changed_at_wechat:
        identity.is_following, identity.followed_on, identity.unfollowed_on = True, local_day(now), None
        identity.changed_at_wechat = sent_at
    return resident


def _get_or_add(session: Session, app_id: str, openid: str, now: datetime) -> tuple[Resident, WechatIdentity]:
    identity = _find_identity(session, app_id, openid)
    if identity is None:
        try:
            with session.begin_nested():
                return _add(session, app_id, openid, now)
        except IntegrityError:
            # Two events of one person at once: the other transaction has committed, so the row is there.
            identity = _find_identity(session, app_id, openid)
            assert identity is not None
    resident = session.get(Resident, identity.resident_id)
    assert resident is not None
    return resident, identity


def _add(session: Session, app_id: str, openid: str, now: datetime) -> tuple[Resident, WechatIdentity]:
    vault = vault_of(session)
    resident = Resident(public_id=new_public_id(), created_on=local_day(now))
    session.add(resident)
    session.flush()
    identity = WechatIdentity(
        resident_id=resident.id,
        app_id=app_id,
        openid_index=vault.blind_index(_purpose(app_id), openid),
        openid_sealed=vault.seal_text(openid, Place("wechat_identities", resident.public_id, "openid")),
        is_following=True,  # only followers can write; a lost follow event heals here
        followed_on=local_day(now),
        unfollowed_on=None,
        changed_at_wechat=0,
    )
    session.add(identity)
    session.flush()
    return resident, identity


def _find_identity(session: Session, app_id: str, openid: str) -> WechatIdentity | None:
    indexes = vault_of(session).blind_indexes(_purpose(app_id), openid)
    return session.scalar(sa.select(WechatIdentity).where(WechatIdentity.openid_index.in_(indexes)))


def _purpose(app_id: str) -> str:
    return f"wechat_identities.openid:{app_id}"
