"""The push engine over real HTTP: what goes out, what is taken for an answer, and when the same thing is sent again."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from server.wechat.sandbox import markup
from server.wechat.sandbox.crypto import MessageCipher, is_signed, sign

from .callback import Callback, Received, reply_xml
from .conftest import RESIDENT, TOKEN, Driver

UNAVAILABLE = "该公众号暂时无法提供服务，请稍后再试"


@pytest.fixture
def hasty(make_sandbox: Callable[..., Driver]) -> Driver:
    """A sandbox that waits only a moment for answers."""
    return make_sandbox(push_deadline_seconds=0.15)


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_a_text_goes_out_and_its_answer_comes_back_in_every_mode(
    make_sandbox: Callable[..., Driver], callback: Callback, mode: str
) -> None:
    sandbox = make_sandbox(mode=mode)
    sandbox.post("/follow", resident=RESIDENT)

    push = sandbox.say("我睡不着 ]]> 😔")

    assert callback.received[-1].fields["Content"] == "我睡不着 ]]> 😔"
    assert (push["verdict"], push["reply"]["text"]) == ("ok", "echo: 我睡不着 ]]> 😔")


def test_a_message_has_the_envelope_that_wechat_documents(sandbox: Driver, callback: Callback, follower: str) -> None:
    sandbox.say("测评")

    received = callback.received[-1]
    openid = sandbox.get("/residents")["residents"][1]["openid"]
    assert len(openid) == 28
    assert list(received.fields) == ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Content", "MsgId"]
    assert received.fields["ToUserName"] == sandbox.settings.original_id
    assert received.fields["FromUserName"] == received.query["openid"] == openid
    assert 10**15 < int(received.fields["MsgId"]) < 2**63
    assert received.headers["Content-Type"] == "text/xml"


def test_the_query_is_signed_and_safe_mode_shows_only_the_account_and_the_ciphertext(
    sandbox: Driver, callback: Callback, follower: str
) -> None:
    query = callback.received[-1].query

    assert set(query) == {"signature", "timestamp", "nonce", "openid", "encrypt_type", "msg_signature"}
    assert is_signed(query["signature"], TOKEN, query["timestamp"], query["nonce"])
    assert [child.tag for child in markup.parse(callback.received[-1].raw).children] == ["ToUserName", "Encrypt"]


def test_compatible_mode_shows_the_plain_fields_and_the_ciphertext(
    make_sandbox: Callable[..., Driver], callback: Callback
) -> None:
    make_sandbox(mode="compatible").post("/follow", resident=RESIDENT)

    tags = [child.tag for child in markup.parse(callback.received[-1].raw).children]

    assert tags == ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "EventKey", "Encrypt"]


def test_the_virtual_clock_does_not_move_create_time_or_the_signature(sandbox: Driver, callback: Callback) -> None:
    before = int(sandbox.settings.real_time())
    sandbox.post("/clock", advance_seconds=90 * 86400)
    sandbox.post("/follow", resident=RESIDENT)

    received = callback.received[-1]
    assert before <= int(received.fields["CreateTime"]) <= before + 30
    assert before <= int(received.query["timestamp"]) <= before + 30


@pytest.mark.parametrize("answer", [b"", b"success"])
def test_nothing_to_say_is_taken_quietly(sandbox: Driver, callback: Callback, follower: str, answer: bytes) -> None:
    callback.answer = lambda received: answer

    push = sandbox.say("谢谢")

    assert (push["verdict"], push["reply"], len(push["attempts"])) == ("empty", None, 1)
    assert sandbox.chat()[-1]["text"] == "谢谢"


def test_no_answer_in_time_brings_the_same_content_twice_more_and_then_the_notice(
    hasty: Driver, callback: Callback
) -> None:
    release = threading.Event()
    hasty.post("/follow", resident=RESIDENT)
    callback.received.clear()
    callback.answer = lambda received: b"success" if release.wait(5) else b""

    push = hasty.say("在吗")
    release.set()

    first, second, third = callback.received
    assert first.message == second.message == third.message
    assert len({received.query["nonce"] for received in callback.received}) == 3
    assert len({received.raw for received in callback.received}) == 3
    assert [attempt["verdict"] for attempt in push["attempts"]] == ["timeout"] * 3
    assert (push["verdict"], push["is_notice_shown"]) == ("failed", True)
    assert hasty.chat()[-1]["text"] == UNAVAILABLE


def test_an_answer_to_the_second_delivery_counts(hasty: Driver, callback: Callback) -> None:
    release = threading.Event()
    hasty.post("/follow", resident=RESIDENT)
    callback.received.clear()

    def slow_once(received: Received) -> bytes:
        if len(callback.received) == 1:
            release.wait(5)
        return reply_xml(received, MsgType="text", Content="来了")

    callback.answer = slow_once
    push = hasty.say("在吗")
    release.set()

    assert [attempt["verdict"] for attempt in push["attempts"]] == ["timeout", "ok"]
    assert hasty.chat()[-1]["text"] == "来了"


def test_a_server_error_is_no_answer(sandbox: Driver, callback: Callback, follower: str) -> None:
    callback.status = 500

    push = sandbox.say("在吗")

    assert [(one["verdict"], one["status"]) for one in push["attempts"]] == [("http_error", 500)] * 3
    assert sandbox.chat()[-1]["notice"] == "service_unavailable"


def test_a_callback_that_is_not_there_is_no_answer(make_sandbox: Callable[..., Driver]) -> None:
    sandbox = make_sandbox(callback_url="http://127.0.0.1:9/wechat/callback")

    push = sandbox.post("/follow", resident=RESIDENT)["push"]

    assert [attempt["verdict"] for attempt in push["attempts"]] == ["unreachable"] * 3
    assert push["verdict"] == "failed"


def bad_reply(**own: Any) -> Callable[[Received], bytes]:
    return lambda received: reply_xml(received, **own)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda received: b"<xml><oops></xml>", "well-formed"),
        (lambda received: b" success", "well-formed"),
        (lambda received: b'{"errcode": 0}', "well-formed"),
        (lambda received: received.message, "swapped"),
        (bad_reply(MsgType="text", Content=""), "empty"),
        (bad_reply(MsgType="text", Content="字" * 683), "2048"),
        (bad_reply(MsgType="text", Content="x", CreateTime="today"), "CreateTime"),
        (bad_reply(MsgType="poem"), "poem"),
        (bad_reply(MsgType="image", Image={"MediaId": "m"}), "MediaId"),
        (bad_reply(MsgType="news", ArticleCount=0, Articles={}), "ArticleCount"),
        (bad_reply(MsgType="news", ArticleCount=2, Articles={"item": [{"Title": "one"}]}), "ArticleCount"),
    ],
)
def test_a_reply_that_wechat_would_refuse_shows_the_notice_and_is_not_asked_for_again(
    sandbox: Driver, callback: Callback, follower: str, answer: Callable[[Received], bytes], reason: str
) -> None:
    callback.answer = answer

    push = sandbox.say("在吗")

    (attempt,) = push["attempts"]
    assert attempt["verdict"] == "bad_reply"
    assert reason in attempt["detail"]
    assert (push["verdict"], sandbox.chat()[-1]["notice"]) == ("failed", "service_unavailable")


def test_safe_mode_refuses_a_plain_reply_and_compatible_mode_takes_it(
    make_sandbox: Callable[..., Driver], callback: Callback
) -> None:
    callback.is_sealing = False
    verdicts = {}
    for mode in ("safe", "compatible"):
        sandbox = make_sandbox(mode=mode)
        verdicts[mode] = sandbox.post("/follow", resident=RESIDENT)["push"]["verdict"]

    assert verdicts == {"safe": "failed", "compatible": "ok"}


def test_an_encrypted_reply_with_a_wrong_signature_is_refused(
    sandbox: Driver, callback: Callback, follower: str
) -> None:
    callback.is_sealing = False
    callback.answer = lambda received: markup.compose(
        {"Encrypt": "AAAA", "MsgSignature": "0" * 40, "TimeStamp": 1, "Nonce": "n"}
    )

    assert "MsgSignature" in sandbox.say("在吗")["attempts"][0]["detail"]


def articles(count: int) -> Callable[[Received], bytes]:
    items = [{"Title": f"第 {n} 篇", "Description": "", "PicUrl": "", "Url": "http://a.cn/"} for n in range(count)]
    return bad_reply(MsgType="news", ArticleCount=count, Articles={"item": items})


def test_a_message_is_answered_by_one_article_and_an_event_by_eight(
    sandbox: Driver, callback: Callback, follower: str
) -> None:
    callback.answer = articles(10)

    to_text = sandbox.say("微课")["reply"]
    to_click = sandbox.post("/click", resident=follower, key="COURSES")["push"]["reply"]

    assert (len(to_text["articles"]), to_text["dropped"]) == (1, 9)
    assert (len(to_click["articles"]), to_click["dropped"]) == (8, 2)
    assert len(sandbox.chat()[-1]["articles"]) == 8


def test_a_handover_to_a_human_is_a_notice(sandbox: Driver, callback: Callback, follower: str) -> None:
    callback.answer = bad_reply(MsgType="transfer_customer_service")

    assert sandbox.say("人工")["verdict"] == "ok"
    assert sandbox.chat()[-1]["notice"] == "transferred"


def test_nobody_sees_an_answer_to_leaving_or_to_opening_a_page(
    sandbox: Driver, callback: Callback, follower: str
) -> None:
    lines = len(sandbox.chat())
    view = sandbox.post("/view", resident=follower, url="http://127.0.0.1:8000/h5/")
    callback.status = 500
    left = sandbox.post("/unfollow", resident=follower)

    assert (view["push"]["verdict"], view["opened"]) == ("ignored", "http://127.0.0.1:8000/h5/")
    assert (left["push"]["verdict"], left["push"]["is_notice_shown"]) == ("failed", False)
    assert [entry["notice"] for entry in sandbox.chat()[lines:]] == ["unfollowed"]
    assert callback.received[-1].fields["Event"] == "unsubscribe"


def test_a_view_event_carries_the_menu_it_came_from(sandbox: Driver, callback: Callback, follower: str) -> None:
    sandbox.call("POST", "menu/create", json={"button": [{"type": "view", "name": "x", "url": "http://a.cn/"}]})
    sandbox.post("/view", resident=follower, url="http://a.cn/")

    fields = callback.received[-1].fields
    assert (fields["Event"], fields["EventKey"]) == ("VIEW", "http://a.cn/")
    assert fields["MenuId"] == str(sandbox.get("/menu")["menu_id"])


def test_only_followers_can_write_or_tap(sandbox: Driver, callback: Callback) -> None:
    for path, body in (("/text", {"content": "x"}), ("/click", {"key": "k"}), ("/view", {"url": "u"})):
        answer = sandbox.client.post(f"/sandbox{path}", json={"resident": RESIDENT, **body})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "not_following")
    assert callback.received == []


def test_no_lock_is_held_while_the_callback_works(sandbox: Driver, callback: Callback, follower: str) -> None:
    """The callback itself calls the API, as a server that answers by a customer-service message does."""
    openid = sandbox.get("/residents")["residents"][1]["openid"]
    said = []

    def call_back(received: Received) -> bytes:
        body = {"touser": openid, "msgtype": "text", "text": {"content": "稍等"}}
        said.append(sandbox.call("POST", "message/custom/send", json=body)["errcode"])
        return b"success"

    callback.answer = call_back
    sandbox.say("在吗")

    assert said == [0]
    assert [entry["text"] for entry in sandbox.chat()[-2:]] == ["在吗", "稍等"]


def test_many_residents_may_write_at_once(sandbox: Driver, callback: Callback) -> None:
    for n in range(20):
        sandbox.post("/residents", id=f"r{n}", name=f"居民{n}")
        sandbox.post("/follow", resident=f"r{n}")
    threads = [threading.Thread(target=sandbox.say, args=(f"第 {n} 个", f"r{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [sandbox.chat(f"r{n}")[-1]["text"] for n in range(20)] == [f"echo: 第 {n} 个" for n in range(20)]
    ids = [received.fields["MsgId"] for received in callback.received if "MsgId" in received.fields]
    assert len(ids) == len(set(ids)) == 20


def by_hand(sandbox: Driver, **asked: object) -> Any:
    return sandbox.post("/push", **asked)["push"]


def test_a_push_by_hand_lays_its_fields_over_the_envelope(sandbox: Driver, callback: Callback, follower: str) -> None:
    push = by_hand(sandbox, resident=follower, fields={"MsgType": "event", "Event": "LOCATION", "CreateTime": None})

    assert list(callback.received[-1].fields) == ["ToUserName", "FromUserName", "MsgType", "Event"]
    assert push["verdict"] == "ok"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ({"wrong_signature": True}, lambda query: not is_signed(query["signature"], *_signed(query))),
        (
            {"timestamp": 1_600_000_000},
            lambda query: is_signed(query["signature"], TOKEN, "1600000000", query["nonce"]),
        ),
        ({"timestamp_offset": -3600}, lambda query: is_signed(query["signature"], *_signed(query))),
        ({"nonce": "again"}, lambda query: query["nonce"] == "again"),
        ({"omit": ["nonce"]}, lambda query: "nonce" not in query),
        ({"query": {"nonce": "other"}}, lambda query: not is_signed(query["signature"], *_signed(query))),
        ({"openid": "o-somebody-else"}, lambda query: query["openid"] == "o-somebody-else"),
    ],
)
def test_the_query_can_be_spoilt(
    make_sandbox: Callable[..., Driver],
    callback: Callback,
    asked: dict[str, object],
    seen: Callable[[dict[str, str]], bool],
) -> None:
    sandbox = make_sandbox(mode="plain")
    callback.answer = lambda received: b"success"

    by_hand(sandbox, resident=RESIDENT, fields={"MsgType": "text", "Content": "x", "MsgId": 1}, **asked)

    assert seen(callback.received[-1].query)


def _signed(query: dict[str, str]) -> tuple[str, str, str]:
    return TOKEN, query["timestamp"], query["nonce"]


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ({"body": "<!DOCTYPE xml []><xml/>"}, b"<!DOCTYPE xml []><xml/>"),
        ({"body_base64": "/w=="}, b"\xff"),
        ({"body": "<xml/>", "pad_bytes": 1_000_000}, b"<xml/>" + b" " * 1_000_000),
        ({"fields": {"MsgType": "text", "Content": ""}}, None),
    ],
)
def test_the_body_can_be_anything(
    make_sandbox: Callable[..., Driver], callback: Callback, asked: dict[str, object], body: bytes | None
) -> None:
    sandbox = make_sandbox(mode="plain")
    callback.answer = lambda received: b"success"

    by_hand(sandbox, resident=RESIDENT, headers={"X-Forwarded-For": "1.2.3.4"}, **asked)

    received = callback.received[-1]
    assert received.headers["X-Forwarded-For"] == "1.2.3.4"
    assert body is None or received.raw == body


def test_a_message_sealed_for_another_account_goes_out_signed_all_the_same(sandbox: Driver, callback: Callback) -> None:
    push = by_hand(sandbox, resident=RESIDENT, fields={"MsgType": "text"}, app_id="wx0000000000000000")

    # The test's callback refuses it as the real one must: its handler fails and the connection ends.
    assert [attempt["verdict"] for attempt in push["attempts"]] == ["unreachable"] * 3
    assert callback.received == []


def test_a_push_by_hand_may_be_delivered_several_times(sandbox: Driver, callback: Callback, follower: str) -> None:
    callback.received.clear()
    push = by_hand(sandbox, resident=follower, fields={"MsgType": "text", "Content": "x", "MsgId": 7}, duplicates=2)

    assert [attempt["is_duplicate"] for attempt in push["attempts"]] == [False, True, True]
    assert len({received.message for received in callback.received}) == 1
    assert [entry["text"] for entry in sandbox.chat() if entry["sender"] == "account"][-1:] == ["echo: x"]


def test_the_log_shows_the_newest_pushes_first_and_one_resident_alone(sandbox: Driver, follower: str) -> None:
    sandbox.say("一")
    sandbox.say("二")
    sandbox.post("/follow", resident="wu-min")

    names = [push["name"] for push in sandbox.get("/pushes")["pushes"]]
    of_one = sandbox.get("/pushes", resident=follower, limit=2)["pushes"]

    assert names == ["event.subscribe", "text", "text", "event.subscribe"]
    assert [push["reply"]["text"] for push in of_one] == ["echo: 二", "echo: 一"]
    assert sandbox.get(f"/pushes/{of_one[0]['id']}")["push"] == of_one[0]
    assert sandbox.client.get("/sandbox/pushes/999999").status_code == 404


@pytest.mark.parametrize("sealed", [b"", b"success"])
def test_nothing_to_say_must_not_be_encrypted(
    sandbox: Driver, callback: Callback, follower: str, sealed: bytes
) -> None:
    callback.is_sealing = False
    callback.answer = lambda received: sealed_reply(sandbox, sealed)

    assert sandbox.say("谢谢")["attempts"][0]["verdict"] == "bad_reply"


def sealed_reply(sandbox: Driver, message: bytes) -> bytes:
    sealed = MessageCipher(sandbox.settings.aes_key, sandbox.settings.app_id).seal(message)
    fields = {"Encrypt": sealed, "MsgSignature": sign(TOKEN, "1764000000", "77", sealed)}
    return markup.compose(fields | {"TimeStamp": 1_764_000_000, "Nonce": "77"})
