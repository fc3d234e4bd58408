"""Every call ends in WeChat's answer or in an error that says what to do and shows nothing."""

import io
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.db import Database
from server.wechat.api_errors import Act, refusal
from server.wechat.client import (
    HOSTS,
    GatewayBroken,
    OutcomeUnknown,
    RefusedByWeChat,
    Unreachable,
    make_session,
)
from tests.wechat.helpers_client import (
    NO_ANSWERS,
    RID,
    SECRET,
    TOKEN_PATH,
    Gateway,
    Peer,
    in_turn,
    ok,
    refuse,
    running_gateway,
    running_impostor,
    running_sandbox,
)

IPS = "/cgi-bin/getcallbackip"
SEND = "/cgi-bin/message/custom/send"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as running:
        yield running


# --- what goes out ------------------------------------------------------------------------------------------------


def test_a_body_goes_out_as_json_with_real_characters(database: Database, gateway: Gateway) -> None:
    gateway.api(database).post("cgi-bin/menu/create", {"name": "心情自测\ud83d"}, params={"lang": "zh"})

    call = gateway.calls[0]
    assert (call.method, call.path) == ("POST", "/cgi-bin/menu/create")
    assert call.body == '{"name": "心情自测?"}'.encode()
    assert call.query == {"lang": ["zh"], "access_token": ["token-1"]}


def test_the_secret_goes_out_in_the_token_calls_body_only(database: Database, gateway: Gateway) -> None:
    gateway.api(database).get("cgi-bin/menu/get")

    token_call, call = gateway.heard
    assert json.loads(token_call.body)["secret"] == SECRET
    assert json.loads(token_call.body)["force_refresh"] is False
    assert token_call.query == {}
    assert SECRET not in str((token_call.headers, call))


@pytest.mark.parametrize("host", HOSTS)
def test_the_base_stands_for_all_of_wechats_hosts(gateway: Gateway, host: str) -> None:
    answer = make_session(gateway.url + "/").get(f"{host}/some/page", params={"ticket": "a+b="})

    assert answer.status_code == 200
    assert [(one.path, one.query) for one in gateway.heard] == [("/some/page", {"ticket": ["a+b="]})]


def test_the_session_knows_no_other_host(gateway: Gateway) -> None:
    with pytest.raises(requests.exceptions.InvalidSchema):
        make_session(gateway.url).get(gateway.url)


def test_a_sandbox_on_this_machine_is_not_looked_for_behind_a_proxy(
    database: Database, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert peer.api(database).get_callback_ips() == ["127.0.0.1", "::1"]


def test_cookies_do_not_stick_to_the_session_that_threads_share(gateway: Gateway) -> None:
    gateway.answer = lambda heard: ok(b"{}", "application/json\r\nSet-Cookie: who=me; Path=/")
    session = make_session(gateway.url)

    answer = session.get(f"{HOSTS[0]}/cgi-bin/menu/get")

    assert "who=me" in answer.headers["Set-Cookie"]
    assert not session.cookies


def test_a_file_is_sent_again_from_where_it_began(database: Database, gateway: Gateway) -> None:
    gateway.answer = in_turn(refuse(40001), ok(b'{"media_id": "m"}'))
    file = io.BytesIO(b"skipped" + b"picture")
    file.seek(len(b"skipped"))

    answer = gateway.api(database).post("cgi-bin/media/upload", params={"type": "image"}, files={"media": file})

    assert answer == {"media_id": "m"}
    assert [b"\r\n\r\npicture\r\n" in call.body for call in gateway.calls] == [True, True]


def test_a_stream_that_cannot_be_rewound_is_refused_before_anything_is_sent(
    database: Database, gateway: Gateway
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as stream, pytest.raises(ValueError, match="seekable"):
        gateway.api(database).post("cgi-bin/media/upload", files={"media": ("p.png", stream)})

    assert gateway.heard == []


# --- what comes back ----------------------------------------------------------------------------------------------


def test_an_answer_of_success_may_say_so_in_several_ways(database: Database, gateway: Gateway) -> None:
    api = gateway.api(database)
    for body in (b'{"errcode": 0, "errmsg": "ok"}', b'{"errcode": "0"}', b'{"ticket": "t"}'):
        gateway.answer = in_turn(ok(body, "text/plain"))
        assert api.post("cgi-bin/qrcode/create").get("errcode", 0) == 0


@pytest.mark.parametrize("errcode", [45009, '"45009"'])
def test_an_errcode_is_a_number_even_when_it_comes_as_text(
    database: Database, gateway: Gateway, errcode: object
) -> None:
    gateway.answer = in_turn(refuse(errcode, f"reach max api daily quota limit rid: {RID}"))

    with pytest.raises(RefusedByWeChat) as caught:
        gateway.api(database).get("cgi-bin/menu/get")

    assert (caught.value.errcode, caught.value.rid, caught.value.act) == (45009, RID, Act.ALERT)


@pytest.mark.parametrize(("reason", "answer"), NO_ANSWERS)
def test_what_is_no_answer_of_wechats_is_never_a_success(
    database: Database, gateway: Gateway, reason: str, answer: bytes | None
) -> None:
    gateway.answer = in_turn(answer)
    api = gateway.api(database)

    with pytest.raises(GatewayBroken) as repeatable:
        api.get("cgi-bin/menu/get")
    with pytest.raises(OutcomeUnknown) as once_only:
        api.post("cgi-bin/message/custom/send", {})

    assert (repeatable.value.reason, once_only.value.reason) == (reason, reason)
    assert (repeatable.value.act, once_only.value.act) == (Act.RETRY, Act.MARK_UNKNOWN)
    assert [call.path for call in gateway.calls] == ["/cgi-bin/menu/get", SEND]


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_server_that_never_answers_is_left_in_time(database: Database, gateway: Gateway, repeatable: bool) -> None:
    gateway.answer = lambda heard: gateway.wait()
    began = time.monotonic()

    with pytest.raises(GatewayBroken if repeatable else OutcomeUnknown, match="timeout"):
        gateway.api(database, timeouts=(1, 0.2)).post("cgi-bin/menu/create", {}, repeatable=repeatable)

    assert 0.2 <= time.monotonic() - began < 2
    assert len(gateway.calls) == 1


def test_a_token_call_that_is_never_answered_is_left_in_time(database: Database, gateway: Gateway) -> None:
    gateway.token_answer = lambda heard: gateway.wait()
    began = time.monotonic()

    with pytest.raises(GatewayBroken, match=r"stable_token: no answer \(timeout\)"):
        gateway.api(database, timeouts=(1, 0.2)).get_callback_ips()

    assert time.monotonic() - began < 2


def test_a_message_whose_answer_is_lost_after_the_work_is_not_sent_again(database: Database, peer: Peer) -> None:
    peer.arrange("/faults", kind="drop", path=SEND)

    with pytest.raises(OutcomeUnknown, match="dropped"):
        peer.api(database).post("cgi-bin/message/custom/send", {"touser": "o", "msgtype": "text"})

    assert peer.count(SEND) == 1


def test_a_closed_port_says_that_nothing_was_sent(database: Database) -> None:
    with running_gateway() as gateway:
        api = gateway.api(database)
        api.get("cgi-bin/menu/get")

    with pytest.raises(Unreachable) as caught:
        api.post("cgi-bin/message/custom/send", {})

    assert (caught.value.reason, caught.value.act, caught.value.errcode) == ("connect", Act.RETRY, None)


def test_a_certificate_that_nobody_vouches_for_says_that_nothing_was_sent(
    database: Database, gateway: Gateway, tmp_path: Path
) -> None:
    with running_impostor(tmp_path) as (url, heard):
        gateway.url = url
        with pytest.raises(Unreachable, match="certificate"):
            gateway.api(database).get("cgi-bin/menu/get")

    assert heard == []


def test_an_address_that_cannot_be_one_says_that_nothing_was_sent(database: Database, gateway: Gateway) -> None:
    gateway.url = "http://127.0.0.1:99999"

    with pytest.raises(Unreachable, match="address"):
        gateway.api(database).get("cgi-bin/menu/get")


# --- again or not -------------------------------------------------------------------------------------------------


def test_a_token_that_is_refused_for_good_costs_two_calls_and_ends(database: Database, peer: Peer) -> None:
    peer.arrange("/faults", kind="errcode", path=IPS, errcode=40001, count=None)

    with pytest.raises(RefusedByWeChat) as caught:
        peer.api(database).get_callback_ips()

    assert (caught.value.errcode, caught.value.act) == (40001, Act.REFRESH_TOKEN)
    # The token, the one that WeChat repeats, the forced one.
    assert (peer.count(IPS), peer.count(TOKEN_PATH)) == (2, 3)


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_stale_token_is_replaced_even_for_a_call_that_must_not_be_repeated(
    database: Database, gateway: Gateway, errcode: int
) -> None:
    gateway.answer = in_turn(refuse(errcode), ok(b'{"errcode": 0}'))

    gateway.api(database).post("cgi-bin/message/custom/send", {"touser": "o"})

    assert [call.query["access_token"] for call in gateway.calls] == [["token-1"], ["token-3"]]
    assert gateway.calls[0].body == gateway.calls[1].body


def test_an_expired_token_is_renewed_before_it_is_used(database: Database, peer: Peer) -> None:
    api = peer.api(database)
    api.get_callback_ips()
    peer.arrange("/clock", advance_seconds=7201)

    assert api.get_callback_ips() == ["127.0.0.1", "::1"]
    assert (peer.count(IPS), peer.count(TOKEN_PATH)) == (3, 2)


def test_busy_is_waited_for_three_times_where_a_call_may_be_repeated(database: Database, gateway: Gateway) -> None:
    pauses: list[float] = []
    api = gateway.api(database, sleep=pauses.append)
    gateway.answer = in_turn(refuse(-1), refuse(-1), refuse(-1), ok(b'{"done": 1}'))

    assert api.post("cgi-bin/menu/create", {}, repeatable=True) == {"done": 1}
    assert pauses == sorted(pauses)
    assert 1 < sum(pauses) < 5

    gateway.answer = in_turn(refuse(-1))
    with pytest.raises(RefusedByWeChat, match="errcode -1"):
        api.get("cgi-bin/menu/get")
    assert len(gateway.calls) == 8


def test_busy_ends_a_call_that_must_not_be_repeated(database: Database, gateway: Gateway) -> None:
    gateway.answer = in_turn(refuse(-1))

    with pytest.raises(RefusedByWeChat) as caught:
        gateway.api(database).post("cgi-bin/message/custom/send", {})

    assert caught.value.act is Act.RETRY
    assert len(gateway.calls) == 1


def test_a_busy_token_call_is_waited_for_too(database: Database, peer: Peer) -> None:
    peer.arrange("/faults", kind="errcode", path=TOKEN_PATH, errcode=-1, count=2)

    assert peer.api(database, sleep=lambda seconds: None).get_callback_ips()
    assert peer.count(TOKEN_PATH) == 3


@pytest.mark.parametrize(
    ("errcode", "act", "rest"),
    [
        (-1, Act.RETRY, 0),
        (45011, Act.RETRY, 60),
        (42001, Act.REFRESH_TOKEN, 0),
        (45047, Act.DROP, 0),
        (43004, Act.UPDATE_STATE, 0),
        (40164, Act.ALERT, 0),
        (47003, Act.BUG, 0),
        (123456, Act.BUG, 0),
    ],
)
def test_a_code_says_what_to_do(errcode: int, act: Act, rest: int) -> None:
    error = refusal("cgi-bin/x", errcode, "")

    assert (error.act, error.rest_seconds) == (act, rest)


def test_keeping_the_token_fresh_reports_failure_without_raising(database: Database, peer: Peer) -> None:
    api = peer.api(database)
    assert api.keep_token_fresh()
    assert peer.calls == [TOKEN_PATH]

    with running_gateway() as gateway:
        gateway.token_answer = in_turn(refuse(40125))
        assert not gateway.api(database).keep_token_fresh()
