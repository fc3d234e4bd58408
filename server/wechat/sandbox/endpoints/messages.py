"""Customer-service messages: what an account may say unasked, and for how long after a resident's act."""

from typing import Any

from server.wechat.sandbox import windows
from server.wechat.sandbox.api import CERTIFIED, OK, Answer, Call, Endpoint
from server.wechat.sandbox.errors import ApiError
from server.wechat.sandbox.state import Article, Entry

MAX_TEXT_BYTES = 2048
NEED_MEDIA = frozenset({"image", "voice", "video", "music", "mpnews"})
# The platform knows these too; nothing here can carry them.
NOT_GRANTED = frozenset({"mpnewsarticle", "msgmenu", "wxcard", "miniprogrampage", "link"})


def send(call: Call) -> Answer:
    """Show a message in one resident's chat, if a window is open (wechat doc: customer-service message)."""
    asked = call.json
    openid = asked.get("touser")
    resident = call.state.residents.get(openid) if isinstance(openid, str) else None
    if resident is None:
        raise ApiError(40003)
    content = _content(asked)
    if (asked.get("customservice") or {}) != {}:
        raise ApiError(65401)  # nobody has been given a customer-service account
    if not resident.is_follower:
        raise ApiError(45015)
    windows.use(call.state, resident.openid, call.now)
    entry = Entry(id=call.state.next_id(), at=call.now, sender="account", via="service_message", **content)
    call.state.add_entry(resident.openid, entry)
    return OK


def _content(asked: dict[str, Any]) -> dict[str, Any]:
    kind = asked.get("msgtype")
    inner = asked.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, dict):
        inner = {}
    if kind == "text":
        return {"kind": "text", "text": _text(inner)}
    if kind == "news":
        return {"kind": "news", "articles": [_article(inner)]}
    if kind in NEED_MEDIA:
        raise ApiError(40007)
    raise ApiError(48008 if kind in NOT_GRANTED else 40008)


def _text(inner: dict[str, Any]) -> str:
    content = inner.get("content")
    if not isinstance(content, str) or not content:
        raise ApiError(44004)
    if len(content.encode(errors="replace")) > MAX_TEXT_BYTES:
        raise ApiError(45002)
    return content


def _article(inner: dict[str, Any]) -> Article:
    """Exactly one, since 2018."""
    articles = inner.get("articles")
    if not isinstance(articles, list) or not articles or not isinstance(articles[0], dict):
        raise ApiError(44003)
    if len(articles) > 1:
        raise ApiError(45008)
    article = {name: articles[0].get(name) or "" for name in ("title", "description", "url", "picurl")}
    if not all(isinstance(value, str) for value in article.values()):
        raise ApiError(47001)
    return Article(article["title"], article["description"], article["picurl"], article["url"])


ENDPOINTS = (Endpoint("/cgi-bin/message/custom/send", "POST", send, daily=500_000, kinds=CERTIFIED),)
