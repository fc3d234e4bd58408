"""A push as WeChat sends it, read into one shape. Pure; the reader of strangers' bytes.

wechatpy's own parser raises half a dozen kinds of exception on malformed input, rewrites events, wants a numeric MsgId and
loses what a control character stands in. So the raw fields are read here. WeChat doc: 接收普通消息, 接收事件推送.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from xml.parsers.expat import ExpatError, ParserCreate

LARGEST_BODY = 64 * 1024
_DEEPEST = 16  # WeChat's deepest push has five levels
_SCENE_PREFIX = "qrscene_"
_LONGEST_ID = 128
_LONGEST_SECONDS = 11
# What XML 1.0 cannot carry, with lone surrogates, which UTF-8 cannot.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Fields = Mapping[str, str]


class NotAMessage(Exception):
    """Not XML, a document type, or a body without the envelope of a push."""


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


# --- bytes to fields ----------------------------------------------------------------------------------------------


def read_envelope(body: bytes) -> Fields:
    """The texts under <xml> by their path (`MsgId`, `ScanCodeInfo/ScanType`), stripped. Raises NotAMessage.

    A byte that is no UTF-8 or a character that is no XML is read over: people paste such things, and it must not cost them
    the message. Of several elements with one path the first counts.
    """
    if len(body) > LARGEST_BODY:
        raise NotAMessage
    reader = _Reader()
    try:
        return reader.read(without_illegal(body.decode("utf-8-sig", "replace")))
    except ExpatError:
        raise NotAMessage from None


def without_illegal(value: str) -> str:
    return _ILLEGAL.sub("", value)


class _Reader:
    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] = []

    def read(self, xml: str) -> Fields:
        parser = ParserCreate("utf-8")  # whatever the declaration says: it was decoded already
        parser.StartDoctypeDeclHandler = self._refuse  # without a document type there are no entities to expand
        parser.StartElementHandler = self._begin
        parser.CharacterDataHandler = self._text.append
        parser.EndElementHandler = self._end
        parser.Parse(xml.encode(), True)
        return self._fields

    def _refuse(self, *_: object) -> None:
        raise NotAMessage

    def _begin(self, name: str, _attributes: object) -> None:
        if len(self._path) == _DEEPEST or (not self._path and name != "xml"):
            raise NotAMessage
        self._path.append(name)
        self._text.clear()

    def _end(self, _name: str) -> None:
        self._fields.setdefault("/".join(self._path[1:]), "".join(self._text).strip())
        self._path.pop()
        self._text.clear()


# --- fields to a push ---------------------------------------------------------------------------------------------


def parse(fields: Fields) -> Inbound:
    """The push behind the fields. Raises NotAMessage when the envelope is not whole."""
    openid, account = fields.get("FromUserName", ""), fields.get("ToUserName", "")
    msg_type = fields.get("MsgType", "").lower()
    if not (openid and msg_type) or len(openid) > _LONGEST_ID:
        raise NotAMessage
    if msg_type == "event":
        return _parse_event(fields, openid, account)
    kind = Kind.TEXT if msg_type == "text" else Kind.MEDIA if msg_type in _MEDIA_TYPES else Kind.OTHER
    content, created = fields.get("Content", ""), fields.get("CreateTime", "")
    # MsgId is the rule; without one time and content tell two messages apart.
    message_id = fields.get("MsgId", "") or f"{created}:{msg_type}:{content}"
    return Inbound(
        kind=kind,
        openid=openid,
        account=account,
        sent_at=_seconds(created) or 0,
        identity=_join("message", openid, message_id),
        text=content,
    )


def _parse_event(fields: Fields, openid: str, account: str) -> Inbound:
    sent_at = _seconds(fields.get("CreateTime", ""))
    if sent_at is None:
        raise NotAMessage  # nothing would tell this event from the next one of its kind
    event, event_key = fields.get("Event", ""), fields.get("EventKey", "")
    kind = _EVENTS.get(event.lower(), Kind.OTHER)
    scene = ""
    if kind is Kind.SCAN:
        scene = event_key
    elif kind is Kind.SUBSCRIBE and event_key.startswith(_SCENE_PREFIX):
        scene = event_key[len(_SCENE_PREFIX) :]
    # Two results for one person may share a second: the MsgID tells them apart, wherever it stands.
    message_id = next((text for path, text in fields.items() if path.rpartition("/")[2] == "MsgID"), "")
    return Inbound(
        kind=kind,
        openid=openid,
        account=account,
        sent_at=sent_at,
        identity=_join("event", openid, str(sent_at), event, event_key, message_id),
        event_key=event_key,
        scene=scene,
    )


def _seconds(created: str) -> int | None:
    is_time = created.isascii() and created.isdigit() and len(created) <= _LONGEST_SECONDS
    return int(created) if is_time else None


def _join(*parts: str) -> str:
    """Lengths before the parts: no choice of field values makes two different pushes look alike."""
    return "".join(f"{len(part)}:{part}" for part in parts)
