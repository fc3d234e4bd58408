"""Pushes that WeChat would never make, or makes rarely: for tests of the callback's defences."""

from typing import Any

from server.wechat.sandbox import phone, push
from server.wechat.sandbox.control.inputs import PushInput
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.envelope import Tampering
from server.wechat.sandbox.events import Inbound
from server.wechat.sandbox.state import Push


def send_by_hand(box: Sandbox, asked: PushInput) -> Push:
    """Raises PhoneError for an unknown resident, MarkupError for fields that cannot stand in XML."""
    openid = ""
    if asked.resident:
        with box.store.read() as state:
            openid = phone.find_resident(state, asked.resident).openid
    real_now = box.real_now()
    usual: dict[str, Any] = {
        "ToUserName": box.settings.original_id,
        "FromUserName": openid,
        "CreateTime": int(real_now),
    }
    fields = {tag: value for tag, value in (usual | asked.fields).items() if value is not None}
    timestamp = asked.timestamp
    if timestamp is None and asked.timestamp_offset is not None:
        timestamp = int(real_now) + asked.timestamp_offset
    tampering = Tampering(
        mode=asked.mode,
        timestamp=timestamp,
        nonce=asked.nonce,
        is_signature_wrong=asked.wrong_signature,
        is_msg_signature_wrong=asked.wrong_msg_signature,
        app_id=asked.app_id,
        is_bare=asked.bare,
        query=asked.query | ({"openid": asked.openid} if asked.openid is not None else {}),
        omit=tuple(asked.omit),
        headers=asked.headers,
        pad_bytes=asked.pad_bytes,
    )
    inbound = Inbound(asked.name, openid, fields, asked.article_limit, asked.shows_reply)
    return push.send(box, inbound, message=asked.message, tampering=tampering, duplicates=asked.duplicates)
