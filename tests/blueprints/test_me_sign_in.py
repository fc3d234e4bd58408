"""Logging in with WeChat and by the chat's link, and out again; what the anonymous doors learn of it: nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import request

from server.accounts import log_ins, residents
from server.accounts.models import CodeKind, Resident, ResidentCode, ResidentSession, WechatIdentity
from server.clock import utc_now
from server.config import AccountKind
from tests.blueprints.visitor import Visitor
from tests.blueprints.wechat_login import Phone, Platform, platform_for, state_of
from tests.conftest import run_together


@pytest.fixture
def platform(app, world):
    with platform_for(app) as found:
        yield found


@pytest.fixture
def phone(app, platform: Platform) -> Phone:
    return Phone(app, platform)


def rows(database, model):
    return database.read(lambda session: session.scalars(sa.select(model)).all())


# --- with WeChat --------------------------------------------------------------------------------------------------


def test_a_tap_in_wechat_logs_in_and_opens_what_is_mine(phone, database):
    page = phone.log_in()

    assert (page.path, page.status) == ("/h5/me", 200)
    assert "这部手机" in page.words
    assert len(rows(database, Resident)) == len(rows(database, ResidentSession)) == 1


def test_the_same_person_stays_one_resident_however_often_they_log_in(phone, app, platform, database):
    phone.log_in()
    phone.log_in()
    Phone(app, platform).log_in()

    assert len(rows(database, Resident)) == 1
    assert len(rows(database, ResidentSession)) == 2, "the first phone's older log-in has ended"


def test_whoever_logs_in_need_not_follow(phone, database):
    phone.log_in()

    [identity] = rows(database, WechatIdentity)
    assert not identity.is_following
    assert identity.followed_on is None


@pytest.mark.parametrize("spoilt", ["state=", "state=other", "state=%E4%B8%8D"])
def test_a_way_back_that_is_not_this_browsers_own_logs_nobody_in(phone, database, spoilt):
    address = phone.depart()
    back = phone.back_path(address).replace(f"state={state_of(address)}", spoilt)
    page = phone.open(back)

    assert page.status == 403
    assert "没有登录成功" in page.words
    assert rows(database, Resident) == []


def test_somebody_elses_way_back_does_not_log_me_in_as_them(phone, app, platform, database):
    """Or they could read what I keep there."""
    theirs = Phone(app, platform, "li-qiang")
    link = theirs.back_path(theirs.depart())
    phone.depart()

    assert phone.open(link).status == 403
    assert "xq_me" not in phone.cookies()


def test_a_code_that_was_used_or_is_too_old_logs_nobody_in(phone, platform, database):
    address = phone.depart()
    back = phone.back_path(address)
    platform.arrange("/clock", advance_seconds=301)
    assert "没有登录成功" in phone.open(back).words

    platform.arrange("/clock", offset_seconds=0)
    assert phone.log_in().status == 200
    assert len(rows(database, ResidentSession)) == 1


def test_the_way_back_opened_twice_is_no_fault(phone):
    back = phone.back_path(phone.depart())
    phone.open(back)

    assert phone.open(back).path == "/h5/me"


def test_a_snapshot_visitor_makes_no_account(phone, platform, database):
    platform.arrange("/account", is_snapshot=True)
    page = phone.log_in()

    assert "使用完整服务" in page.words
    assert rows(database, Resident) == []


@pytest.mark.parametrize("place", ["https://evil.example", "//evil.example", "/console", "", "%2F%2Fevil", "不"])
def test_a_log_in_leads_only_to_places_of_the_list(phone, place):
    assert phone.log_in(place).address == "/h5/me"


def test_wechat_that_does_not_answer_costs_a_sentence_and_no_account(phone, platform, database):
    platform.arrange("/faults", kind="http_502", path="/sns/oauth2/access_token", count=1)

    assert "没有登录成功" in phone.log_in().words
    assert rows(database, Resident) == []


def test_outside_wechat_the_way_in_is_told_and_nothing_else_is_asked(phone, app):
    parts = app.extensions["xinqiao"]
    production = parts.settings.model_copy(update={"xinqiao_env": "production"})
    app.extensions["xinqiao"] = replace(parts, settings=production)
    outside, inside = Visitor(app), Visitor(app)

    assert "/h5/me/wechat" not in outside.open("/h5/me").html
    assert "发“我的”" in outside.page.words
    assert "/h5/me/wechat" in inside.open("/h5/me/sign-in", **{"User-Agent": "x MicroMessenger/8.0"}).html


# --- on this phone only -------------------------------------------------------------------------------------------


def test_the_cookie_goes_to_my_own_pages_alone(phone):
    phone.log_in()
    cookie = phone.cookie_of("xq_me")

    assert (cookie.path, cookie.http_only, cookie.same_site) == ("/h5/me", True, "Lax")
    assert cookie.max_age == 30 * 86400


def test_the_anonymous_doors_are_never_shown_the_log_in(phone, app):
    seen: list[tuple[str, str]] = []
    app.before_request_funcs.setdefault(None, []).append(lambda: seen.append(_path_and_cookies()))
    try:
        phone.log_in()
        phone.finish([1] * 9)
        phone.open("/h5/contact")
        phone.open("/h5/")
    finally:
        app.before_request_funcs[None].pop()

    assert any("xq_me=" in cookies for path, cookies in seen if path.startswith("/h5/me"))
    assert [path for path, cookies in seen if not path.startswith("/h5/me") and "xq_me" in cookies] == []


def _path_and_cookies():
    return request.path, request.headers.get("Cookie", "")


def test_leaving_this_phone_ends_the_log_in_and_the_token_opens_nothing(phone, app, database):
    phone.log_in()
    token = phone.cookies()["xq_me"]
    phone.press("退出这部手机")

    assert "xq_me" not in phone.cookies()
    assert rows(database, ResidentSession) == []
    thief = app.test_client()
    thief.set_cookie("xq_me", token, path="/h5/me")
    assert thief.get("/h5/me").status_code == 303


def test_another_phone_is_listed_and_can_be_ended_from_here(phone, app, platform):
    other = Phone(app, platform)
    other.log_in()
    phone.log_in()
    phone.press("退出")

    assert other.open("/h5/me").path == "/h5/me/sign-in"
    assert phone.open("/h5/me").path == "/h5/me"


def test_somebody_elses_phone_cannot_be_ended(phone, app, platform, database):
    Phone(app, platform, "li-qiang").log_in()
    [foreign] = rows(database, ResidentSession)
    phone.log_in()
    key = phone.page.form_with("退出这部手机").fields["form_key"]
    phone.post(f"/h5/me/phones/{foreign.public_id}/end", {"form_key": key})

    assert foreign.public_id in {row.public_id for row in rows(database, ResidentSession)}


@pytest.mark.parametrize("key", ["", "forged", "伪造"])
def test_a_form_that_did_not_come_from_my_own_page_does_nothing(phone, database, key):
    phone.log_in()

    assert phone.post("/h5/me/leave", {"form_key": key}).status == 403
    assert len(rows(database, ResidentSession)) == 1


def test_a_log_in_ends_after_thirty_days(phone, clock, database):
    phone.log_in()
    clock.shift(timedelta(days=29))
    assert phone.open("/h5/me").path == "/h5/me"
    clock.shift(timedelta(days=1))

    assert phone.open("/h5/me").path == "/h5/me/sign-in"
    database.write(lambda session: log_ins.purge(session, utc_now()))
    assert rows(database, ResidentSession) == []


def test_of_a_log_in_the_store_knows_the_day_and_no_hour():
    columns = ResidentSession.__table__.columns

    assert {column.name: column.type.python_type.__name__ for column in columns} == {
        "token_hash": "str",
        "public_id": "str",
        "resident_id": "int",
        "created_on": "date",
    }


# --- by the chat's link -------------------------------------------------------------------------------------------


@pytest.fixture
def link(app, world, database) -> str:
    """As the chat writes it to somebody."""

    def work(session):
        resident = residents.resident_of(session, app_id="wx", openid="o-somebody", now=utc_now())
        return log_ins.make_code(session, resident=resident, kind=CodeKind.LOG_IN, now=utc_now())

    return f"/h5/me/link/{database.write(work)}"


def test_the_links_one_button_logs_in(visitor, link):
    visitor.open(link)
    assert visitor.press("在这部手机上登录").path == "/h5/me"


def test_looking_at_the_link_uses_nothing_up(app, visitor, link):
    """Chats and mail draw previews of what is sent."""
    for _ in range(3):
        assert app.test_client().get(link).status_code == app.test_client().head(link).status_code == 200

    visitor.open(link)
    assert visitor.press("在这部手机上登录").path == "/h5/me"


def test_once_opened_the_link_is_useless_to_whoever_it_is_forwarded_to(app, visitor, link):
    visitor.open(link)
    visitor.press("在这部手机上登录")
    other = Visitor(app)

    assert other.open(link).status == 404
    assert "已经用过" in other.page.words
    assert other.post(link, {}).status == 404
    assert visitor.open(link).path == "/h5/me", "who has opened it goes on"


def test_the_link_lasts_ten_minutes(visitor, link, clock, database):
    visitor.open(link)
    clock.shift(timedelta(minutes=10))

    assert visitor.press("在这部手机上登录").status == 404
    database.write(lambda session: log_ins.purge(session, utc_now()))
    assert rows(database, ResidentCode) == []


def test_of_eight_who_press_at_once_one_is_logged_in(app, link, database):
    answers = run_together(8, lambda _: app.test_client().post(link).headers.get("Location", ""))

    assert sorted(answers)[-1] == "/h5/me"
    assert len([answer for answer in answers if answer]) == 1
    assert len(rows(database, ResidentSession)) == 1


def test_a_link_that_never_was_looks_like_one_that_is_over(visitor):
    assert visitor.open("/h5/me/link/" + "x" * 43).status == visitor.open("/h5/me/link/不").status == 404


@pytest.mark.parametrize("kind", [kind for kind in AccountKind if kind is not AccountKind.SERVICE])
def test_where_the_account_may_not_ask_the_page_leads_to_the_chat(app, world, kind):
    parts = app.extensions["xinqiao"]
    app.extensions["xinqiao"] = replace(parts, settings=parts.settings.model_copy(update={"wechat_oa_kind": kind}))
    visitor = Visitor(app)

    assert "发“我的”" in visitor.open("/h5/me").words
    assert visitor.open("/h5/me/wechat").path == "/h5/me/sign-in"
