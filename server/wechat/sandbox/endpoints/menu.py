"""The custom menu: create, read, delete, with the limits of WeChat's menu documentation (lengths count bytes)."""

from typing import Any

from server.wechat.sandbox.api import OK, Answer, Call, Endpoint
from server.wechat.sandbox.errors import ApiError

# Uncertified subscription accounts may not touch the menu through the API.
KINDS = frozenset({"service", "subscription", "service_uncertified"})

MAX_BUTTONS, MAX_SUB_BUTTONS = 3, 5
MAX_KEY_BYTES, MAX_URL_BYTES = 128, 1024
WITH_KEY = frozenset(
    {
        "click",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)
WITH_MEDIA = frozenset({"media_id", "view_limited"})
WITH_ARTICLE = frozenset({"article_id", "article_view_limited"})


class _Level:
    """The same faults have other codes one level down."""

    def __init__(self, *, name_bytes: int, codes: dict[str, int]) -> None:
        self.name_bytes = name_bytes
        self.codes = codes

    def refuse(self, what: str) -> ApiError:
        return ApiError(self.codes[what])


TOP = _Level(
    name_bytes=16, codes={"count": 40016, "type": 40017, "name": 40018, "key": 40019, "url": 40020, "domain": 40055}
)
SUB = _Level(
    name_bytes=60, codes={"count": 40023, "type": 40024, "name": 40025, "key": 40026, "url": 40027, "domain": 40054}
)


def create(call: Call) -> Answer:
    """Replace the whole menu, or refuse it whole."""
    call.refuse_escapes()
    buttons = _buttons(call, call.json.get("button"), TOP, MAX_BUTTONS)
    call.state.menu = buttons
    call.state.menu_id = call.state.next_id()
    return OK


def _buttons(call: Call, asked: object, level: _Level, most: int) -> list[dict[str, Any]]:
    if not isinstance(asked, list) or not 1 <= len(asked) <= most:
        raise level.refuse("count")
    return [_button(call, button, level) for button in asked]


def _button(call: Call, asked: object, level: _Level) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise level.refuse("type")
    name = _text(asked, "name", level, "name", level.name_bytes)
    below = asked.get("sub_button")
    if below:
        if level is SUB:
            raise ApiError(40022)
        if asked.get("type"):
            raise level.refuse("type")
        return {"name": name, "sub_button": _buttons(call, below, SUB, MAX_SUB_BUTTONS)}
    kind = asked.get("type")
    if not kind:
        # A parent whose list is empty has no leaf to tap; a bare button has nothing to do.
        raise SUB.refuse("count") if below == [] else ApiError(65308)
    action = _action(call, kind, asked, level)
    return {"type": kind, "name": name, **action, "sub_button": []}


def _action(call: Call, kind: object, asked: dict[str, Any], level: _Level) -> dict[str, str]:
    if kind in WITH_KEY:
        return {"key": _text(asked, "key", level, "key", MAX_KEY_BYTES)}
    if kind == "view":
        return {"url": _url(asked, level)}
    if kind == "miniprogram":
        appid, pagepath = asked.get("appid"), asked.get("pagepath")
        if appid not in call.box.settings.mini_program_ids or not isinstance(pagepath, str) or not pagepath:
            raise ApiError(45064)
        return {"url": _url(asked, level), "appid": str(appid), "pagepath": pagepath}
    if kind in WITH_MEDIA:
        raise ApiError(40007)  # no permanent material was ever uploaded here
    if kind in WITH_ARTICLE:
        raise ApiError(53600)  # nor an article published
    raise level.refuse("type")


def _text(asked: dict[str, Any], field: str, level: _Level, fault: str, most_bytes: int) -> str:
    value = asked.get(field)
    if not isinstance(value, str) or not 1 <= len(value.encode(errors="replace")) <= most_bytes:
        raise level.refuse(fault)
    return value


def _url(asked: dict[str, Any], level: _Level) -> str:
    url = _text(asked, "url", level, "url", MAX_URL_BYTES)
    if not url.startswith(("http://", "https://")):
        raise level.refuse("domain")
    return url


def get(call: Call) -> Answer:
    """What was created through the API; leaves carry an empty `sub_button`, as WeChat sends it."""
    if call.state.menu is None:
        raise ApiError(46003)
    return {"menu": {"button": call.state.menu}}


def get_current(call: Call) -> Answer:
    """The menu as the followers see it, in the other shape: sub-buttons under `list`."""
    if call.state.menu is None:
        return {"is_menu_open": 0, "selfmenu_info": {"button": []}}
    return {"is_menu_open": 1, "selfmenu_info": {"button": [_as_shown(button) for button in call.state.menu]}}


def _as_shown(button: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in button.items() if key != "sub_button"}
    if button["sub_button"]:
        shown["sub_button"] = {"list": [_as_shown(below) for below in button["sub_button"]]}
    return shown


def delete(call: Call) -> Answer:
    call.state.menu = None
    return OK


ENDPOINTS = (
    Endpoint("/cgi-bin/menu/create", "POST", create, daily=1_000, kinds=KINDS),
    Endpoint("/cgi-bin/menu/get", "GET", get, daily=10_000, kinds=KINDS),
    Endpoint("/cgi-bin/menu/delete", "GET", delete, daily=1_000, kinds=KINDS),
    Endpoint("/cgi-bin/get_current_selfmenu_info", "GET", get_current, kinds=KINDS),
)
