"""Two lines of tokens, their overlap and their quotas, on a clock that the test moves."""

import json
from typing import Any

import pytest

from .conftest import APP_ID, SECRET, Driver

CREDENTIALS = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}


def plain(sandbox: Driver, **query: str) -> Any:
    return sandbox.client.get("/cgi-bin/token", query_string=CREDENTIALS | query).get_json(force=True)


def stable(sandbox: Driver, **body: object) -> Any:
    return sandbox.client.post("/cgi-bin/stable_token", json=CREDENTIALS | body).get_json(force=True)


def code_of(sandbox: Driver, token: str) -> int:
    return int(sandbox.call("GET", "getcallbackip", token=token).get("errcode", 0))


def advance(sandbox: Driver, seconds: float) -> None:
    sandbox.post("/clock", advance_seconds=seconds)


def test_a_new_plain_token_leaves_the_previous_one_five_minutes(sandbox: Driver) -> None:
    first, second = plain(sandbox)["access_token"], plain(sandbox)["access_token"]
    assert first != second

    advance(sandbox, 295)
    assert (code_of(sandbox, first), code_of(sandbox, second)) == (0, 0)
    advance(sandbox, 10)
    assert (code_of(sandbox, first), code_of(sandbox, second)) == (42001, 0)


def test_only_one_older_plain_token_still_works(sandbox: Driver) -> None:
    first, second, third = (plain(sandbox)["access_token"] for _ in range(3))

    assert [code_of(sandbox, token) for token in (first, second, third)] == [40001, 0, 0]


def test_a_token_ends_after_two_hours(sandbox: Driver) -> None:
    answer = plain(sandbox)
    assert answer["expires_in"] == 7200

    advance(sandbox, 7195)
    assert code_of(sandbox, answer["access_token"]) == 0
    advance(sandbox, 10)
    assert code_of(sandbox, answer["access_token"]) == 42001


def test_the_stable_token_is_repeated_with_what_is_left_of_its_time(sandbox: Driver) -> None:
    first = stable(sandbox)
    advance(sandbox, 3600)
    again = stable(sandbox)

    assert again["access_token"] == first["access_token"]
    assert 3590 <= again["expires_in"] <= 3600


def test_in_its_last_five_minutes_the_stable_token_has_a_successor_and_both_work(sandbox: Driver) -> None:
    first = stable(sandbox)["access_token"]
    advance(sandbox, 7200 - 200)
    second = stable(sandbox)

    assert second["access_token"] != first
    assert second["expires_in"] == 7200
    assert (code_of(sandbox, first), code_of(sandbox, second["access_token"])) == (0, 0)
    advance(sandbox, 205)
    assert (code_of(sandbox, first), code_of(sandbox, second["access_token"])) == (42001, 0)


def test_a_forced_refresh_kills_the_stable_token_at_once(sandbox: Driver) -> None:
    first = stable(sandbox)["access_token"]
    forced = stable(sandbox, force_refresh=True)["access_token"]

    assert (code_of(sandbox, first), code_of(sandbox, forced)) == (40001, 0)
    assert stable(sandbox)["access_token"] == forced


def test_forced_refreshes_are_half_a_minute_apart_and_twenty_a_day(sandbox: Driver) -> None:
    sandbox.post("/clock", now="2026-11-22T08:00:00+08:00")
    assert "access_token" in stable(sandbox, force_refresh=True)
    assert stable(sandbox, force_refresh=True)["errcode"] == 45011

    for _ in range(19):
        advance(sandbox, 31)
        assert "access_token" in stable(sandbox, force_refresh=True)
    advance(sandbox, 31)
    assert stable(sandbox, force_refresh=True)["errcode"] == 45009

    sandbox.post("/clock", now="2026-11-23T00:00:01+08:00")
    assert "access_token" in stable(sandbox, force_refresh=True)


def test_the_two_lines_do_not_disturb_one_another(sandbox: Driver) -> None:
    of_stable = stable(sandbox)["access_token"]
    of_plain = plain(sandbox)["access_token"]
    plain(sandbox)
    stable(sandbox, force_refresh=True)

    assert (code_of(sandbox, of_plain), code_of(sandbox, of_stable)) == (0, 40001)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"grant_type": "password"}, 40002),
        ({"appid": ""}, 41002),
        ({"appid": "wx1"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "wrong"}, 40125),
    ],
)
def test_wrong_credentials_have_their_codes_at_both_doors(
    sandbox: Driver, change: dict[str, str], errcode: int
) -> None:
    assert (plain(sandbox, **change)["errcode"], stable(sandbox, **change)["errcode"]) == (errcode, errcode)


def test_a_call_without_a_token_and_one_with_an_invented_token_differ(sandbox: Driver) -> None:
    assert (code_of(sandbox, ""), code_of(sandbox, "虚构")) == (41001, 40001)


def test_the_token_counts_in_the_query_alone(sandbox: Driver) -> None:
    answer = sandbox.call("POST", "clear_quota", token="", json={"appid": APP_ID, "access_token": sandbox.token()})

    assert answer["errcode"] == 41001


def test_a_revoked_token_is_not_latest(sandbox: Driver) -> None:
    token = stable(sandbox)["access_token"]
    sandbox.post("/tokens/revoke")

    assert code_of(sandbox, token) == 40001
    assert stable(sandbox)["access_token"] != token


def test_the_body_is_read_whatever_its_content_type(sandbox: Driver) -> None:
    answer = sandbox.client.post("/cgi-bin/stable_token", data=json.dumps(CREDENTIALS))

    assert "access_token" in answer.get_json(force=True)


def test_errors_are_http_200_with_a_rid(sandbox: Driver) -> None:
    answer = sandbox.respond("GET", "getcallbackip", token="x")

    assert answer.status_code == 200
    assert answer.content_type == "application/json; encoding=utf-8"
    assert answer.get_json(force=True)["errmsg"].split(" rid: ")[1].count("-") == 2
