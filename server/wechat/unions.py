"""Learning the unionids of followers from WeChat, which tells them only when the account is bound to an open platform.

WeChat doc: user/info, user/info/batchget. Nothing is joined here: accounts.joining does that.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.models import Resident, WechatIdentity
from server.accounts.residents import UNION_PURPOSE, openid_place
from server.clock import local_day, utc_now
from server.db import Database, vault_of
from server.wechat.api_errors import RefusedByWeChat
from server.wechat.client import WeChatApi

_AT_ONCE = 100
_ASK_AGAIN_AFTER = timedelta(days=30)
_BAD_OPENID = 40003


def learn_next(database: Database, api: WeChatApi, *, app_id: str) -> bool:
    """Ask about up to 100 followers; False when nobody is left to be asked about. No transaction is open meanwhile.

    Raises WeChatError, and Unavailable without a store: the next run begins with the same ones.
    """
    openids = database.read(lambda session: _due(session, app_id, utc_now()))
    if not openids:
        return False
    unions = _ask(api, list(openids.values()))
    database.write(lambda session: _note(session, {key: unions.get(said) for key, said in openids.items()}, utc_now()))
    return True


def _due(session: Session, app_id: str, now: datetime) -> dict[int, str]:
    """Openids by identity: of followers without a unionid who were not asked about for a month."""
    oldest = local_day(now) - _ASK_AGAIN_AFTER
    rows = session.execute(
        sa.select(WechatIdentity, Resident)
        .join(Resident, Resident.id == WechatIdentity.resident_id)
        .where(
            WechatIdentity.app_id == app_id,
            WechatIdentity.is_following.is_(True),
            WechatIdentity.union_index.is_(None),
            sa.or_(WechatIdentity.union_checked_on.is_(None), WechatIdentity.union_checked_on <= oldest),
        )
        .order_by(WechatIdentity.id)
        .limit(_AT_ONCE)
    ).all()
    vault = vault_of(session)
    return {identity.id: vault.open_text(identity.openid_sealed, openid_place(resident)) for identity, resident in rows}


def _ask(api: WeChatApi, openids: list[str]) -> dict[str, str]:
    asked = [{"openid": openid} for openid in openids]
    try:
        answer = api.post("cgi-bin/user/info/batchget", {"user_list": asked}, repeatable=True)
    except RefusedByWeChat as refusal:
        if refusal.errcode != _BAD_OPENID:
            raise
        # One openid that WeChat does not know spoils the batch: the others are asked about alone.
        return {openid: union for openid in openids if (union := _ask_alone(api, openid))}
    return {str(one.get("openid")): _union_in(one) for one in answer.get("user_info_list") or [] if _union_in(one)}


def _ask_alone(api: WeChatApi, openid: str) -> str:
    try:
        return _union_in(api.get("cgi-bin/user/info", {"openid": openid}))
    except RefusedByWeChat as refusal:
        if refusal.errcode != _BAD_OPENID:
            raise
        return ""


def _union_in(said: Any) -> str:
    found = said.get("unionid") if isinstance(said, dict) else None
    return found if isinstance(found, str) else ""


def _note(session: Session, unions: dict[int, str | None], now: datetime) -> None:
    vault = vault_of(session)
    for identity_id, union in unions.items():
        index = vault.blind_index(UNION_PURPOSE, union) if union else WechatIdentity.union_index
        session.execute(
            sa.update(WechatIdentity)
            .where(WechatIdentity.id == identity_id)
            .values(union_checked_on=local_day(now), union_index=index)
        )
