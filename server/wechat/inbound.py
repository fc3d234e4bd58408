"""A push as WeChat sends it, read into one shape. Pure; the reader of strangers' bytes.

wechatpy's own parser raises half a dozen kinds of exception on malformed input, rewrites events and wants a numeric MsgId;
xmltodict below it refuses entities. So the raw fields are read here. WeChat doc: 接收普通消息, 接收事件推送.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict

LARGEST_BODY = 64 * 1024
_SCENE_PREFIX = "qrscene_"
_LONGEST_ID = 128


class NotAMessage(Exception):
    """Not XML, a document type, an entity, or a body without the envelope of a push."""


class Kind(StrEnum):
    """What the router tells apart; everything WeChat adds later is OTHER and is acknowledged."""

    TEXT = "text"
    MEDIA = "media"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    SCAN = "scan"
    CLICK = "click"
    VIEW = "view"
    OTHER = "other"


_MEDIA_TYPES = {"image", "voice", "video", "shortvideo", "location", "link"}
_EVENTS = {
    "subscribe": Kind.SUBSCRIBE,
    "unsubscribe": Kind.UNSUBSCRIBE,
    "scan": Kind.SCAN,
    "click": Kind.CLICK,
    "view": Kind.VIEW,
}
# Somebody looks at the screen and waits for words.
WAITED_FOR = {Kind.TEXT, Kind.MEDIA, Kind.SUBSCRIBE, Kind.SCAN, Kind.CLICK}


@dataclass(frozen=True, slots=True)
class Inbound:
    """One push. `identity` is what makes it the same when it is sent again; it names a person, so it is only hashed."""

    kind: Kind
    openid: str = field(repr=False)
    account: str
    sent_at: int
    identity: str = field(repr=False)
    text: str = field(default="", repr=False)
    event_key: str = ""
    scene: str = ""


def read_envelope(body: bytes) -> Mapping[str, Any]:
    """The fields under <xml>. Raises NotAMessage."""
    if len(body) > LARGEST_BODY or b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise NotAMessage
    try:
        parsed = xmltodict.parse(body)
    except (ExpatError, ValueError, LookupError, TypeError, RecursionError):
        raise NotAMessage from None
    envelope = parsed.get("xml") if isinstance(parsed, dict) else None
    if not isinstance(envelope, dict):
        raise NotAMessage
    return envelope


def parse(fields: Mapping[str, Any]) -> Inbound:
    """The push behind the fields. Raises NotAMessage when the envelope is not whole."""
    openid, account, msg_type = (_string(fields, name) for name in ("FromUserName", "ToUserName", "MsgType"))
    created = _string(fields, "CreateTime")
    if not (openid and msg_type) or len(openid) > _LONGEST_ID or not (created.isascii() and created.isdigit()):
        raise NotAMessage
    msg_type = msg_type.lower()
    if msg_type == "event":
        return _parse_event(fields, openid, account, int(created[:15]))
    kind = Kind.TEXT if msg_type == "text" else Kind.MEDIA if msg_type in _MEDIA_TYPES else Kind.OTHER
    content = _string(fields, "Content")
    # MsgId is the rule; without one the content itself tells two messages of one second apart.
    message_id = _string(fields, "MsgId") or f"{created}:{msg_type}:{content}"
    return Inbound(
        kind=kind,
        openid=openid,
        account=account,
        sent_at=int(created[:15]),
        identity=_join("message", openid, message_id),
        text=content,
    )


def _parse_event(fields: Mapping[str, Any], openid: str, account: str, sent_at: int) -> Inbound:
    event = _string(fields, "Event")
    event_key = _string(fields, "EventKey")
    kind = _EVENTS.get(event.lower(), Kind.OTHER)
    scene = ""
    if kind is Kind.SCAN:
        scene = event_key
    elif kind is Kind.SUBSCRIBE and event_key.startswith(_SCENE_PREFIX):
        scene = event_key[len(_SCENE_PREFIX) :]
    return Inbound(
        kind=kind,
        openid=openid,
        account=account,
        sent_at=sent_at,
        # Two results for one person may share a second: the MsgID tells them apart, wherever it stands.
        identity=_join("event", openid, str(sent_at), event, event_key, _find_deep(fields, "MsgID")),
        event_key=event_key,
        scene=scene,
    )


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _find_deep(value: Any, name: str, depth: int = 6) -> str:
    if depth and isinstance(value, Mapping):
        own = value.get(name)
        if isinstance(own, str):
            return own
        return next(filter(None, (_find_deep(inner, name, depth - 1) for inner in value.values())), "")
    if depth and isinstance(value, list):
        return next(filter(None, (_find_deep(inner, name, depth - 1) for inner in value)), "")
    return ""


def _join(*parts: str) -> str:
    """Lengths before the parts: no choice of field values makes two different pushes look alike."""
    return "".join(f"{len(part)}:{part}" for part in parts)
