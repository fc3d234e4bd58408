"""A new token is forced only when it must be, and rarely; what is stored shows nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from server.db import Database
from server.vault import Vault
from server.wechat.api_errors import RefusedByWeChat, Unreachable, WeChatError
from server.wechat.tokens import FORCED_A_DAY, Issued, TokenStore, token_age_left
from tests.wechat.helpers_client import (
    Clock,
    Gateway,
    Peer,
    Platform,
    change_row,
    new_app_id,
    ok,
    read_row,
    refuse,
    running_gateway,
    running_sandbox,
    unwaiting,
)

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
IPS = "/cgi-bin/getcallbackip"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as running:
        yield running


@pytest.fixture
def app_id() -> str:
    return new_app_id()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


def test_a_new_token_is_forced_only_when_wechat_hands_out_the_refused_one_again(
    database: Database, app_id: str, clock: Clock
) -> None:
    store, platform = TokenStore(database, app_id, clock=clock), Platform()
    store.get(platform)

    assert store.replace("token-1", platform) == "token-2"
    assert platform.asked == [False, False, True]
    assert store.replace("token-1", platform) == "token-2"  # somebody else's complaint of the same token
    assert len(platform.asked) == 3


def test_forcing_is_rationed_to_one_in_thirty_seconds(database: Database, app_id: str, clock: Clock) -> None:
    store, platform = TokenStore(database, app_id, clock=clock), Platform()
    store.get(platform)
    store.replace("token-1", platform)
    clock.advance(seconds=29)

    assert TokenStore(database, app_id, clock=clock).replace("token-2", platform) is None
    assert platform.asked.count(True) == 1
    clock.advance(seconds=1)

    assert store.replace("token-2", platform) == "token-3"


def test_forcing_is_rationed_to_twenty_a_day_of_beijing(database: Database, app_id: str, clock: Clock) -> None:
    store, platform = TokenStore(database, app_id, clock=clock), Platform()
    bad = store.get(platform)
    for _ in range(FORCED_A_DAY):
        clock.advance(seconds=31)
        bad = store.replace(bad, platform) or ""
    clock.advance(seconds=31)

    assert store.replace(bad, platform) is None
    assert platform.asked.count(True) == 20
    assert read_row(database, app_id).forced_count == 20
    clock.now = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # midnight in Beijing

    assert store.replace(bad, platform) == "token-22"
    assert read_row(database, app_id).forced_count == 1


def test_a_forced_refresh_counts_even_if_its_answer_is_lost(database: Database, app_id: str, clock: Clock) -> None:
    store, platform = unwaiting(database, app_id, clock), Platform()
    store.get(platform)

    def lost(force: bool) -> Issued:
        if force:
            raise Unreachable("cgi-bin/stable_token", "connect")
        return platform(force)

    with pytest.raises(Unreachable):
        store.replace("token-1", lost)

    assert read_row(database, app_id).forced_count == 1


def test_the_sandbox_accepts_what_the_ration_lets_through(database: Database, peer: Peer) -> None:
    """Its own limits are WeChat's: 20 a day, 30 seconds apart."""
    clock = Clock()
    api = peer.api(database, clock)
    for _ in range(3):
        peer.arrange("/faults", kind="errcode", path=IPS, errcode=40001)
        assert api.get_callback_ips() == ["127.0.0.1", "::1"]
        clock.advance(seconds=31)
        peer.arrange("/clock", advance_seconds=31)

    assert read_row(database, peer.app_id).forced_count == 3


def test_the_row_holds_no_readable_token_and_opens_in_its_own_place_only(
    database: Database, app_id: str, clock: Clock
) -> None:
    TokenStore(database, app_id, clock=clock).get(Platform())
    sealed = read_row(database, app_id).token_sealed
    assert sealed is not None
    assert b"token-1" not in sealed

    other_id = new_app_id()
    TokenStore(database, other_id, clock=clock).get(Platform())
    change_row(database, other_id, token_sealed=sealed)
    platform = Platform()
    TokenStore(database, other_id, clock=clock).get(platform)

    assert platform.asked == [False]


def test_a_token_sealed_under_a_lost_key_is_fetched_anew(database: Database, app_id: str, clock: Clock) -> None:
    TokenStore(database, app_id, clock=clock).get(Platform())
    other_keys = Database(database.engine, Vault.from_text(Vault.new_key_text("k9")))
    platform = Platform()

    assert TokenStore(other_keys, app_id, clock=clock).get(platform) == "token-1"
    assert platform.asked == [False]


def test_what_a_token_has_left_is_told_without_the_token(database: Database, app_id: str, clock: Clock) -> None:
    def left(at: datetime) -> timedelta | None:
        return database.read(lambda session: token_age_left(session, app_id=app_id, now=at))

    assert left(NOON) is None
    with pytest.raises(Unreachable):
        unwaiting(database, app_id, clock).get(_unreachable)
    assert left(NOON) is None  # the row is there by now, a token is not
    clock.advance(seconds=3)
    TokenStore(database, app_id, clock=clock).get(Platform())

    assert left(clock.now) == timedelta(seconds=7200)
    assert left(clock.now + timedelta(seconds=7201)) == timedelta(seconds=-1)


def _unreachable(force: bool) -> Issued:
    raise Unreachable("cgi-bin/stable_token", "connect")


def test_neither_a_token_nor_the_store_shows_it_when_printed(database: Database, app_id: str, clock: Clock) -> None:
    store = TokenStore(database, app_id, clock=clock)
    issued = Issued("token-1", 7200)
    store.get(lambda force: issued)

    assert "token-1" not in f"{issued!r} {store!r} {vars(store)!r}"


def test_a_token_call_that_is_refused_is_an_alert_and_not_a_stale_token(database: Database, gateway: Gateway) -> None:
    gateway.token_answer = lambda heard: refuse(40001, "invalid credential")
    api = gateway.api(database)

    with pytest.raises(RefusedByWeChat) as caught:
        api.get_callback_ips()

    assert (caught.value.errcode, caught.value.act, caught.value.api) == (40001, "alert", "cgi-bin/stable_token")
    assert len(gateway.heard) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"access_token": ""}', b'{"access_token": 7}'])
def test_an_answer_without_a_token_is_no_answer(database: Database, gateway: Gateway, body: bytes) -> None:
    gateway.token_answer = lambda heard: ok(body)
    api = gateway.api(database)

    with pytest.raises(WeChatError, match="no_token"):
        api.get_callback_ips()

    assert gateway.calls == []
