"""The messages and events that a phone's owner causes (wechat doc: receiving messages, receiving events).

Each is the fields below its envelope. CreateTime and MsgId are real time's: a callback refuses what is minutes off, and
a MsgId must not return after the sandbox forgot everything, since the callback remembers those of the last day.
"""

from dataclasses import dataclass

from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.markup import Fields, Value
from server.wechat.sandbox.state import State, Ticket

MESSAGE_ARTICLES, EVENT_ARTICLES = 1, 8


@dataclass(frozen=True)
class Inbound:
    """One push to come. `shows_reply` is false where the resident sees nothing of an answer, nor of its failing."""

    name: str
    openid: str
    fields: Fields
    article_limit: int = EVENT_ARTICLES
    shows_reply: bool = True


def _envelope(box: Sandbox, openid: str, kind: str) -> dict[str, Value]:
    return {
        "ToUserName": box.settings.original_id,
        "FromUserName": openid,
        "CreateTime": int(box.real_now()),
        "MsgType": kind,
    }


def text(box: Sandbox, state: State, openid: str, content: str, *, menu_item: str = "") -> Inbound:
    """A typed message; `menu_item` is the id of a tapped choice of a menu message."""
    fields = _envelope(box, openid, "text") | {"Content": content}
    if menu_item:
        fields["bizmsgmenuid"] = menu_item
    fields["MsgId"] = int(box.real_now() * 1000) * 10_000 + state.next_id() % 10_000
    return Inbound("text", openid, fields, article_limit=MESSAGE_ARTICLES)


def _event(box: Sandbox, openid: str, event: str, *, shows_reply: bool = True, **own: Value) -> Inbound:
    fields = _envelope(box, openid, "event") | {"Event": event} | own
    return Inbound(f"event.{event}", openid, fields, shows_reply=shows_reply)


def subscribe(box: Sandbox, openid: str, ticket: Ticket | None) -> Inbound:
    if ticket is None:
        return _event(box, openid, "subscribe", EventKey="")
    return _event(box, openid, "subscribe", EventKey=f"qrscene_{ticket.scene}", Ticket=ticket.ticket)


def unsubscribe(box: Sandbox, openid: str) -> Inbound:
    return _event(box, openid, "unsubscribe", shows_reply=False, EventKey="")


def scan(box: Sandbox, openid: str, ticket: Ticket) -> Inbound:
    """A follower scanned: the scene comes bare."""
    return _event(box, openid, "SCAN", EventKey=ticket.scene, Ticket=ticket.ticket)


def click(box: Sandbox, openid: str, key: str) -> Inbound:
    return _event(box, openid, "CLICK", EventKey=key)


def view(box: Sandbox, openid: str, url: str, menu_id: int) -> Inbound:
    """The page opens in any case, and nobody waits for the answer."""
    return _event(box, openid, "VIEW", shows_reply=False, EventKey=url, MenuId=menu_id)
