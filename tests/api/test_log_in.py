"""Signing in with WeChat: codes that are good once, tokens that change with every use, devices that can be ended."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from server.accounts import api_tokens
from server.accounts.api_models import ApiDevice, ApiRefreshToken, ResidentPhone
from server.accounts.models import Resident
from server.blueprints.miniapp.marks import RESIDENT
from server.clock import utc_now
from server.ids import new_public_id
from server.vault import token_hash
from server.wechat.client import WeChatApi
from server.wechat.miniprogram import BadCode, MiniProgram, WeChatAway
from server.wechat.tokens import TokenStore
from tests.api.conftest import Phone
from tests.canaries import PHONE
from tests.conftest import NOW, run_together
from tests.wechat.helpers_client import running_sandbox

SECRET = "secret-of-the-mini-program"
KEY = "8f14e45f-ceea-467f-a8e2-1f2a5b3c4d5e"
PERSON = "chen-jing"


@pytest.fixture(scope="module")
def wechat():
    with running_sandbox(mini_program_ids=("wxmini",), mini_program_secret=SECRET) as peer:
        yield peer


@pytest.fixture
def mini(app, world, wechat):
    """An installation with a mini program, whose WeChat is the sandbox."""
    wechat.arrange("/reset")
    parts = app.extensions["xinqiao"]
    settings = parts.settings.model_copy(
        update={"wechat_mp_app_id": "wxmini", "wechat_mp_secret": SECRET, "wechat_api_base": wechat.url}
    )
    app.extensions["xinqiao"] = replace(parts, settings=settings)
    return wechat


def sign_in(app, mini, *, person=PERSON, label="") -> Phone:
    phone = Phone(app)
    code = mini.arrange("/mini/login-code", resident=person)["code"]
    answer = phone.post("/auth/wechat", {"code": code, "device_label": label})
    assert answer.status_code == 200, answer.text
    phone.access, phone.refresh = answer.json["access_token"], answer.json["refresh_token"]
    return phone


def change(phone: Phone, token="", **headers):
    return phone.post("/auth/refresh", {"refresh_token": token or phone.refresh}, **headers)


# --- the code -----------------------------------------------------------------------------------------------------------


def test_who_signs_in_twice_is_the_same_resident(app, mini, database):
    first, second = sign_in(app, mini), sign_in(app, mini)
    other = sign_in(app, mini, person="wang-xiuying")

    assert first.get("/me").json["id"] == second.get("/me").json["id"] != other.get("/me").json["id"]
    assert database.read(lambda session: session.scalar(sa.select(sa.func.count(Resident.id)))) == 2


def test_a_code_is_good_once(app, mini):
    code = mini.arrange("/mini/login-code", resident=PERSON)["code"]
    first, second = (Phone(app).post("/auth/wechat", {"code": code}) for _ in range(2))

    assert first.status_code == 200
    assert (second.status_code, second.json["error"]["code"]) == (422, "wechat.bad_code")


def test_a_code_ends_after_five_minutes(app, mini):
    code = mini.arrange("/mini/login-code", resident=PERSON)["code"]
    mini.arrange("/clock", advance_seconds=301)

    assert Phone(app).post("/auth/wechat", {"code": code}).json["error"]["code"] == "wechat.bad_code"


@pytest.mark.parametrize(
    ("errcode", "status", "code"),
    [(40226, 403, "wechat.login_refused"), (45011, 503, "wechat.away"), (40125, 503, "wechat.away")],
)
def test_what_wechat_refuses_has_an_answer_of_its_own(app, mini, errcode, status, code):
    mini.arrange("/faults", kind="errcode", path="/sns/jscode2session", errcode=errcode)
    answer = Phone(app).post("/auth/wechat", {"code": "x"})

    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


def test_a_busy_wechat_is_asked_again(app, mini):
    mini.arrange("/faults", kind="errcode", path="/sns/jscode2session", errcode=-1)

    assert sign_in(app, mini).get("/me").status_code == 200


def test_the_log_in_asks_for_no_access_token_and_sends_none(app, mini):
    mini.calls.clear()
    sign_in(app, mini)

    assert mini.calls == ["/sns/jscode2session"]


def test_without_a_mini_program_the_log_in_says_so_and_everything_anonymous_works(app, phone):
    parts = app.extensions["xinqiao"]
    without = {"wechat_mp_app_id": "", "wechat_mp_secret": ""}
    app.extensions["xinqiao"] = replace(parts, settings=parts.settings.model_copy(update=without))
    answer = phone.post("/auth/wechat", {"code": "x"})

    assert (answer.status_code, answer.json["error"]["code"]) == (503, "wechat.no_mini_program")
    assert answer.json["hotlines"]
    assert phone.begin().status_code == 201


def test_the_sandbox_tells_a_union_id(mini, database):
    api = WeChatApi(app_id="wxmini", secret=SECRET, tokens=TokenStore(database, "wxmini"), base=mini.url)
    who = MiniProgram("wxmini", api).identify(mini.arrange("/mini/login-code", resident=PERSON)["code"])

    assert len(who.openid) == len(who.union_id) == 28
    assert who.openid not in repr(who)
    with pytest.raises(BadCode):
        MiniProgram("wxmini", api).identify("made-up")
    mini.arrange("/faults", kind="http_502", path="/sns/jscode2session")
    with pytest.raises(WeChatAway):
        MiniProgram("wxmini", api).identify("made-up")


# --- the access token ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic abc", "Bearer  ", "金丝雀"])
def test_what_needs_a_log_in_refuses_what_is_no_token(app, world, header):
    headers = {"Authorization": header.encode().decode("latin-1")} if header else {}
    answer = app.test_client().get("/api/v1/me", headers=headers)

    assert (answer.status_code, answer.json["error"]["code"]) == (401, "not_signed_in")


def test_every_guarded_operation_refuses_a_stranger(app, world):
    for rule in app.url_map.iter_rules():
        if getattr(app.view_functions[rule.endpoint], "guarded_by", None) == RESIDENT:
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                address = rule.rule.replace("<device_id>", new_public_id())
                assert app.test_client().open(address, method=method).status_code == 401, rule.rule


def test_an_access_token_in_a_cookie_or_an_address_opens_nothing(app, mini):
    access = sign_in(app, mini).access
    client = app.test_client()
    client.set_cookie("access_token_cookie", access)

    assert client.get(f"/api/v1/me?jwt={access}").status_code == 401


def test_an_access_token_ends_after_a_quarter_of_an_hour(app, mini, clock):
    phone = sign_in(app, mini)
    clock.shift(timedelta(minutes=14))
    assert phone.get("/me").status_code == 200
    clock.shift(timedelta(minutes=2))

    assert phone.get("/me").status_code == 401


def test_while_the_key_is_changed_the_tokens_of_the_one_before_still_open(app, mini):
    phone = sign_in(app, mini)
    parts = app.extensions["xinqiao"]
    newer = {"secret_key": "another key that is long enough, too"}
    app.extensions["xinqiao"] = replace(parts, settings=parts.settings.model_copy(update=newer))
    assert phone.get("/me").status_code == 401
    both = newer | {"secret_key_previous": parts.settings.secret_key}
    app.extensions["xinqiao"] = replace(parts, settings=parts.settings.model_copy(update=both))

    assert phone.get("/me").status_code == 200


# --- the refresh token --------------------------------------------------------------------------------------------------


def test_a_refresh_token_is_changed_for_the_next_pair(app, mini):
    phone = sign_in(app, mini)
    answer = change(phone)

    assert answer.status_code == 200
    assert answer.json["refresh_token"] != phone.refresh
    phone.access = answer.json["access_token"]
    assert phone.get("/me").status_code == 200


def test_a_stolen_token_that_is_shown_after_its_owner_used_it_ends_the_device_for_both(app, mini, world):
    phone = sign_in(app, mini)
    stolen = phone.refresh
    phone.refresh = change(phone).json["refresh_token"]
    thief = change(Phone(app), stolen)

    assert (thief.status_code, thief.json["error"]["code"]) == (401, "accounts.token_refused")
    assert change(phone).status_code == 401
    assert phone.get("/me").status_code == 401
    assert [act.reason for act in world.acts("device.ended")] == ["token_reused"]


def test_a_thief_who_was_faster_loses_the_device_when_its_owner_comes(app, mini):
    phone = sign_in(app, mini)
    thief = Phone(app)
    loot = change(thief, phone.refresh).json

    assert change(phone).status_code == 401
    assert change(thief, loot["refresh_token"]).status_code == 401
    thief.access = loot["access_token"]
    assert thief.get("/me").status_code == 401


def test_whoever_lost_the_answer_gets_the_same_pair_again_with_the_same_key(app, mini):
    phone = sign_in(app, mini)
    first, again = (change(phone, Idempotency_Key=KEY).json for _ in range(2))

    assert first == again
    assert change(phone, first["refresh_token"]).status_code == 200


@pytest.mark.parametrize("key", ["", "another-key-0123456789"])
def test_the_repeat_with_another_key_is_theft(app, mini, key):
    phone = sign_in(app, mini)
    following = change(phone, Idempotency_Key=KEY).json["refresh_token"]

    assert change(phone, **({"Idempotency_Key": key} if key else {})).status_code == 401
    assert change(phone, following).status_code == 401


def test_the_repeat_that_comes_too_late_is_theft(app, mini, clock):
    phone = sign_in(app, mini)
    change(phone, Idempotency_Key=KEY)
    clock.shift(timedelta(seconds=31))

    assert change(phone, Idempotency_Key=KEY).status_code == 401


def test_the_repeat_after_the_next_one_was_used_is_theft(app, mini):
    phone = sign_in(app, mini)
    following = change(phone, Idempotency_Key=KEY).json["refresh_token"]
    change(phone, following)

    assert change(phone, Idempotency_Key=KEY).status_code == 401


def test_a_refresh_token_ends_after_thirty_days(app, mini, clock):
    phone = sign_in(app, mini)
    clock.shift(timedelta(days=30))

    assert change(phone).status_code == 401


def test_only_hashes_of_refresh_tokens_are_kept(app, mini, world):
    phone = sign_in(app, mini)

    assert [row.token_hash for row in world.all(ApiRefreshToken)] == [token_hash(phone.refresh)]


def test_of_many_that_show_one_token_at_once_one_is_served(app, mini, database):
    """The others were second: the device ends."""
    phone = sign_in(app, mini)

    def use(_number):
        return database.write(
            lambda session: (
                api_tokens.refresh(session, token=phone.refresh, repeat_key="", now=NOW)
                if session.scalar(sa.select(ApiDevice.ended_on)) is None
                else "ended"
            )
        )

    with time_machine.travel(NOW, tick=True):
        found = run_together(6, use)

    assert sum(isinstance(one, api_tokens.Pair) for one in found) == 1
    assert change(phone).status_code == 401


def test_what_is_over_is_forgotten(app, mini, world, database, clock):
    phone = sign_in(app, mini)
    change(phone, Idempotency_Key=KEY)
    clock.shift(timedelta(minutes=1))
    database.write(lambda session: api_tokens.purge(session, utc_now()))
    assert all(row.successor_sealed is None and row.repeat_until is None for row in world.all(ApiRefreshToken))
    clock.shift(timedelta(days=31))
    database.write(lambda session: api_tokens.purge(session, utc_now()))

    assert world.all(ApiRefreshToken) == world.all(ApiDevice) == []


# --- devices ------------------------------------------------------------------------------------------------------------


def test_each_of_two_devices_is_listed_and_ends_alone_and_at_once(app, mini):
    old, new = sign_in(app, mini, label="旧手机"), sign_in(app, mini, label="新手机")
    listed = new.get("/me/devices").json["devices"]
    assert [(one["label"], one["is_this_one"]) for one in listed] == [("新手机", True), ("旧手机", False)]

    assert new.call("DELETE", f"/me/devices/{listed[1]['id']}").status_code == 204
    assert old.get("/me").status_code == change(old).status_code == 401
    assert new.get("/me").status_code == 200


def test_signing_out_ends_this_device(app, mini):
    phone = sign_in(app, mini)

    assert phone.post("/auth/sign-out").status_code == 204
    assert phone.get("/me").status_code == change(phone).status_code == 401


def test_somebody_elses_device_is_not_there(app, mini):
    mine, theirs = sign_in(app, mini), sign_in(app, mini, person="wang-xiuying")
    their_device = theirs.get("/me").json["device_id"]
    answers = [mine.call("DELETE", f"/me/devices/{one}") for one in (their_device, new_public_id())]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json == answers[1].json
    assert theirs.get("/me").status_code == 200


def test_what_a_device_is_called_is_sealed(app, mini, world):
    sign_in(app, mini, label="新手机")

    assert "新手机".encode() not in world.only(ApiDevice).label_sealed


# --- the number ---------------------------------------------------------------------------------------------------------


def give(phone, mini, **headers):
    code = mini.arrange("/mini/phone-code", resident=PERSON, phone=PHONE)["code"]
    return code, phone.call("PUT", "/me/phone", {"code": code, "consent_version": "phone-1"}, **headers)


def test_a_number_is_kept_sealed_with_the_text_that_was_agreed_to_and_can_be_taken_back(app, mini, world):
    phone = sign_in(app, mini)
    _, answer = give(phone, mini)
    row = world.only(ResidentPhone)

    assert answer.json == phone.get("/me").json["phone"]
    assert (answer.json["ending"], answer.json["consent_version"]) == (PHONE[-4:], "phone-1")
    assert PHONE.encode() not in row.phone_sealed
    for _ in range(2):
        assert phone.call("DELETE", "/me/phone").status_code == 204
    assert phone.get("/me").json["phone"] is None
    assert world.all(ResidentPhone) == []
    assert world.acts("phone.given")
    assert world.acts("phone.taken_back")


def test_without_a_yes_to_the_text_of_today_wechat_is_not_even_asked(app, mini):
    phone = sign_in(app, mini)
    mini.calls.clear()
    answer = phone.call("PUT", "/me/phone", {"code": "x", "consent_version": "phone-0"})

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "api.consent_changed")
    assert mini.calls == []


def test_a_number_whose_answer_was_lost_is_told_again_without_a_second_code(app, mini):
    phone = sign_in(app, mini)
    code, first = give(phone, mini, Idempotency_Key=KEY)
    again = phone.call("PUT", "/me/phone", {"code": code, "consent_version": "phone-1"}, Idempotency_Key=KEY)

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert mini.count("/wxa/business/getuserphonenumber") == 1


def test_a_code_that_was_no_good_leaves_the_key_free(app, mini):
    phone = sign_in(app, mini)
    body = {"code": "made-up", "consent_version": "phone-1"}
    found = [phone.call("PUT", "/me/phone", body, Idempotency_Key=KEY).status_code for _ in range(2)]

    assert found == [422, 422]
