"""What a resident does with the phone, and what WeChat makes of it: follow, leave, scan, write, tap the menu.

Each act changes the memory under the lock, lets go of it, and then pushes; the windows for customer-service messages
open with the act itself, whether or not the callback answers.
"""

from dataclasses import dataclass
from typing import Literal

from server.wechat.sandbox import events, push, windows
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.endpoints.qrcode import CODE_PREFIX
from server.wechat.sandbox.state import Entry, Push, Resident, State, Ticket
from server.wechat.sandbox.texts import notice


class PhoneError(Exception):
    """The phone does not do this, and says why by a code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Scan:
    """What a code led to: an event sent, the account's profile, a web page, or mere text."""

    result: Literal["sent", "profile", "page", "text"]
    push: Push | None = None
    ticket: str = ""
    content: str = ""


def find_resident(state: State, who: str) -> Resident:
    """By openid or id. Raises PhoneError."""
    found = state.residents.get(who) or next((one for one in state.residents.values() if one.id == who), None)
    if found is None:
        raise PhoneError("unknown_resident", f"There is no resident {who!r}.")
    return found


def follow(box: Sandbox, who: str, *, code: str = "") -> Push:
    """Follow, by a scanned `code` or without one. Raises PhoneError."""
    with box.store.change() as state:
        resident = find_resident(state, who)
        if resident.is_follower:
            raise PhoneError("already_following", f"{resident.id} follows already.")
        ticket = get_ticket(state, code, box.now(state)) if code else None
        resident.is_follower = True
        resident.followed_at = box.now(state)
        resident.follow_scene = "ADD_SCENE_QR_CODE" if ticket else "ADD_SCENE_SEARCH"
        resident.qr_scene = ticket.scene if ticket else ""
        resident.qr_scene_is_text = ticket.is_text if ticket else True
        windows.open_window(state, resident.openid, "follow", box.now(state))
        _add_notice(box, state, resident, "followed")
        inbound = events.subscribe(box, resident.openid, ticket)
    return push.send(box, inbound)


def unfollow(box: Sandbox, who: str) -> Push:
    """Leave: no reply reaches the resident any more. Raises PhoneError."""
    with box.store.change() as state:
        resident = _follower(state, who)
        resident.is_follower = False
        windows.close_all(state, resident.openid)
        _add_notice(box, state, resident, "unfollowed")
    return push.send(box, events.unsubscribe(box, resident.openid))


def scan(box: Sandbox, who: str, content: str, *, is_following_at_once: bool = False) -> Scan:
    """Scan what a QR code holds: a code of the account, an address, or words. Raises PhoneError.

    Somebody who does not follow gets the profile, as on a real phone; `is_following_at_once` taps its button too.
    """
    with box.store.change() as state:
        resident = find_resident(state, who)
        ticket = find_ticket(state, content, box.now(state))
        if ticket is None:
            is_address = content.startswith(("http://", "https://"))
            return Scan("page" if is_address else "text", content=content)
        inbound = None
        if resident.is_follower:
            windows.open_window(state, resident.openid, "scan", box.now(state))
            inbound = events.scan(box, resident.openid, ticket)
    if inbound is not None:
        return Scan("sent", push=push.send(box, inbound), ticket=ticket.ticket)
    if is_following_at_once:
        return Scan("sent", push=follow(box, who, code=ticket.ticket), ticket=ticket.ticket)
    return Scan("profile", ticket=ticket.ticket)


def find_ticket(state: State, content: str, now: float) -> Ticket | None:
    """The account's code with this content; None when it is somebody else's. Raises PhoneError.

    A code of the account that this memory does not know, or that has expired, is an error: the phone says so.
    """
    ticket = state.tickets.get(content) or next((one for one in state.tickets.values() if one.url == content), None)
    if ticket is None:
        if content.startswith(CODE_PREFIX):
            raise PhoneError("unknown_code", "This account made no such QR code.")
        return None
    if ticket.expires_at is not None and ticket.expires_at <= now:
        raise PhoneError("code_expired", "This QR code has expired.")
    return ticket


def get_ticket(state: State, name: str, now: float) -> Ticket:
    """By content, ticket or scene (of several with one scene the newest). Raises PhoneError."""
    newest = next((one for one in reversed(state.tickets.values()) if one.scene == name), None)
    ticket = find_ticket(state, newest.ticket if newest is not None else name, now)
    if ticket is None:
        raise PhoneError("unknown_code", "This account made no such QR code.")
    return ticket


def write(box: Sandbox, who: str, content: str, *, menu_item: str = "", client_ref: str = "") -> tuple[Entry, Push]:
    """Send a text. It stands in the chat at once, before anybody answers. Raises PhoneError."""
    with box.store.change() as state:
        resident = _follower(state, who)
        now = box.now(state)
        windows.open_window(state, resident.openid, "message", now)
        entry = Entry(state.next_id(), now, "resident", "text", text=content, client_ref=client_ref)
        state.add_entry(resident.openid, entry)
        inbound = events.text(box, state, resident.openid, content, menu_item=menu_item)
    return entry, push.send(box, inbound)


def click(box: Sandbox, who: str, key: str) -> Push:
    """Tap a menu button of type click. Raises PhoneError."""
    with box.store.change() as state:
        resident = _follower(state, who)
        windows.open_window(state, resident.openid, "click", box.now(state))
        inbound = events.click(box, resident.openid, key)
    return push.send(box, inbound)


def view(box: Sandbox, who: str, url: str) -> Push:
    """Tap a menu button of type view: the account learns of it, no window opens. Raises PhoneError."""
    with box.store.change() as state:
        resident = _follower(state, who)
        inbound = events.view(box, resident.openid, url, state.menu_id)
    return push.send(box, inbound)


def _follower(state: State, who: str) -> Resident:
    resident = find_resident(state, who)
    if not resident.is_follower:
        raise PhoneError("not_following", f"{resident.id} does not follow the account.")
    return resident


def _add_notice(box: Sandbox, state: State, resident: Resident, code: str) -> None:
    entry = Entry(state.next_id(), box.now(state), "notice", "notice", text=notice(code), notice=code)
    state.add_entry(resident.openid, entry)
