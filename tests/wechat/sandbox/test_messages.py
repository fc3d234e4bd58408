"""Customer-service messages: the windows that a resident's acts open, and what may be said in them."""

from typing import Any

import pytest

from .conftest import RESIDENT, Driver


def openid_of(sandbox: Driver, resident: str = RESIDENT) -> str:
    return str(next(one["openid"] for one in sandbox.get("/residents")["residents"] if one["id"] == resident))


def send(sandbox: Driver, said: str = "您好", **more: object) -> int:
    body = {"touser": openid_of(sandbox), "msgtype": "text", "text": {"content": said}} | more
    return int(sandbox.call("POST", "message/custom/send", json=body)["errcode"])


def codes(sandbox: Driver, count: int) -> list[int]:
    return [send(sandbox) for _ in range(count)]


def let_follow_window_pass(sandbox: Driver) -> None:
    sandbox.post("/clock", advance_seconds=61)


def test_a_follow_allows_three_messages_within_a_minute(sandbox: Driver, follower: str) -> None:
    assert codes(sandbox, 4) == [0, 0, 0, 45047]
    let_follow_window_pass(sandbox)
    assert send(sandbox) == 45015


def test_a_message_allows_five_within_48_hours(sandbox: Driver, follower: str) -> None:
    let_follow_window_pass(sandbox)
    sandbox.say("在吗")

    assert codes(sandbox, 6) == [0, 0, 0, 0, 0, 45047]


def test_the_window_of_a_message_ends_after_48_hours(sandbox: Driver, follower: str) -> None:
    sandbox.say("在吗")
    sandbox.post("/clock", advance_seconds=48 * 3600 - 5)
    assert send(sandbox) == 0
    sandbox.post("/clock", advance_seconds=10)
    assert send(sandbox) == 45015


def test_a_menu_tap_and_a_scan_allow_three_each_within_a_minute(sandbox: Driver, follower: str) -> None:
    sandbox.make_code("street-1")
    let_follow_window_pass(sandbox)

    sandbox.post("/click", resident=follower, key="ASSESS")
    assert codes(sandbox, 4) == [0, 0, 0, 45047]
    sandbox.post("/scan", resident=follower, scene="street-1")
    assert codes(sandbox, 4) == [0, 0, 0, 45047]


def test_opening_a_page_from_the_menu_allows_nothing(sandbox: Driver, follower: str) -> None:
    let_follow_window_pass(sandbox)
    sandbox.post("/view", resident=follower, url="http://127.0.0.1:8000/h5/")

    assert send(sandbox) == 45015


def test_a_second_message_renews_the_five_and_does_not_add_to_them(sandbox: Driver, follower: str) -> None:
    let_follow_window_pass(sandbox)
    sandbox.say("在吗")
    codes(sandbox, 2)
    sandbox.say("在吗？")

    assert codes(sandbox, 6) == [0, 0, 0, 0, 0, 45047]


def test_the_window_that_ends_first_is_spent_first(sandbox: Driver, follower: str) -> None:
    sandbox.say("在吗")
    codes(sandbox, 3)
    let_follow_window_pass(sandbox)

    assert codes(sandbox, 6) == [0, 0, 0, 0, 0, 45047]


def test_whoever_left_cannot_be_written_to(sandbox: Driver, follower: str) -> None:
    sandbox.say("在吗")
    sandbox.post("/unfollow", resident=follower)
    assert send(sandbox) == 45015
    sandbox.post("/follow", resident=follower)
    assert codes(sandbox, 4) == [0, 0, 0, 45047]


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"touser": "o-nobody"}, 40003),
        ({"touser": 5}, 40003),
        ({"msgtype": "poem"}, 40008),
        ({"msgtype": None}, 40008),
        ({"msgtype": "image", "image": {"media_id": "m"}}, 40007),
        ({"msgtype": "msgmenu", "msgmenu": {}}, 48008),
        ({"text": {"content": ""}}, 44004),
        ({"text": {"content": "字" * 682}}, 0),
        ({"text": {"content": "字" * 683}}, 45002),
        ({"text": "hello"}, 44004),
        ({"msgtype": "news", "news": {"articles": []}}, 44003),
        ({"msgtype": "news", "news": {"articles": [{"title": "a"}, {"title": "b"}]}}, 45008),
        ({"msgtype": "news", "news": {"articles": [{"title": 5}]}}, 47001),
        ({"customservice": {"kf_account": "a@b"}}, 65401),
    ],
)
def test_what_a_message_must_be(sandbox: Driver, follower: str, body: dict[str, Any], errcode: int) -> None:
    assert send(sandbox, **body) == errcode


def test_a_refused_message_spends_nothing(sandbox: Driver, follower: str) -> None:
    for _ in range(5):
        send(sandbox, "")

    assert codes(sandbox, 4) == [0, 0, 0, 45047]


def test_text_and_card_arrive_in_the_chat(sandbox: Driver, follower: str) -> None:
    article = {"title": "睡前的十分钟", "description": "呼吸练习", "url": "http://a.cn/1", "picurl": ""}
    send(sandbox, "老师已经看到了")
    send(sandbox, msgtype="news", news={"articles": [article]})

    text, card = sandbox.chat()[-2:]
    assert (text["sender"], text["via"], text["text"]) == ("account", "service_message", "老师已经看到了")
    assert card["articles"] == [
        {"title": "睡前的十分钟", "description": "呼吸练习", "picture_url": "", "url": "http://a.cn/1"}
    ]
