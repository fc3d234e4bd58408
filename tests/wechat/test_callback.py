"""The callback's door: who is let in, in each of the three modes; what is answered; and that a push is handled once."""

import json
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from server import create_app
from server.accounts.models import Resident, WechatIdentity
from server.clock import local_day, utc_now
from server.config import Settings
from server.crisis.models import Alert, AlertWords
from server.db import Database, make_engine
from server.organisations import service as organisations
from server.organisations.models import EntryPoint, EntryPointDay, Organisation
from server.parts import Parts
from server.vault import Vault
from server.wechat.inbound import LARGEST_BODY
from server.wechat.models import InboundMessage
from server.wechat.once import purge_inbound
from server.wechat.sandbox.crypto import MessageCipher, sign
from tests import canaries
from tests.conftest import DATA_KEYS, LOG_FOLDER

from .helpers import (
    AGAIN,
    GH,
    MODES,
    OPENID,
    PATH,
    Account,
    WeChat,
    compose,
    count,
    event,
    make_app,
    make_district,
    message,
    new_openid,
    text_message,
)

DISTRESS = "测评做完了，还是不想活"
PREVIOUS_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory, _engine: sa.Engine, vault: Vault) -> Flask:
    return make_app(tmp_path_factory.mktemp("instance"), Database(_engine, vault))


@pytest.fixture
def app(shared_app: Flask, database: Database) -> Flask:
    return shared_app


@pytest.fixture
def settings(parts: Parts) -> Settings:
    return parts.settings


@pytest.fixture
def district(database: Database) -> Organisation:
    return make_district(database)


@pytest.fixture
def wechat(client: FlaskClient, settings: Settings, district: Organisation) -> WeChat:
    return WeChat.of(client, settings)


def make_code(database: Database, parts: Parts, district: Organisation) -> EntryPoint:
    return database.write(
        lambda session: organisations.make_entry_point(
            session, doors=parts.doors, organisation=district, door="assessment", target="", now=utc_now()
        )
    )


# --- the verification -------------------------------------------------------------------------------------------------


def verification(settings: Settings, **changes: str) -> dict[str, str]:
    query, _ = Account.of(settings).pack(b"", "plain")
    return query | {"echostr": "4375120948345356249"} | changes


def test_the_verification_gets_its_echo_back_bare(client, settings):
    answer = client.get(PATH, query_string=verification(settings))
    assert (answer.status_code, answer.data) == (200, b"4375120948345356249")
    assert answer.mimetype == "text/plain"


def test_an_echo_is_never_shown_as_a_page(client, settings):
    answer = client.get(PATH, query_string=verification(settings, echostr="<script>alert(1)</script>"))
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("wrong", ["signature", "timestamp", "nonce"])
def test_a_verification_that_is_not_what_was_signed_is_forbidden(client, settings, wrong):
    query = verification(settings)
    assert client.get(PATH, query_string=query | {wrong: query[wrong][:-1] + "x"}).status_code == 403
    del query[wrong]
    assert client.get(PATH, query_string=query).status_code == 403


def test_a_verification_from_ten_minutes_ago_is_forbidden(client, settings):
    past = (utc_now() - timedelta(minutes=10)).timestamp()
    query, _ = Account.of(settings).pack(b"", "plain", at=past)
    answer = client.get(PATH, query_string=query | {"echostr": "1"})
    assert (answer.status_code, answer.data) == (403, b"")


def test_of_a_parameter_that_is_given_twice_the_first_counts(client, settings):
    good = verification(settings)
    pairs = list(good.items())
    assert (
        client.get(PATH, query_string=[*pairs, ("signature", "0" * 40), ("echostr", "x")]).data
        == b"4375120948345356249"
    )
    assert client.get(PATH, query_string=[("signature", "0" * 40), *pairs]).status_code == 403


def test_other_methods_are_no_fault_of_ours(client, settings):
    query = verification(settings)
    assert client.head(PATH, query_string=query).status_code == 200
    assert client.head(PATH).status_code == 403
    for method in ("PUT", "PATCH", "DELETE"):
        answer = client.open(PATH, method=method, query_string=query, data=b"<xml/>")
        assert (answer.status_code, answer.data) == (405, b"")


# --- the three modes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_message_is_answered_in_the_mode_in_which_it_came(wechat, mode):
    heard = wechat.push(text_message("热线"), mode)
    assert "12356" in heard.content
    assert (heard.reply["ToUserName"], heard.reply["FromUserName"]) == (OPENID, GH)
    assert (b"<Encrypt>" in heard.raw) == (mode != "plain")


@pytest.mark.parametrize("mode", MODES)
def test_where_there_is_nothing_to_say_the_word_is_success_in_every_mode(wechat, mode):
    assert wechat.push(event("VIEW", EventKey="https://example.org"), mode).is_success


def test_an_answer_is_xml_in_utf_8(client, settings, district):
    query, body = Account.of(settings).pack(text_message("热线"), "plain")
    answer = client.post(PATH, query_string=query, data=body)
    assert answer.content_type == "application/xml; charset=utf-8"
    assert "心理援助热线" in answer.data.decode("utf-8")


def test_in_compatible_mode_only_what_was_encrypted_is_believed(wechat, database):
    query, body = wechat.account.pack(text_message("热线"), "compatible")
    forged = body.replace("热线".encode(), DISTRESS.encode()).replace(OPENID.encode(), b"oSomebodyElse")
    assert "12356" in wechat.deliver(query, forged).content
    assert count(database, Alert) == 0
    assert count(database, Resident) == 0


def test_while_the_key_is_changed_both_are_read_and_each_answered_in_its_own(settings, database, district):
    current = settings.wechat_oa_aes_key[0]
    both = settings.model_copy(update={"wechat_oa_aes_key": (current, PREVIOUS_KEY)})
    client = create_app(both, database=database).test_client()
    for key in (current, PREVIOUS_KEY):
        holder = settings.model_copy(update={"wechat_oa_aes_key": (key,)})
        assert "12356" in WeChat.of(client, holder).push(text_message("热线")).content


# --- who is not let in ------------------------------------------------------------------------------------------------


def sabotage(account: Account, how: str) -> tuple[dict[str, str], bytes]:
    """A distress text that WeChat did not send like this."""
    plain = text_message(DISTRESS)
    past, soon = (utc_now() - timedelta(seconds=310)).timestamp(), (utc_now() + timedelta(seconds=310)).timestamp()
    safe, body = account.pack(plain, "safe")
    match how:
        case "no query":
            return {}, plain
        case "wrong signature":
            return account.pack(plain, "plain")[0] | {"signature": "0" * 40}, plain
        case "signed with another token":
            return Account("another", account.aes_key, account.app_id).pack(plain, "plain")
        case "stale":
            return account.pack(plain, "plain", at=past)
        case "from the future":
            return account.pack(plain, "plain", at=soon)
        case "stale and safe":
            return account.pack(plain, "safe", at=past)
        case "wrong msg_signature":
            return safe | {"msg_signature": "0" * 40}, body
        case "signature in place of msg_signature":
            return safe | {"msg_signature": safe["signature"]}, body
        case "another body under the signature":
            return safe, account.pack(plain, "safe")[1]
        case "no Encrypt":
            return safe, plain
        case "junk in place of Encrypt":
            return safe, b"junk"
        case "signed junk in Encrypt":
            signature = sign(account.token, safe["timestamp"], safe["nonce"], "junk")
            return safe | {"msg_signature": signature}, compose(Encrypt="junk")
        case "sealed for another account":
            return Account(account.token, account.aes_key, "wx0000000000000000").pack(plain, "safe")
        case "sealed with another key":
            return Account(account.token, PREVIOUS_KEY, account.app_id).pack(plain, "safe")
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "no query",
        "wrong signature",
        "signed with another token",
        "stale",
        "from the future",
        "stale and safe",
        "wrong msg_signature",
        "signature in place of msg_signature",
        "another body under the signature",
        "no Encrypt",
        "junk in place of Encrypt",
        "signed junk in Encrypt",
        "sealed for another account",
        "sealed with another key",
    ],
)
def test_what_is_not_from_wechat_is_forbidden_and_leaves_nothing(wechat, database, how):
    heard = wechat.deliver(*sabotage(wechat.account, how))
    assert (heard.status, heard.raw) == (403, b"")
    assert [count(database, table) for table in (InboundMessage, Alert, Resident)] == [0, 0, 0]


def test_a_body_over_64_kib_is_too_large_and_one_below_is_not(wechat):
    query, _ = wechat.account.pack(b"", "plain")
    assert wechat.deliver(query, b"x" * (LARGEST_BODY + 1)).status == 413
    assert wechat.deliver(query, b"x" * LARGEST_BODY).is_success
    long = text_message("字" * 21_000)
    assert len(long) < LARGEST_BODY
    assert "12356" in wechat.deliver(query, long).content


# --- junk that is signed ----------------------------------------------------------------------------------------------

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b"]><xml><FromUserName>o</FromUserName><MsgType>text</MsgType><Content>&b;</Content><MsgId>1</MsgId></xml>"
)


@pytest.mark.parametrize("mode", ["plain", "safe"])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"junk",
        b"\xff\xfe\x00",
        json.dumps({"ToUserName": GH, "FromUserName": OPENID, "MsgType": "text", "Content": "a", "MsgId": 1}).encode(),
        BOMB,
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><FromUserName>o</FromUserName></xml>',
        b"<xml>" * 5000,
        b"<xml><MsgType>text</MsgType></xml>",
        event("subscribe", CreateTime="soon"),
    ],
    ids=["empty", "word", "bytes", "json", "entity bomb", "dtd", "deep", "nobody", "timeless"],
)
def test_signed_junk_is_acknowledged_without_a_word(wechat, database, mode, junk):
    assert wechat.push(junk, mode).is_success
    assert count(database, InboundMessage) == 0


@pytest.mark.parametrize(
    "push",
    [
        message("hologram", MsgId=1),
        message("", MsgId=1),
        event("a_thing_of_2030", EventKey="x"),
        event("TEMPLATESENDJOBFINISH", MsgID=2, Status="success"),
        event("MASSSENDJOBFINISH", "gh_system", MsgID=3, CopyrightCheckResult={"Count": 0, "ResultList": ""}),
        event("PUBLISHJOBFINISH", PublishEventInfo={"publish_id": "1", "fail_idx": ["1", "2"]}),
        event("user_authorization_revoke", OpenID="o", AppID="wx", RevokeInfo="301"),
        event("LOCATION", Latitude="23.137466", Longitude="113.352425", Precision="119.385040"),
        event("subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": [{"TemplateId": "T"}, {"TemplateId": "U"}]}),
    ],
)
def test_unknown_types_and_events_are_acknowledged(wechat, push):
    assert wechat.push(push).is_success


NAMES = st.sampled_from(
    ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "EventKey", "MsgId", "Content"]
)
VALUES = (
    st.sampled_from(
        ["text", "event", "image", "subscribe", "SCAN", "CLICK", "qrscene_", "HUMAN", "1764000000", "不想活"]
    )
    | st.text(max_size=40)
    | st.binary(max_size=20)
)


@given(
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=10), mode=st.sampled_from(["plain", "safe"]), wraps=st.booleans()
)
@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_signed_push_gets_an_answer_that_wechat_would_show_as_a_failure(wechat, fields, mode, wraps):
    raw = [(name, value if isinstance(value, bytes) else value.encode("utf-8", "ignore")) for name, value in fields]
    inner = [
        b"<%b>%b</%b>" % (name.encode(), b"<![CDATA[" + value + b"]]>" if wraps else value, name.encode())
        for name, value in raw
    ]
    heard = wechat.push(b"<xml>" + b"".join(inner) + b"</xml>", mode)
    assert heard.is_success or (heard.status == 200 and heard.reply is not None)


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_resent_message_gets_the_stored_reply_and_no_second_effect(wechat, database):
    push = text_message(DISTRESS)
    first, *resent = [wechat.push(push) for _ in range(4)]
    assert {heard.content for heard in resent} == {first.content}
    assert [count(database, table) for table in (InboundMessage, Alert, AlertWords)] == [1, 1, 1]


def test_the_stored_reply_is_sealed_anew_for_each_resend(wechat):
    push = text_message("热线")
    first, second = wechat.push(push, nonce="1"), wechat.push(push, nonce="2")
    assert first.content == second.content
    assert first.raw != second.raw


def test_a_resend_may_come_in_another_mode(wechat, database):
    push = text_message(DISTRESS)
    assert len({wechat.push(push, mode).content for mode in MODES}) == 1
    assert count(database, AlertWords) == 1


def test_a_resent_follow_is_one_follow_and_a_resent_scan_is_counted_once(wechat, database, parts, district):
    code = make_code(database, parts, district).code
    for push in (event("subscribe", EventKey=f"qrscene_{code}"), event("SCAN", EventKey=code)):
        replies = [wechat.push(push).reply for _ in range(3)]
        assert all(reply == replies[0] or reply["CreateTime"] >= replies[0]["CreateTime"] for reply in replies)
    assert count(database, WechatIdentity) == 1
    assert database.read(lambda session: session.scalar(sa.select(EntryPointDay.scans))) == 2


def test_a_card_is_resent_as_it_was(wechat, database, parts, district):
    push = event("SCAN", EventKey=make_code(database, parts, district).code)
    first, second = wechat.push(push).reply, wechat.push(push).reply
    assert first["MsgType"] == "news"
    for tag in ("Title", "Description", "Url"):
        assert first[tag] == second[tag]


def test_two_messages_of_one_second_are_two_and_so_are_two_events(wechat, database):
    for push in (
        text_message(DISTRESS, CreateTime=5),
        text_message(DISTRESS, CreateTime=5),
        event("VIEW", CreateTime=5, EventKey="a"),
        event("VIEW", CreateTime=5, EventKey="b"),
    ):
        wechat.push(push)
    assert count(database, InboundMessage) == 4
    assert count(database, AlertWords) == 2


def test_two_people_may_have_one_msg_id(wechat, database):
    for openid in (new_openid(), new_openid()):
        wechat.push(text_message(DISTRESS, openid, MsgId=1))
    assert count(database, Alert) == 2


def test_a_restarted_process_knows_what_the_one_before_it_did(wechat, settings, database):
    push = text_message(DISTRESS)
    first = wechat.push(push)
    engine = make_engine(settings.database_url)
    try:
        reborn = create_app(settings, database=Database(engine, database.vault))
        assert WeChat.of(reborn.test_client(), settings).push(push).content == first.content
    finally:
        engine.dispose()
    assert count(database, AlertWords) == 1


def test_a_message_from_before_the_data_key_changed_is_still_known(wechat, settings, database):
    push = text_message(DISTRESS)
    first = wechat.push(push)
    ring = Vault.from_text(f"{Vault.new_key_text('newer')},{DATA_KEYS}")
    rotated = create_app(settings, database=Database(database.engine, ring))
    assert WeChat.of(rotated.test_client(), settings).push(push).content == first.content
    assert count(database, AlertWords) == 1


def test_what_is_kept_of_a_message_says_neither_who_nor_what(wechat, database):
    wechat.push(text_message(canaries.WORDS))
    row = database.read(lambda session: session.scalars(sa.select(InboundMessage)).one())
    assert (len(row.key), row.received_on) == (32, local_day(utc_now()))
    for secret in (OPENID, canaries.WORDS, "12356"):
        assert secret.encode() not in row.key + row.reply_sealed
    columns = set(InboundMessage.__table__.columns.keys())
    assert columns == {"key", "received_on", "reply_sealed"}


def test_messages_are_forgotten_after_the_day_on_which_wechat_may_resend_them(database):
    noon = datetime.fromisoformat("2026-11-23T12:00:00+08:00")
    days = [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)]
    rows = [InboundMessage(key=bytes([day.day]) * 32, received_on=day, reply_sealed=b"") for day in days]
    database.write(lambda session: session.add_all(rows))
    database.write(lambda session: purge_inbound(session, noon))
    kept = database.read(lambda session: session.scalars(sa.select(InboundMessage.received_on)).all())
    assert sorted(kept) == days[2:]


# --- when something of ours is broken ---------------------------------------------------------------------------------


@pytest.fixture
def broken(settings: Settings, own_database: Database) -> tuple[WeChat, Database]:
    """An installation whose table of people is missing, as after a forgotten migration."""
    make_district(own_database)
    with own_database.engine.begin() as connection:
        if connection.dialect.name != "sqlite":
            connection.execute(sa.text("SET FOREIGN_KEY_CHECKS=0"))
        connection.execute(sa.text("DROP TABLE wechat_identities"))
    client = create_app(settings, database=own_database).test_client()
    return WeChat.of(client, settings), own_database


@pytest.mark.parametrize(
    "push", [text_message(DISTRESS), text_message("13812345678"), event("subscribe", EventKey="")], ids=lambda _: ""
)
def test_a_bug_of_ours_still_answers_with_the_numbers(broken, push):
    wechat, database = broken
    heard = wechat.push(push)
    assert heard.status == 200
    assert AGAIN in heard.content
    assert "12356" in heard.content
    assert count(database, InboundMessage) == count(database, Alert) == 0


def test_a_bug_of_ours_asks_for_an_event_again_that_nobody_waits_on(broken):
    wechat, database = broken
    assert wechat.push(event("unsubscribe")).status == 503
    assert count(database, InboundMessage) == 0


def test_distress_before_the_map_was_loaded_is_answered_with_the_numbers(client, settings, database):
    heard = WeChat.of(client, settings).push(text_message(DISTRESS))
    assert heard.status == 200
    assert "12356" in heard.content
    assert AGAIN in heard.content


# --- what is logged ---------------------------------------------------------------------------------------------------


def log_lines(wanted: str) -> list[dict[str, object]]:
    lines = [line for file in LOG_FOLDER.glob("*.jsonl") for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in map(json.loads, lines) if line["event"] == wanted]


def pushes_counted(outcome: str) -> float | None:
    return REGISTRY.get_sample_value("xinqiao_wechat_pushes_total", {"outcome": outcome})


def test_no_log_line_names_who_wrote_or_what(wechat, broken):
    for push in (
        text_message(f"{canaries.OPENID} 你们几点开门"),
        text_message(canaries.WORDS),
        text_message(f"{canaries.WORDS}，不想活了"),
        text_message(canaries.PHONE),
        event("subscribe", EventKey=f"qrscene_{canaries.WORDS}"),
        event("SCAN", EventKey=canaries.WORDS),
        event("CLICK", EventKey=canaries.WORDS),
        event("unsubscribe"),
        text_message(canaries.WORDS)[:-9],
        f"<{canaries.WORDS}>".encode(),
    ):
        for mode in MODES:
            wechat.push(push, mode)
            broken[0].push(push, mode)
    wechat.deliver({"signature": canaries.OPENID, "openid": canaries.OPENID}, text_message(canaries.WORDS))
    wanted = {
        "default",
        "distress",
        "contact",
        "subscribe",
        "scan",
        "click",
        "unsubscribe",
        "not_a_message",
        "unstored",
    }
    assert {outcome for outcome in wanted if not pushes_counted(outcome)} == set()
    assert log_lines("callback.bug")
    assert [line for line in log_lines("callback") if line["outcome"] == "not_from_wechat"]
    assert canaries.search(LOG_FOLDER) == []


def test_a_line_of_the_work_carries_the_id_of_its_request(wechat, database):
    push = text_message(DISTRESS)
    wechat.push(push)
    database.write(lambda session: session.execute(sa.update(InboundMessage).values(reply_sealed=b"torn")))
    assert wechat.push(push).is_success  # handled already; only its words are lost
    unreadable = log_lines("callback.reply_unreadable")
    assert unreadable
    assert all(line.get("request_id") for line in unreadable)


def test_a_nonce_that_holds_markup_breaks_no_answer(wechat):
    assert "12356" in wechat.push(text_message("热线"), nonce="]]><b>&").content


def test_the_official_push_in_json_is_acknowledged(settings, database, district):
    account = Account("AAAAA", "A" * 43, "wxba5fad812f8e6fb9")
    theirs = settings.model_copy(
        update={
            "wechat_oa_token": account.token,
            "wechat_oa_aes_key": (account.aes_key,),
            "wechat_oa_app_id": account.app_id,
        }
    )
    sealed = MessageCipher(account.aes_key, account.app_id).seal(b'{"MsgType":"event","Event":"debug_demo"}')
    query, _ = account.pack(b"", "safe")
    query["msg_signature"] = sign(account.token, query["timestamp"], query["nonce"], sealed)
    wechat = WeChat.of(create_app(theirs, database=database).test_client(), theirs)
    assert wechat.deliver(query, compose(ToUserName="gh_97417a04a28d", Encrypt=sealed)).is_success
