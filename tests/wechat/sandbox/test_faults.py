"""Faults on demand: each does what it says, as often as it was asked, where it was asked."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from .callback import Callback
from .conftest import RESIDENT, Driver

MENU_GET, CREATE = "/cgi-bin/menu/get", "/cgi-bin/qrcode/create"
CODE = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "s"}}}


def add(sandbox: Driver, kind: str, **more: object) -> Any:
    return sandbox.client.post("/sandbox/faults", json={"kind": kind, **more}).get_json()["fault"]


def test_a_forced_error_code_is_given_as_often_as_asked_and_only_on_its_path(sandbox: Driver) -> None:
    add(sandbox, "errcode", path=MENU_GET, errcode=-1, count=2)

    assert sandbox.call("GET", "getcallbackip").get("errcode") is None
    assert [sandbox.call("GET", "menu/get")["errcode"] for _ in range(3)] == [-1, -1, 46003]
    assert sandbox.get("/faults")["faults"] == []


def test_an_error_code_may_come_as_text_with_its_own_words(sandbox: Driver) -> None:
    add(sandbox, "errcode", path=MENU_GET, errcode=45009, errcode_as_text=True, errmsg="api freq out of limit")

    assert sandbox.call("GET", "menu/get") == {"errcode": "45009", "errmsg": "api freq out of limit"}


def test_a_gateway_page_comes_instead_of_the_work(sandbox: Driver) -> None:
    token = sandbox.token()
    add(sandbox, "http_502")

    answer = sandbox.respond("POST", "qrcode/create", token=token, json=CODE)

    assert (answer.status_code, answer.mimetype) == (502, "text/html")
    assert sandbox.get("/tickets")["tickets"] == []


def test_truncated_json_comes_after_the_work(sandbox: Driver) -> None:
    add(sandbox, "truncated", path=CREATE)

    answer = sandbox.respond("POST", "qrcode/create", json=CODE)

    assert answer.data.startswith(b'{"ticket"')
    assert not answer.data.endswith(b"}")
    assert len(sandbox.get("/tickets")["tickets"]) == 1


def test_a_delay_comes_after_the_work(make_sandbox: Callable[..., Driver]) -> None:
    waited: list[float] = []
    sandbox = make_sandbox(sleep=waited.append)
    add(sandbox, "delay", path=CREATE, seconds=12)

    assert "ticket" in sandbox.call("POST", "qrcode/create", json=CODE)
    assert waited == [12]


def test_a_dropped_connection_leaves_the_work_done(sandbox: Driver, serve: Callable[[Driver], str]) -> None:
    address = serve(sandbox)
    token = sandbox.token()
    add(sandbox, "drop", path=CREATE)

    with pytest.raises(requests.ConnectionError):
        requests.post(f"{address}{CREATE}", params={"access_token": token}, json=CODE, timeout=5)

    assert len(sandbox.get("/tickets")["tickets"]) == 1
    assert "ticket" in requests.post(f"{address}{CREATE}", params={"access_token": token}, json=CODE, timeout=5).json()


def test_a_token_can_be_revoked_under_a_call(sandbox: Driver) -> None:
    token = sandbox.token()
    add(sandbox, "revoke_token", path=MENU_GET)

    assert sandbox.call("GET", "menu/get", token=token)["errcode"] == 40001
    assert sandbox.call("GET", "menu/get")["errcode"] == 46003


def test_a_token_answer_may_lack_its_lifetime(sandbox: Driver) -> None:
    add(sandbox, "no_expires_in", path="/cgi-bin/stable_token")
    body = {"grant_type": "client_credential", "appid": sandbox.settings.app_id, "secret": sandbox.settings.secret}

    first, second = (sandbox.client.post("/cgi-bin/stable_token", json=body).get_json(force=True) for _ in range(2))

    assert list(first) == ["access_token"]
    assert second["access_token"] == first["access_token"]


def test_a_fault_without_a_count_stays_until_it_is_taken_away(sandbox: Driver) -> None:
    fault = add(sandbox, "errcode", path=MENU_GET, errcode=45009, count=None)
    other = add(sandbox, "http_502", path="/cgi-bin/elsewhere")

    assert [sandbox.call("GET", "menu/get")["errcode"] for _ in range(5)] == [45009] * 5
    assert sandbox.client.delete(f"/sandbox/faults/{fault['id']}").get_json()["faults"] == [other]
    assert sandbox.call("GET", "menu/get")["errcode"] == 46003
    assert sandbox.client.delete("/sandbox/faults").json == {"faults": []}
    assert sandbox.client.delete(f"/sandbox/faults/{fault['id']}").status_code == 404


def test_a_push_may_be_delivered_again_although_it_was_answered(
    sandbox: Driver, callback: Callback, follower: str
) -> None:
    callback.received.clear()
    add(sandbox, "push_duplicate", times=2)

    push = sandbox.say("在吗")

    assert len({received.message for received in callback.received}) == 1
    assert [attempt["is_duplicate"] for attempt in push["attempts"]] == [False, True, True]
    assert [entry["text"] for entry in sandbox.chat()[-2:]] == ["在吗", "echo: 在吗"]


def test_a_lost_answer_brings_the_same_message_again(sandbox: Driver, callback: Callback, follower: str) -> None:
    callback.received.clear()
    add(sandbox, "push_lose_answer", path="text")

    push = sandbox.say("在吗")

    first, second = callback.received
    assert first.message == second.message
    assert first.query["nonce"] != second.query["nonce"]
    assert [attempt["verdict"] for attempt in push["attempts"]] == ["lost", "ok"]
    assert sandbox.chat()[-1]["text"] == "echo: 在吗"


def test_a_push_may_come_late(make_sandbox: Callable[..., Driver], callback: Callback) -> None:
    waited: list[float] = []
    sandbox = make_sandbox(sleep=waited.append)
    add(sandbox, "push_delay", path="event.subscribe", seconds=30)

    sandbox.post("/follow", resident=RESIDENT)
    sandbox.say("在吗")

    assert waited == [30]
    assert len(callback.received) == 2


def test_a_misspelt_fault_is_refused(sandbox: Driver) -> None:
    for body in ({"kind": "explode"}, {"kind": "errcode", "code": 1}, {"kind": "errcode", "count": 0}):
        answer = sandbox.client.post("/sandbox/faults", json=body)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "invalid")
