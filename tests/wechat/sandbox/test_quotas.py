"""Daily limits by interface, their reset at Beijing's midnight, and the order in which a call is checked."""

from collections.abc import Callable

from .conftest import APP_ID, Driver


def test_the_call_above_the_daily_limit_is_refused_until_midnight_in_beijing(sandbox: Driver) -> None:
    sandbox.post("/clock", now="2026-11-22T23:59:00+08:00")
    sandbox.post("/quotas", path="/cgi-bin/menu/delete", used=999)

    assert sandbox.call("GET", "menu/delete")["errcode"] == 0
    assert sandbox.call("GET", "menu/delete")["errcode"] == 45009
    sandbox.post("/clock", now="2026-11-23T00:00:01+08:00")
    assert sandbox.call("GET", "menu/delete")["errcode"] == 0


def test_one_interface_being_used_up_leaves_the_others_alone(sandbox: Driver) -> None:
    sandbox.post("/quotas", path="/cgi-bin/menu/delete", limit=0)

    assert sandbox.call("GET", "menu/delete")["errcode"] == 45009
    assert sandbox.call("GET", "menu/get")["errcode"] == 46003


def test_clear_quota_opens_everything_again_ten_times_a_month(sandbox: Driver) -> None:
    sandbox.post("/clock", now="2026-11-22T08:00:00+08:00")
    for _ in range(10):
        sandbox.post("/quotas", path="/cgi-bin/menu/delete", used=1_000)
        assert sandbox.call("POST", "clear_quota", json={"appid": APP_ID})["errcode"] == 0
        assert sandbox.call("GET", "menu/delete")["errcode"] == 0

    assert sandbox.call("POST", "clear_quota", json={"appid": APP_ID})["errcode"] == 48006
    sandbox.post("/clock", now="2026-12-01T08:00:00+08:00")
    assert sandbox.call("POST", "clear_quota", json={"appid": APP_ID})["errcode"] == 0


def test_the_minute_limit_of_the_stable_token_ends_with_the_minute(sandbox: Driver) -> None:
    sandbox.post("/clock", now="2026-11-22T08:00:00+08:00")
    sandbox.token()
    usage = sandbox.app.extensions["sandbox"].store
    with usage.change() as state:
        state.usage["/cgi-bin/stable_token"].used_in_minute = 10_000

    body = {"grant_type": "client_credential", "appid": APP_ID, "secret": sandbox.settings.secret}
    assert sandbox.client.post("/cgi-bin/stable_token", json=body).get_json(force=True)["errcode"] == 45011
    sandbox.post("/clock", advance_seconds=60)
    assert sandbox.token()


def test_checks_come_in_the_order_method_token_quota_permission_body(make_sandbox: Callable[..., Driver]) -> None:
    sandbox = make_sandbox(account_kind="subscription")
    sandbox.post("/quotas", path="/cgi-bin/qrcode/create", limit=0)

    assert sandbox.call("GET", "qrcode/create", token="")["errcode"] == 43002
    assert sandbox.call("POST", "qrcode/create", token="")["errcode"] == 41001
    assert sandbox.call("POST", "qrcode/create", data=b"{")["errcode"] == 45009
    sandbox.post("/quotas", path="/cgi-bin/qrcode/create", limit=None)
    assert sandbox.call("POST", "qrcode/create", data=b"{")["errcode"] == 48001


def test_bodies_that_are_empty_broken_or_no_object_have_their_codes(sandbox: Driver) -> None:
    bodies = (b" ", b"{", b"[]", b"\xff", b'{"action_name": "\\ud800"}')
    codes = [sandbox.call("POST", "qrcode/create", data=body)["errcode"] for body in bodies]

    assert codes == [44002, 47001, 47001, 47001, 47001]


def test_an_unknown_path_and_a_wrong_method_have_codes_too(sandbox: Driver) -> None:
    assert sandbox.call("GET", "no/such/thing")["errcode"] == 40066
    assert sandbox.call("POST", "menu/get", json={})["errcode"] == 43001


def test_an_uncertified_subscription_account_may_do_almost_nothing(make_sandbox: Callable[..., Driver]) -> None:
    sandbox = make_sandbox(account_kind="subscription_uncertified")

    codes = [
        sandbox.call("GET", "menu/get")["errcode"],
        sandbox.call("POST", "message/custom/send", json={"touser": "o"})["errcode"],
        sandbox.call("GET", "user/info", query={"openid": "o"})["errcode"],
    ]
    assert codes == [48001, 48001, 48001]
    assert sandbox.call("GET", "getcallbackip")["ip_list"] == ["127.0.0.1", "::1"]
