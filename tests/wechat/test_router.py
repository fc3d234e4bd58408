"""What the account says to whom, driven through the callback as WeChat drives it."""

import re
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa
import yaml
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server.accounts.models import Resident, WechatIdentity
from server.clock import local_day, utc_now
from server.config import ROOT, Settings
from server.crisis import service as crisis
from server.crisis.models import Alert, CallWhen, ContactRequest, SourceKind
from server.db import Database
from server.organisations import service as organisations
from server.organisations.doors import DoorCode, Doors
from server.organisations.models import EntryPoint, EntryPointDay, Organisation
from server.parts import Parts
from server.risk.grades import Grade
from server.texts.hotlines import hotlines
from server.vault import Vault
from server.wechat.callback import Callback
from server.wechat.chat import Chat
from server.wechat.crypto import CallbackCrypto
from server.wechat.inbound import parse, read_envelope
from server.wechat.replies import LONGEST_TEXT_BYTES, Text
from server.wechat.router import Router
from tests import canaries

from .helpers import (
    Account,
    WeChat,
    count,
    event,
    left_numbers,
    make_app,
    make_district,
    message,
    new_openid,
    spoken_words,
    text_message,
)

T = TypeVar("T")
NUMBERS = ("12356", "020-55550000", "110", "120")
DISTRESS = "测评做完了，还是不想活"
ALL_DAY, ALL_WEEK = (0, 1440), range(7)


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


def make_code(database: Database, parts: Parts, place: Organisation, **changes: object) -> str:
    """A printed code for the self-assessment; `changes` are columns of its entry point."""

    def work(session: Session) -> str:
        point = organisations.make_entry_point(
            session, doors=parts.doors, organisation=place, door="assessment", target="phq2", now=utc_now()
        )
        session.execute(sa.update(EntryPoint).where(EntryPoint.id == point.id).values(**changes or {"target": "phq2"}))
        return point.code

    return database.write(work)


def set_duty(database: Database, district: Organisation, days: Sequence[int]) -> None:
    hours = [(day, *ALL_DAY) for day in days]
    database.write(lambda session: crisis.set_duty_hours(session, organisation=district, hours=hours, now=utc_now()))


def only(database: Database, model: type[T]) -> T:
    return database.read(lambda session: session.scalars(sa.select(model)).one())


def assert_has_numbers(content: str) -> None:
    assert all(number in content for number in NUMBERS), content


# --- follow, scan, leave ----------------------------------------------------------------------------------------------


def test_who_follows_is_welcomed_with_the_open_doors_and_the_numbers(wechat, database):
    content = wechat.push(event("subscribe", EventKey="")).content
    assert "本区社会心理服务" in content
    for door in ("心情自测", "请老师联系我", "求助电话"):
        assert door in content
    assert_has_numbers(content)
    assert only(database, WechatIdentity).is_following


def test_who_follows_by_a_scanned_code_is_told_the_place_and_led_to_what_hangs_there(
    wechat, client, database, parts, district
):
    code = make_code(database, parts, district)
    content = wechat.push(event("subscribe", EventKey=f"qrscene_{code}", Ticket="T")).content
    assert "测试区" in content
    assert f"/h5/test/phq2?from={code}" in content
    assert_has_numbers(content)
    assert only(database, EntryPointDay).scans == 1


@pytest.mark.parametrize("key", ["last_trade_no_4200001", "qrscene_", "qrscene_123", "qrscene_<b>&", "999"])
def test_who_follows_by_something_unknown_is_welcomed_all_the_same(wechat, database, key):
    assert_has_numbers(wechat.push(event("subscribe", EventKey=key)).content)
    assert only(database, WechatIdentity).is_following


def test_who_scans_gets_one_card_that_leads_to_the_door(wechat, client, database, parts, district):
    code = make_code(database, parts, district)
    reply = wechat.push(event("SCAN", EventKey=code, Ticket="T")).reply
    assert (reply["MsgType"], reply["ArticleCount"]) == ("news", "1")
    assert reply["Url"].endswith(f"/h5/test/phq2?from={code}")
    assert client.get(reply["Url"]).status_code == 200
    assert "测试区" in reply["Description"]
    assert "12356" in reply["Description"]
    assert "110" in reply["Description"]
    assert only(database, EntryPointDay).scans == 1


def test_a_scan_keeps_nobody_for_what_follows_may_be_anonymous(wechat, database, parts, district):
    wechat.push(event("SCAN", EventKey=make_code(database, parts, district)))
    assert count(database, Resident) == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"revoked_at": utc_now() - timedelta(days=1)}, "已经停用"),
        ({"valid_until": utc_now() - timedelta(days=1)}, "已经过了使用日期"),
        ({"valid_from": utc_now() + timedelta(days=1)}, "还没有到开放的日期"),
        ({"target": "withdrawn"}, "已经停用"),
    ],
)
@pytest.mark.parametrize("name", ["SCAN", "subscribe"])
def test_a_code_that_leads_nowhere_says_so_and_what_is_open(wechat, database, parts, district, name, changes, says):
    code = make_code(database, parts, district, **changes)
    content = wechat.push(event(name, EventKey=code if name == "SCAN" else f"qrscene_{code}")).content
    assert says in content
    assert "/h5/contact" in content
    assert_has_numbers(content)


@pytest.mark.parametrize("key", ["", "123", "no-such-code", "../../etc", "x" * 20_000])
def test_a_code_that_is_not_ours_says_so_and_what_is_open(wechat, key):
    content = wechat.push(event("SCAN", EventKey=key)).content
    assert "没有找到这张码" in content
    assert_has_numbers(content)


def test_who_leaves_gets_no_answer_and_who_comes_back_follows_again(wechat, database):
    wechat.push(event("subscribe", CreateTime=100))
    assert wechat.push(event("unsubscribe", CreateTime=200)).is_success
    assert not only(database, WechatIdentity).is_following
    wechat.push(event("subscribe", CreateTime=300))
    assert only(database, WechatIdentity).is_following


def test_an_older_event_that_arrives_late_changes_nothing(wechat, database):
    wechat.push(event("subscribe", CreateTime=100))
    wechat.push(event("subscribe", CreateTime=300))
    assert wechat.push(event("unsubscribe", CreateTime=200)).is_success
    assert only(database, WechatIdentity).is_following
    wechat.push(event("unsubscribe", CreateTime=400))
    wechat.push(event("subscribe", CreateTime=350))
    assert not only(database, WechatIdentity).is_following


def test_somebody_unknown_who_leaves_stays_unknown(wechat, database):
    assert wechat.push(event("unsubscribe")).is_success
    assert count(database, Resident) == 0


# --- menu and keywords ------------------------------------------------------------------------------------------------


def clicks_of_the_menu() -> list[str]:
    menu = yaml.safe_load((ROOT / "content" / "wechat" / "menu.yaml").read_text(encoding="utf-8"))
    buttons = [inner for button in menu["button"] for inner in button.get("sub_button", [button])]
    return [button["key"] for button in buttons if "key" in button]


@pytest.mark.parametrize("key", clicks_of_the_menu())
def test_every_button_of_the_menu_has_an_answer_of_its_own(wechat, key):
    content = wechat.push(event("CLICK", EventKey=key)).content
    assert "看不懂" not in content
    assert_has_numbers(content)
    if key != "HELP":
        assert content != wechat.push(event("CLICK", EventKey="HELP")).content


def test_a_button_that_the_menu_no_longer_has_answers_with_what_there_is(wechat):
    old = wechat.push(event("CLICK", EventKey="OF_AN_OLD_MENU")).content
    assert old == wechat.push(event("CLICK", EventKey="HELP")).content


def test_a_page_opened_from_the_menu_needs_no_words(wechat):
    assert wechat.push(event("VIEW", EventKey="https://example.org/h5/", MenuId=7)).is_success


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("测评", "心情自测"),
        ("測 評", "心情自测"),
        ("树洞", "「树洞信箱」还没有开放"),
        ("樹洞", "「树洞信箱」还没有开放"),
        ("预约", "「预约」还没有开放"),
        ("預約", "「预约」还没有开放"),
        ("微课", "「微课」还没有开放"),
        ("微課！", "「微课」还没有开放"),
        ("热线", "心理援助热线 12356"),
        ("電話", "心理援助热线 12356"),
        ("帮助", "现在可以做的"),
        ("ＨＥＬＰ", "现在可以做的"),
        ("人工", "手机号"),
        ("转 人 工", "手机号"),
    ],
)
def test_each_keyword_has_its_answer_and_the_numbers(wechat, typed, says):
    content = wechat.push(text_message(typed)).content
    assert says in content
    assert_has_numbers(content)


@pytest.mark.parametrize("typed", ["树洞", "预约", "微课"])
def test_a_door_that_is_not_open_says_what_is(wechat, typed):
    content = wechat.push(text_message(typed)).content
    assert all(open_door in content for open_door in ("心情自测", "请老师联系我", "求助电话"))


@pytest.mark.parametrize("typed", ["退订", "退訂", "TD", "ｔ"])
def test_who_wants_no_more_tips_is_told_what_there_is_and_what_stays(wechat, typed):
    content = wechat.push(text_message(typed)).content
    assert "没有要退订的" in content
    assert "不会因为退订而停" in content


@pytest.mark.parametrize("typed", ["今天天气不错", "", "😭", "1", "测评 树洞", "a]]>b", "字" * 2000, "{0}%s"])
def test_anything_else_gets_a_helpful_answer_with_the_numbers(wechat, database, typed):
    content = wechat.push(text_message(typed)).content
    assert "自动回复" in content
    assert "心情自测" in content
    assert_has_numbers(content)
    assert count(database, Alert) == 0


@pytest.mark.parametrize("kind", ["image", "voice", "video", "shortvideo", "location", "link"])
def test_what_is_no_text_is_told_that_text_is_understood(wechat, kind):
    content = wechat.push(message(kind, MediaId="M", MsgId=1)).content
    assert "只看得懂文字" in content
    assert_has_numbers(content)


def test_every_link_in_an_answer_opens(wechat, client, settings, database, parts, district):
    code = make_code(database, parts, district)
    links = set()
    for push in (
        event("subscribe", EventKey=f"qrscene_{code}"),
        *(text_message(typed) for typed in ("测评", "树洞", "人工", "帮助", "什么")),
    ):
        links |= set(re.findall(r'<a href="([^"]+)">[^<]+</a>', wechat.push(push).content))
    assert len(links) >= 4
    for link in links:
        assert link.startswith(settings.public_base_url + "/h5/")
        assert client.get(link).status_code == 200, link


# --- a person ---------------------------------------------------------------------------------------------------------


def test_who_asks_for_a_person_learns_until_when_somebody_is_there(wechat, database, district):
    set_duty(database, district, ALL_WEEK)
    content = wechat.push(text_message("人工")).content
    assert "值班老师现在在" in content
    assert "/h5/contact" in content
    assert_has_numbers(content)


def test_who_asks_for_a_person_at_night_learns_when_somebody_will_be_there(wechat, database, district):
    in_three_days = local_day(utc_now() + timedelta(days=3)).weekday()
    set_duty(database, district, [in_three_days])
    content = wechat.push(text_message("人工")).content
    assert "现在没有老师值班" in content
    assert "周" + "一二三四五六日"[in_three_days] in content


def test_where_no_hours_are_known_nothing_is_promised(wechat):
    content = wechat.push(text_message("人工")).content
    assert "没有公布值班时间" in content
    assert_has_numbers(content)


@pytest.mark.parametrize(("typed", "when"), [("138 1234 5678", CallWhen.ANY), ("13812345678 晚上", CallWhen.EVENING)])
def test_a_number_sent_in_the_chat_is_a_request_to_be_called(wechat, database, district, typed, when):
    set_duty(database, district, ALL_WEEK)
    content = wechat.push(text_message(typed)).content
    assert "老师会在" in content
    request, alert = only(database, ContactRequest), only(database, Alert)
    assert (request.call_when, request.alert_id) == (when, alert.id)
    assert (alert.source_kind, alert.grade, alert.is_reachable) == (SourceKind.CHAT, Grade.GENERAL, True)
    assert request.promised_by > utc_now()
    assert alert.rings_since is not None
    assert left_numbers(database) == [canaries.PHONE]


def test_a_number_without_known_hours_is_kept_and_promised_nothing(wechat, database):
    content = wechat.push(text_message("13812345678")).content
    assert "没法告诉您几点会打来" in content
    assert only(database, ContactRequest).promised_by is None
    assert_has_numbers(content)


def test_a_number_after_words_of_distress_joins_their_alert(wechat, database):
    wechat.push(text_message(DISTRESS))
    wechat.push(text_message("13812345678"))
    assert only(database, ContactRequest).alert_id == only(database, Alert).id


# --- distress ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "grade"),
    [
        (DISTRESS, Grade.SERIOUS),
        ("人工 我不想活了", Grade.SERIOUS),
        ("热线有用吗？我想死", Grade.SERIOUS),
        ("我现在站在楼顶，马上就跳下去", Grade.HIGH),
        ("我 不 想 活 了", Grade.SERIOUS),
        ("我不想活了" + "。" * 5_000, Grade.SERIOUS),
        ("<b>我不想活了</b>]]>", Grade.SERIOUS),
    ],
    ids=lambda value: str(value)[:16],
)
def test_distress_is_heard_before_any_keyword_and_raises_an_alert(wechat, database, typed, grade):
    content = wechat.push(text_message(typed)).content
    assert "您现在一定很辛苦" in content
    assert_has_numbers(content)
    alert = only(database, Alert)
    assert alert.grade.rank >= grade.rank
    assert alert.is_reachable
    assert alert.rings_since is not None
    assert spoken_words(database) == [typed]


def test_distress_is_told_who_sees_it_and_when(wechat, database, district):
    assert "没法保证几点有人看到" in wechat.push(text_message(DISTRESS, new_openid())).content
    set_duty(database, district, [local_day(utc_now() + timedelta(days=3)).weekday()])
    assert "现在没有人值班" in wechat.push(text_message(DISTRESS, new_openid())).content
    set_duty(database, district, ALL_WEEK)
    assert "已经转到值班老师的屏幕上" in wechat.push(text_message(DISTRESS, new_openid())).content


def test_what_one_person_writes_before_somebody_takes_over_is_one_alert_and_no_word_is_lost(wechat, database):
    for words in ("我不想活了", "我现在站在楼顶，马上就跳下去", "还是不想活"):
        wechat.push(text_message(words))
    assert only(database, Alert).grade is Grade.HIGH
    assert spoken_words(database) == ["我不想活了", "我现在站在楼顶，马上就跳下去", "还是不想活"]


def test_a_number_in_words_of_distress_is_a_request_to_be_called(wechat, database):
    content = wechat.push(text_message("我不想活了 13812345678")).content
    assert only(database, ContactRequest).alert_id == only(database, Alert).id
    assert "号码收到了" in content
    assert_has_numbers(content)
    assert spoken_words(database) == ["我不想活了 13812345678"]


def test_lasting_sadness_without_a_wish_to_die_gets_the_numbers_and_rings_nobody(wechat, database):
    content = wechat.push(text_message("最近一直睡不着，心情很低落")).content
    assert_has_numbers(content)
    assert count(database, Alert) == 0


class _BrokenScanner:
    def scan(self, _words: str) -> None:
        raise ZeroDivisionError("a fault of ours")


def test_a_scanner_that_fails_hears_more_and_not_less(settings, database, parts, district):
    crypto = CallbackCrypto(
        token=settings.wechat_oa_token, aes_keys=settings.wechat_oa_aes_key, app_id=settings.wechat_oa_app_id
    )
    callback = Callback(
        database=database, crypto=crypto, router=Router(parts.chat, _BrokenScanner(), has_web_login=True)
    )

    def post(query: str, body: bytes) -> tuple[int, bytes]:
        answer = callback.answer(dict(parse_qsl(query)), body, now=utc_now())
        return answer.status, answer.body.encode()

    heard = WeChat(Account.of(settings), post).push(text_message("你好吗"), "plain")
    assert_has_numbers(heard.content)
    assert only(database, Alert).grade is Grade.SERIOUS


# --- the limits of a text ---------------------------------------------------------------------------------------------


class _NamedDoor:
    """A door as a later slice may open it, with the longest name and address that its codes allow."""

    def __init__(self, code: DoorCode) -> None:
        self.code = code

    def has_target(self, _target: str) -> bool:
        return True

    def name_of(self, _target: str) -> str:
        return "名" * 40

    def path_of(self, _target: str) -> str:
        return f"/h5/{'x' * 40}"


def test_no_answer_is_cut_even_with_the_longest_names(settings, database, parts, district):
    base = f"https://{'a' * 40}.example.org.cn"
    doors = Doors([_NamedDoor(code) for code in (DoorCode.ASSESSMENT, DoorCode.CONTACT, DoorCode.HELP)])
    lines = hotlines("0755-12345678-1234|周一至周五 08:00-22:00，节假日 09:00-18:00")
    chat = Chat(settings.wechat_oa_app_id, base, doors, lines, parts.chat.keywords, parts.holdings)
    router = Router(chat, parts.scanner, has_web_login=True)
    long_name = "名" * Organisation.__table__.c.name.type.length
    database.write(lambda session: session.execute(sa.update(Organisation).values(name=long_name)))
    set_duty(database, district, [local_day(utc_now() + timedelta(days=3)).weekday()])
    code = make_code(database, parts, district)
    revoked = make_code(database, parts, district, revoked_at=utc_now() - timedelta(days=1))
    pushes = [
        event("subscribe"),
        event("subscribe", EventKey=f"qrscene_{code}"),
        event("subscribe", EventKey=f"qrscene_{revoked}"),
        event("SCAN", EventKey=revoked),
        event("CLICK", EventKey="HELP"),
        message("image", MsgId=1),
        *(text_message(word) for word in ("测评", "树洞", "预约", "微课", "热线", "帮助", "人工", "退订", "什么")),
        text_message("13812345678"),
        text_message(DISTRESS),
        text_message(DISTRESS + "13812345678"),
    ]
    said = [answer.content for push in pushes for answer in answers_to(router, database, push)]
    assert len(said) > len(pushes)
    assert [content for content in said if len(content.encode()) > LONGEST_TEXT_BYTES] == []


def answers_to(router: Router, database: Database, push: bytes) -> list[Text]:
    """The texts that a push may get: at once, after its work, or when nothing could be stored."""
    inbound = parse(read_envelope(push))
    route = router.route(inbound)
    answers = [route.at_once, route.unstored]
    if route.work is not None:
        answers.append(database.write(partial(route.work, inbound=inbound, now=utc_now())))
    return [answer for answer in answers if isinstance(answer, Text)]
