"""Parametric QR codes of the account (wechat doc: generating a QR code with parameters)."""

import base64
import hashlib
import io
import re
import secrets
from functools import lru_cache
from typing import Any

import qrcode

from server.wechat.sandbox.api import Answer, Binary, Call, Endpoint
from server.wechat.sandbox.errors import ApiError
from server.wechat.sandbox.state import Ticket

KINDS = frozenset({"service"})
MAX_EXPIRE_SECONDS = 2_592_000
DEFAULT_EXPIRE_SECONDS = 60
MAX_PERMANENT = 100_000
CODE_PREFIX = "http://weixin.qq.com/q/"

# action_name -> (the scene is text, the code is permanent)
ACTIONS = {
    "QR_SCENE": (False, False),
    "QR_STR_SCENE": (True, False),
    "QR_LIMIT_SCENE": (False, True),
    "QR_LIMIT_STR_SCENE": (True, True),
}


def create(call: Call) -> Answer:
    """A ticket for the picture, and the content to draw oneself."""
    asked = call.json
    action_name = asked.get("action_name")
    if not isinstance(action_name, str) or action_name not in ACTIONS:
        raise ApiError(40052)
    is_text, is_permanent = ACTIONS[action_name]
    scene = _scene(asked.get("action_info"), is_text=is_text, is_permanent=is_permanent)
    if is_permanent:
        return _shown(_permanent(call, action_name, scene, is_text=is_text))
    seconds = asked.get("expire_seconds", DEFAULT_EXPIRE_SECONDS)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= MAX_EXPIRE_SECONDS:
        raise ApiError(40097, "expire_seconds")
    made = _ticket(action_name, scene, secrets.token_bytes(64), is_text=is_text, now=call.now, seconds=seconds)
    call.state.tickets[made.ticket] = made
    return {**_shown(made), "expire_seconds": seconds}


def _scene(info: object, *, is_text: bool, is_permanent: bool) -> str:
    scene: Any = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(scene, dict):
        raise ApiError(40053)
    value = scene.get("scene_str" if is_text else "scene_id")
    if is_text:
        if not isinstance(value, str) or not 1 <= len(value) <= 64:
            raise ApiError(40053)
        return value
    most = MAX_PERMANENT if is_permanent else 2**32 - 1
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ApiError(40053)
    return str(value)


def _permanent(call: Call, action_name: str, scene: str, *, is_text: bool) -> Ticket:
    """The code of a scene is for ever the same, so that a poster survives even the loss of the sandbox's memory."""
    seed = hashlib.sha512(f"{call.box.settings.app_id}|{action_name}|{scene}".encode()).digest()
    made = _ticket(action_name, scene, seed, is_text=is_text, now=call.now, seconds=None)
    if made.ticket not in call.state.tickets:
        if sum(ticket.expires_at is None for ticket in call.state.tickets.values()) >= MAX_PERMANENT:
            raise ApiError(45029)
        call.state.tickets[made.ticket] = made
    return made


def _ticket(action_name: str, scene: str, seed: bytes, *, is_text: bool, now: float, seconds: int | None) -> Ticket:
    # As at Tencent's, the ticket is base64 with `+`, `/` and `==`: whoever forgets to quote it gets no picture.
    ticket = "gQ" + base64.b64encode(b"\x00\x8f" + seed[:49] + b"\xfb\xff\xbe").decode() + "=="
    url = CODE_PREFIX + "02" + re.sub(r"[^A-Za-z0-9]", "", base64.b64encode(seed[::-1]).decode())[:20]
    expires_at = None if seconds is None else now + seconds
    return Ticket(ticket, url, scene, is_text, action_name, created_at=now, expires_at=expires_at)


def _shown(ticket: Ticket) -> dict[str, Any]:
    return {"ticket": ticket.ticket, "url": ticket.url}


def show(call: Call) -> Answer:
    """The picture, from the mp host's path, open to everybody who has the ticket."""
    ticket = call.state.tickets.get(call.query.get("ticket", ""))
    if ticket is None or (ticket.expires_at is not None and ticket.expires_at <= call.now):
        return Binary(b"<html><body><h1>404 Not Found</h1></body></html>", "text/html", 404)
    return Binary(draw(ticket.url), "image/jpg")


@lru_cache(maxsize=256)
def draw(content: str) -> bytes:
    """A JPEG of 430 pixels, the size in which WeChat hands out its codes. A list of posters asks for many at once."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=2)
    code.add_data(content)
    picture = code.make_image().get_image().convert("L").resize((430, 430))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


ENDPOINTS = (
    Endpoint("/cgi-bin/qrcode/create", "POST", create, daily=100_000, kinds=KINDS),
    Endpoint("/cgi-bin/showqrcode", "GET", show, needs_token=False),
)
