"""Passive replies: plain values, their XML by wechatpy, and the form in which they are kept for a resend.

wechatpy neither splits `]]>` nor drops control characters, so every string is cleaned here before it renders.
WeChat doc: 被动回复用户消息.
"""

import json
from dataclasses import asdict, dataclass

from wechatpy.replies import ArticlesReply, BaseReply, TextReply

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
    common = {"source": clean(from_account), "target": clean(to_openid), "now": str(now)}
    if isinstance(reply, Text):
        return _TEXT.format_map(common | {"content": clean(_cut(reply.content))})
    card = {"title": clean(reply.title), "description": clean(reply.description), "url": clean(reply.url)}
    return _CARD.format_map(common | card)


def _frame(reply: BaseReply) -> str:
    """What wechatpy writes around the values, once for all: its fields take longer than everything else of an answer."""
    return str(reply.render()).replace("<CreateTime>0</CreateTime>", "<CreateTime>{now}</CreateTime>")


def _card_frame() -> str:
    reply = ArticlesReply(source="{source}", target="{target}", time=0)
    reply.add_article({"title": "{title}", "description": "{description}", "image": "", "url": "{url}"})
    return _frame(reply)


_TEXT = _frame(TextReply(source="{source}", target="{target}", time=0, content="{content}"))
_CARD = _card_frame()


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
