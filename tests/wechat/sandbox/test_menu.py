"""The menu's limits count bytes, and each has its own code for buttons and for sub-buttons."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Driver

LEAF: dict[str, Any] = {"type": "click", "name": "测评", "key": "ASSESS"}
LINK: dict[str, Any] = {"type": "view", "name": "微课", "url": "http://127.0.0.1:8000/h5/courses"}


def create(sandbox: Driver, *buttons: object) -> int:
    return int(sandbox.call("POST", "menu/create", json={"button": list(buttons)})["errcode"])


def parent(*leaves: object) -> dict[str, Any]:
    return {"name": "找人说说", "sub_button": list(leaves)}


def test_a_menu_within_the_limits_comes_back_and_can_be_created_again(sandbox: Driver) -> None:
    assert create(sandbox, LEAF, parent(LEAF, LINK)) == 0

    menu = sandbox.call("GET", "menu/get")["menu"]
    assert menu == {
        "button": [
            {**LEAF, "sub_button": []},
            {"name": "找人说说", "sub_button": [{**LEAF, "sub_button": []}, {**LINK, "sub_button": []}]},
        ]
    }
    assert create(sandbox, *menu["button"]) == 0


def test_the_current_menu_has_its_sub_buttons_under_a_list(sandbox: Driver) -> None:
    create(sandbox, parent(LEAF))

    shown = sandbox.call("GET", "get_current_selfmenu_info")

    assert shown == {
        "is_menu_open": 1,
        "selfmenu_info": {"button": [{"name": "找人说说", "sub_button": {"list": [LEAF]}}]},
    }


def test_without_a_menu_get_says_so(sandbox: Driver) -> None:
    create(sandbox, LEAF)

    assert sandbox.call("GET", "menu/delete")["errcode"] == 0
    assert sandbox.call("GET", "menu/get")["errcode"] == 46003
    assert sandbox.call("GET", "get_current_selfmenu_info")["is_menu_open"] == 0


@pytest.mark.parametrize(
    ("button", "errcode"),
    [
        ({**LEAF, "name": "五个汉字吧"}, 0),  # 15 bytes
        ({**LEAF, "name": "五个汉字呀a"}, 0),  # 16 bytes
        ({**LEAF, "name": "五个汉字呀ab"}, 40018),
        ({**LEAF, "name": ""}, 40018),
        ({**LEAF, "key": "k" * 128}, 0),
        ({**LEAF, "key": "k" * 129}, 40019),
        ({"type": "click", "name": "x"}, 40019),
        ({**LINK, "url": "http://a.cn/" + "u" * 1012}, 0),
        ({**LINK, "url": "http://a.cn/" + "u" * 1013}, 40020),
        ({**LINK, "url": "ftp://a.cn/"}, 40055),
        ({**LEAF, "type": "tap"}, 40017),
        ({"name": "x"}, 65308),
        ({**LEAF, "sub_button": [LEAF]}, 40017),
        ({"type": "media_id", "name": "x", "media_id": "m"}, 40007),
        ({"type": "article_id", "name": "x", "article_id": "a"}, 53600),
        ({"type": "miniprogram", "name": "x", "url": "http://a.cn/", "appid": "wx9", "pagepath": "p"}, 45064),
        (parent(), 40023),
        (parent(*[LEAF] * 5), 0),
        (parent(*[LEAF] * 6), 40023),
        (parent({**LEAF, "name": "字" * 20}), 0),
        (parent({**LEAF, "name": "字" * 20 + "a"}), 40025),
        (parent({**LEAF, "key": "k" * 129}), 40026),
        (parent({**LINK, "url": "http://a.cn/" + "u" * 1013}), 40027),
        (parent({**LINK, "url": "a.cn"}), 40054),
        (parent({**LEAF, "type": "tap"}), 40024),
        (parent(parent(LEAF)), 40022),
        ("not a button", 40017),
    ],
)
def test_each_limit_has_its_code(sandbox: Driver, button: object, errcode: int) -> None:
    assert create(sandbox, button) == errcode


def test_one_to_three_buttons(sandbox: Driver) -> None:
    codes = [create(sandbox, *[LEAF] * count) for count in (0, 1, 3, 4)]

    assert codes == [40016, 0, 0, 40016]


def test_a_refused_menu_leaves_the_old_one_standing(sandbox: Driver) -> None:
    create(sandbox, LEAF)
    create(sandbox, LINK, {**LEAF, "type": "tap"})

    assert sandbox.get("/menu")["menu"] == [{**LEAF, "sub_button": []}]


def test_escaped_characters_are_refused(sandbox: Driver) -> None:
    escaped = json.dumps({"button": [LEAF]})

    assert sandbox.call("POST", "menu/create", data=escaped)["errcode"] == 40033


def test_a_linked_mini_program_may_stand_in_the_menu(make_sandbox: Callable[..., Driver]) -> None:
    sandbox = make_sandbox(mini_program_ids=("wx9",))

    button = {"type": "miniprogram", "name": "x", "url": "http://a.cn/", "appid": "wx9", "pagepath": "pages/index"}
    assert create(sandbox, button) == 0
