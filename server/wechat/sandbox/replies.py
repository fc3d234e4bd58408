"""The callback's answer to a push, checked as WeChat checks it (wechat doc: passive reply, message encryption)."""

from dataclasses import dataclass

from server.wechat.sandbox import markup
from server.wechat.sandbox.crypto import CryptoError, MessageCipher, is_signed
from server.wechat.sandbox.settings import SandboxSettings
from server.wechat.sandbox.state import Article, Reply

MAX_TEXT_BYTES = 2048
# Their MediaId is looked up; nothing was ever uploaded here.
NEED_MEDIA = frozenset({"image", "voice", "video", "music"})


class BadReplyError(Exception):
    """The resident reads that the account is out of service; the message says what is wrong for those who build it."""


@dataclass(frozen=True)
class Expected:
    """Who must answer whom, and how many articles may stand: 1 after a message, 8 after an event."""

    resident: str
    account: str
    article_limit: int


def unwrap(body: bytes, settings: SandboxSettings, *, is_encrypted: bool) -> bytes | None:
    """The reply itself, decrypted, its signature checked; None for "nothing to say". Raises BadReplyError."""
    if body in (b"", b"success"):  # to the letter, and never encrypted
        return None
    if not is_encrypted:
        return body
    try:
        outer = markup.parse(body)
    except markup.MarkupError as fault:
        raise BadReplyError(f"the answer is {fault}") from None
    sealed = outer.text_of("Encrypt")
    if sealed is None:
        if settings.mode == "compatible":
            return body
        raise BadReplyError("the answer must be encrypted in safe mode")
    timestamp, nonce = outer.text_of("TimeStamp"), outer.text_of("Nonce")
    if not timestamp or not nonce or not timestamp.isdigit():
        raise BadReplyError("TimeStamp or Nonce is missing")
    if not is_signed(outer.text_of("MsgSignature") or "", settings.token, timestamp, nonce, sealed):
        raise BadReplyError("MsgSignature is wrong")
    try:
        return MessageCipher(settings.aes_key, settings.app_id).open(sealed)
    except CryptoError as fault:
        raise BadReplyError(str(fault)) from None


def read(message: bytes, expected: Expected) -> Reply:
    """What the resident sees of a plain reply. Raises BadReplyError."""
    try:
        root = markup.parse(message)
    except markup.MarkupError as fault:
        raise BadReplyError(f"the reply is {fault}") from None
    if root.tag != "xml":
        raise BadReplyError("the root element must be <xml>")
    if root.text_of("ToUserName") != expected.resident or root.text_of("FromUserName") != expected.account:
        raise BadReplyError("ToUserName and FromUserName must be those of the push, swapped")
    if not (root.text_of("CreateTime") or "").isdigit():
        raise BadReplyError("CreateTime must be unix seconds")
    kind = root.text_of("MsgType")
    if kind == "text":
        return Reply("text", text=_content(root))
    if kind == "news":
        return _news(root, expected.article_limit)
    if kind == "transfer_customer_service":
        return Reply(kind)
    if kind in NEED_MEDIA:
        raise BadReplyError(f"the MediaId of this {kind} was never uploaded")
    raise BadReplyError(f"unknown MsgType {kind!r}")


def _content(root: markup.Element) -> str:
    content = root.text_of("Content") or ""
    if not content.strip():
        raise BadReplyError("Content is empty")
    if len(content.encode()) > MAX_TEXT_BYTES:
        raise BadReplyError(f"Content has more than {MAX_TEXT_BYTES} bytes")
    return content


def _news(root: markup.Element, limit: int) -> Reply:
    listed = root.first("Articles")
    items = listed.all("item") if listed is not None else []
    if not items or (root.text_of("ArticleCount") or "") != str(len(items)):
        raise BadReplyError("ArticleCount must be the number of items under Articles")
    articles = [
        Article(*(item.text_of(tag) or "" for tag in ("Title", "Description", "PicUrl", "Url"))) for item in items
    ]
    # Above the cap WeChat drops without a word, since 2018-10-12.
    return Reply("news", articles=articles[:limit], dropped=len(articles[limit:]))
