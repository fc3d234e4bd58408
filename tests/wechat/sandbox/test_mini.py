"""The mini program's side of the imitation: codes that are good once, and a token of its own."""

import pytest

from .conftest import APP_ID, RESIDENT, SECRET

MINI = {"appid": "wxmini", "secret": "mini-secret", "grant_type": "authorization_code"}


@pytest.fixture
def box(make_sandbox):
    return make_sandbox(mini_program_ids=("wxmini",), mini_program_secret="mini-secret")


def exchange(box, code, **changed):
    return box.client.get("/sns/jscode2session", query_string=MINI | {"js_code": code} | changed).get_json(force=True)


def login_code(box, resident=RESIDENT):
    return box.post("/mini/login-code", resident=resident)["code"]


def test_a_person_has_another_openid_here_and_one_union_id(box):
    first, again = exchange(box, login_code(box)), exchange(box, login_code(box))
    followed = next(one for one in box.get("/residents")["residents"] if one["id"] == RESIDENT)

    assert first["openid"] == again["openid"] != followed["openid"]
    assert first["unionid"] == again["unionid"]
    assert first["session_key"] != again["session_key"]


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"appid": APP_ID}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": SECRET}, 40125),
        ({"secret": ""}, 41004),
        ({"grant_type": "x"}, 40002),
        ({"js_code": "made-up"}, 40029),
    ],
)
def test_what_is_wrong_has_its_errcode_and_uses_no_code_up(box, changed, errcode):
    code = login_code(box)

    assert exchange(box, code, **changed)["errcode"] == errcode
    assert "openid" in exchange(box, code)


def test_a_code_is_used_up_and_ends(box):
    used, late = login_code(box), login_code(box)
    exchange(box, used)
    assert exchange(box, used)["errcode"] == 40163
    box.post("/clock", advance_seconds=300)

    assert exchange(box, late)["errcode"] == 40029


def test_one_person_signs_in_a_hundred_times_a_minute_at_most(box):
    box.post("/clock", now="2026-11-23T04:00:00+00:00")
    found = [exchange(box, login_code(box)).get("errcode", 0) for _ in range(101)]

    assert found == [0] * 100 + [45011]
    assert "openid" in exchange(box, login_code(box, "liu-yang"))


def phone_number(box, code, token):
    path = "/wxa/business/getuserphonenumber"
    return box.client.post(path, query_string={"access_token": token}, json={"code": code}).get_json(force=True)


def mini_token(box):
    body = {"grant_type": "client_credential", "appid": "wxmini", "secret": "mini-secret"}
    return box.client.post("/cgi-bin/stable_token", json=body).get_json(force=True)["access_token"]


def test_a_number_is_told_once_and_to_the_mini_programs_own_token(box):
    code = box.post("/mini/phone-code", resident=RESIDENT, phone="13800001111")["code"]
    assert phone_number(box, code, box.token())["errcode"] == 40001

    told = phone_number(box, code, mini_token(box))
    assert told["phone_info"]["phoneNumber"] == "13800001111"
    assert told["phone_info"]["watermark"]["appid"] == "wxmini"
    assert phone_number(box, code, mini_token(box))["errcode"] == 40163


def test_a_login_code_gives_no_number(box):
    assert phone_number(box, login_code(box), mini_token(box))["errcode"] == 40029


def test_the_two_accounts_tokens_do_not_disturb_one_another(box):
    own, mini = box.token(), mini_token(box)

    assert own != mini
    assert (box.token(), mini_token(box)) == (own, mini)
