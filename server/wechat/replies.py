"""Passive replies: plain values, their XML by wechatpy, and the form in which they are kept for a resend.

wechatpy neither splits `]]>` nor drops control characters, so every string is cleaned here before it renders.
WeChat doc: 被动回复用户消息.
"""

import json
from dataclasses import asdict, dataclass

from wechatpy.replies import ArticlesReply, TextReply

from server.wechat.inbound import without_illegal

LONGEST_TEXT_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Text:
    content: str


@dataclass(frozen=True, slots=True)
class Card:
    """One article: WeChat shows a single one in answer to a message."""

    title: str
    description: str
    url: str


Reply = Text | Card


def render(reply: Reply, *, to_openid: str, from_account: str, now: int) -> str:
    """The reply's XML. A text over WeChat's limit loses its last lines, so that no link is cut in two."""
    common = {"source": clean(from_account), "target": clean(to_openid), "time": now}
    if isinstance(reply, Text):
        return str(TextReply(content=clean(_cut(reply.content)), **common).render())
    rendered = ArticlesReply(**common)
    rendered.add_article(
        {
            "title": clean(reply.title),
            "description": clean(reply.description),
            "image": "",
            "url": clean(reply.url),
        }
    )
    return str(rendered.render())


def clean(value: str) -> str:
    """Safe inside CDATA."""
    return without_illegal(value).replace("]]>", "]]]]><![CDATA[>")


def _cut(content: str) -> str:
    encoded = content.encode("utf-8", "ignore")
    if len(encoded) <= LONGEST_TEXT_BYTES:
        return content
    kept = encoded[:LONGEST_TEXT_BYTES].decode("utf-8", "ignore")
    return kept.rpartition("\n")[0] or kept


def dump(reply: Reply | None) -> str:
    """The reply as it is kept beside the message's key."""
    return "" if reply is None else json.dumps([type(reply).__name__, asdict(reply)], ensure_ascii=False)


def load(kept: str) -> Reply | None:
    if not kept:
        return None
    kind, fields = json.loads(kept)
    return Card(**fields) if kind == "Card" else Text(**fields)
