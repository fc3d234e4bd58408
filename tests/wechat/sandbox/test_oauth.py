"""A page that asks who opened it: the way there, the code, and every way in which WeChat says no."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import APP_ID, RESIDENT, SECRET, Driver

BACK = "http://127.0.0.1:8000/h5/me/wechat/back"
ASKED = {"appid": APP_ID, "redirect_uri": BACK, "response_type": "code", "scope": "snsapi_base", "state": "s t"}


def authorize(sandbox: Driver, who: str = RESIDENT, **changed: str) -> Any:
    if who:
        sandbox.client.set_cookie("xq_sandbox_phone", who, path="/connect")
    return sandbox.client.get("/connect/oauth2/authorize", query_string=ASKED | changed)


def code_for(sandbox: Driver, who: str = RESIDENT) -> str:
    return parse_qs(urlsplit(authorize(sandbox, who).headers["Location"]).query)["code"][0]


def redeem(sandbox: Driver, **changed: str) -> Any:
    query = {"appid": APP_ID, "secret": SECRET, "grant_type": "authorization_code"} | changed
    return sandbox.client.get("/sns/oauth2/access_token", query_string=query).get_json(force=True)


def openid(sandbox: Driver, who: str = RESIDENT) -> str:
    return next(one["openid"] for one in sandbox.get("/residents")["residents"] if one["id"] == who)


def test_the_browser_is_sent_back_with_a_code_and_the_pages_own_state(sandbox: Driver) -> None:
    answer = authorize(sandbox)
    back = urlsplit(answer.headers["Location"])

    assert answer.status_code == 302
    assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
    assert parse_qs(back.query)["state"] == ["s t"]


def test_the_code_tells_the_openid_once(sandbox: Driver) -> None:
    code = code_for(sandbox)
    answer = redeem(sandbox, code=code)

    assert (answer["openid"], answer["scope"]) == (openid(sandbox), "snsapi_base")
    assert "unionid" not in answer
    assert "is_snapshotuser" not in answer
    assert redeem(sandbox, code=code)["errcode"] == 40163


def test_two_people_have_two_codes(sandbox: Driver) -> None:
    first, second = code_for(sandbox), code_for(sandbox, "li-qiang")

    assert redeem(sandbox, code=second)["openid"] == openid(sandbox, "li-qiang")
    assert redeem(sandbox, code=first)["openid"] == openid(sandbox)


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"code": "never"}, 40029),
        ({"code": ""}, 41008),
        ({"appid": "wxother"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"grant_type": "client_credential"}, 40002),
    ],
)
def test_what_is_wrong_has_its_code_and_uses_nothing_up(sandbox: Driver, changed: dict[str, str], errcode: int) -> None:
    code = code_for(sandbox)

    assert redeem(sandbox, **{"code": code} | changed)["errcode"] == errcode
    assert redeem(sandbox, code=code)["openid"]


def test_after_five_minutes_the_code_is_over(sandbox: Driver) -> None:
    code = code_for(sandbox)
    sandbox.post("/clock", advance_seconds=300)

    assert redeem(sandbox, code=code)["errcode"] == 42003


def test_a_snapshot_visitor_is_nobody(sandbox: Driver) -> None:
    sandbox.post("/account", is_snapshot=True)
    answer = redeem(sandbox, code=code_for(sandbox))

    assert answer["is_snapshotuser"] == 1
    assert answer["openid"] != openid(sandbox)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"appid": "wxother"}, "AppID"),
        ({"scope": "snsapi_everything"}, "10005"),
        ({"response_type": "token"}, "10005"),
        ({"redirect_uri": "https://evil.example/h5/me"}, "10003"),
    ],
)
def test_a_page_that_asks_wrongly_gets_wechats_own_page(sandbox: Driver, changed: dict[str, str], says: str) -> None:
    answer = authorize(sandbox, **changed)

    assert answer.status_code == 200
    assert says in answer.text


def test_outside_wechat_nobody_is_told(sandbox: Driver) -> None:
    assert "微信客户端" in authorize(sandbox, who="").text


@pytest.mark.parametrize("kind", ["subscription", "service_uncertified", "subscription_uncertified"])
def test_only_a_certified_service_account_may_ask(make_sandbox: Callable[..., Driver], kind: str) -> None:
    sandbox = make_sandbox(account_kind=kind)

    assert "10005" in authorize(sandbox).text
    assert redeem(sandbox, code="x")["errcode"] == 48001


def test_unionids_are_told_of_followers_of_a_bound_account_only(sandbox: Driver, follower: str) -> None:
    query = {"openid": openid(sandbox)}
    assert "unionid" not in sandbox.call("GET", "user/info", query=query)
    sandbox.post("/account", is_bound=True)
    alone = sandbox.call("GET", "user/info", query=query)
    batch = sandbox.call("POST", "user/info/batchget", json={"user_list": [{"openid": openid(sandbox)}]})

    assert alone["unionid"] == batch["user_info_list"][0]["unionid"]


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        ([{"openid": "o-nobody"}], 40003),
        ([{"openid": "o"}] * 101, 40032),
        ([], 47001),
        ("o", 47001),
    ],
)
def test_a_batch_that_is_wrong_is_refused_as_a_whole(sandbox: Driver, asked: object, errcode: int) -> None:
    assert sandbox.call("POST", "user/info/batchget", json={"user_list": asked})["errcode"] == errcode
