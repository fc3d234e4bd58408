"""One token for all processes, renewed once, never shown."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy.orm import Session

from server.db import Database
from server.vault import Vault
from server.wechat.api_errors import RefusedByWeChat, Unreachable
from server.wechat.client import WeChatApi
from server.wechat.tokens import Issued, TokenStore
from tests.wechat.helpers_client import (
    SECRET,
    TOKEN_PATH,
    Clock,
    Elsewhere,
    Gateway,
    Peer,
    Platform,
    ask_and_wait,
    ask_from_a_process,
    change_row,
    new_app_id,
    ok,
    read_row,
    run_together,
    running_gateway,
    running_sandbox,
    unwaiting,
)

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
T = TypeVar("T")
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


# --- together -----------------------------------------------------------------------------------------------------


def test_twenty_threads_that_find_no_token_cause_one_token_call(database: Database, peer: Peer) -> None:
    api = peer.api(database)

    results = run_together(20, api.get_callback_ips)

    assert results == [["127.0.0.1", "::1"]] * 20
    assert (peer.count(TOKEN_PATH), peer.count(IPS)) == (1, 20)


@pytest.mark.slow
def test_two_processes_that_find_no_token_cause_one_token_call(
    database: Database, migrated_url: str, peer: Peer
) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    elsewhere = Elsewhere(migrated_url, Vault.new_key_text(), peer.app_id, peer.url)
    processes = [context.Process(target=ask_from_a_process, args=(elsewhere, barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [one for _ in processes for one in results.get(timeout=30)]
    for process in processes:
        process.join(30)

    assert answers == ["['127.0.0.1', '::1']"] * 10
    assert (peer.count(TOKEN_PATH), peer.count(IPS)) == (1, 10)


def test_a_token_that_was_revoked_elsewhere_is_renewed_once_for_all_threads(database: Database, peer: Peer) -> None:
    api = peer.api(database)
    api.get_callback_ips()
    peer.arrange("/tokens/revoke")
    peer.calls.clear()

    results = run_together(10, api.get_callback_ips)

    assert results == [["127.0.0.1", "::1"]] * 10
    assert peer.count(TOKEN_PATH) == 1


def test_a_second_store_uses_the_token_of_the_first(database: Database, app_id: str, clock: Clock) -> None:
    platform = Platform()

    tokens = {TokenStore(database, app_id, clock=clock).get(platform) for _ in range(3)}

    assert tokens == {"token-1"}
    assert platform.asked == [False]


def test_somebody_who_was_faster_between_look_and_lease_is_noticed(
    database: Database, app_id: str, clock: Clock
) -> None:
    """The token is old, both have seen it, and one renews it before the other asks for the lease."""
    TokenStore(database, app_id, clock=clock).get(Platform())
    clock.advance(seconds=7200)
    faster, slower = Platform(), Platform()
    faster.number = 2

    class Overtaken(Database):
        """After its first look somebody else is let through."""

        def read(self, work: Callable[[Session], T]) -> T:
            seen = super().read(work)
            if not faster.asked:
                TokenStore(database, app_id, clock=clock).get(faster)
            return seen

    store = TokenStore(Overtaken(database.engine, database.vault), app_id, clock=clock)

    assert store.get(slower) == "token-2"
    assert slower.asked == []


def test_no_transaction_is_open_while_wechat_is_asked(database: Database, app_id: str, clock: Clock) -> None:
    """SQLite has one writer and MySQL locks rows: with a transaction open this write would wait and fail."""

    def fetch(force: bool) -> Issued:
        change_row(database, app_id, forced_count=7)
        return Issued("token-1", 7200)

    assert TokenStore(database, app_id, clock=clock).get(fetch) == "token-1"
    assert read_row(database, app_id).forced_count == 7


# --- in time ------------------------------------------------------------------------------------------------------


def test_a_token_is_renewed_five_minutes_before_it_ends(database: Database, app_id: str, clock: Clock) -> None:
    store, platform = TokenStore(database, app_id, clock=clock), Platform()
    store.get(platform)
    clock.advance(seconds=7200 - 301)
    store.get(platform)
    assert len(platform.asked) == 1

    clock.advance(seconds=1)
    platform.number = 2

    assert store.get(platform) == "token-2"
    assert len(platform.asked) == 2


def test_nobody_waits_for_the_renewal_while_the_old_token_works(database: Database, app_id: str, clock: Clock) -> None:
    store = unwaiting(database, app_id, clock)
    store.get(Platform())
    clock.advance(seconds=7200 - 60)
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(force: bool) -> Issued:
        is_asked.set()
        may_answer.wait(10)
        return Issued("token-2", 7200)

    renewing = threading.Thread(target=store.get, args=(slow,))
    renewing.start()
    is_asked.wait(10)
    meanwhile = store.get(Platform())
    may_answer.set()
    renewing.join()

    assert meanwhile == "token-1"
    assert store.get(Platform()) == "token-2"


def test_the_old_token_serves_while_wechat_gives_no_new_one(database: Database, app_id: str, clock: Clock) -> None:
    store, platform = unwaiting(database, app_id, clock), Platform()
    store.get(platform)
    clock.advance(seconds=7200 - 60)
    platform.failure = Unreachable("cgi-bin/stable_token", "connect")

    assert [store.get(platform), store.get(platform)] == ["token-1", "token-1"]
    assert len(platform.asked) == 2  # the second caller does not try again at once
    clock.advance(seconds=61)
    with pytest.raises(Unreachable):
        store.get(platform)


def test_a_token_repeated_by_wechat_near_its_end_is_not_asked_for_with_every_call(
    database: Database, app_id: str, clock: Clock
) -> None:
    store, platform = unwaiting(database, app_id, clock), Platform(seconds=299)

    for _ in range(5):
        store.get(platform)

    assert len(platform.asked) == 1


def test_what_wechat_refused_is_not_asked_again_for_a_minute(database: Database, app_id: str, clock: Clock) -> None:
    store, platform = unwaiting(database, app_id, clock), Platform()
    platform.failure = RefusedByWeChat("cgi-bin/stable_token", 40125, "", "", True)
    for _ in range(3):
        with pytest.raises(RefusedByWeChat, match="40125"):
            store.get(platform)
    assert len(platform.asked) == 1

    clock.advance(seconds=61)
    platform.failure = None

    assert store.get(platform) == "token-1"


def test_a_token_without_a_time_is_used_and_soon_renewed(database: Database, peer: Peer, clock: Clock) -> None:
    peer.arrange("/faults", kind="no_expires_in", path=TOKEN_PATH)
    api = peer.api(database, clock)
    api.get_callback_ips()
    clock.advance(minutes=4)
    api.get_callback_ips()
    assert peer.count(TOKEN_PATH) == 1

    clock.advance(minutes=2)
    api.get_callback_ips()

    assert peer.count(TOKEN_PATH) == 2


@pytest.mark.parametrize(
    ("said", "believed"), [(b"7200", 7200), (b'"300"', 300), (b"1000000000", 7200), (b"-5", 600), (b"null", 600)]
)
def test_a_time_that_cannot_be_is_not_believed(
    database: Database, gateway: Gateway, clock: Clock, app_id: str, said: bytes, believed: int
) -> None:
    gateway.token_answer = lambda heard: ok(b'{"access_token": "t", "expires_in": %s}' % said)
    tokens = TokenStore(database, app_id, clock=clock)

    assert WeChatApi(app_id=app_id, secret=SECRET, tokens=tokens, base=gateway.url).keep_token_fresh()
    assert read_row(database, app_id).expires_at == NOON + timedelta(seconds=believed)


# --- leases -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_lease_of_a_refresher_that_was_killed_ends_by_time(
    database: Database, migrated_url: str, app_id: str, gateway: Gateway
) -> None:
    gateway.token_answer = lambda heard: gateway.wait()
    elsewhere = Elsewhere(migrated_url, Vault.new_key_text(), app_id, gateway.url)
    process = multiprocessing.get_context("spawn").Process(target=ask_and_wait, args=(elsewhere,))
    process.start()
    assert gateway.arrived.wait(30)
    process.kill()
    process.join(30)
    assert read_row(database, app_id).leased_by is not None

    clock = Clock()
    store = unwaiting(database, app_id, clock)
    platform = Platform()
    with pytest.raises(Unreachable, match="leased"):
        store.get(platform)
    assert platform.asked == []
    clock.advance(seconds=16)

    assert store.get(platform) == "token-1"


def test_the_wait_for_another_refresher_is_bounded(database: Database, app_id: str, clock: Clock) -> None:
    """Both clocks stand still here, save the real one that bounds the wait."""
    unwaiting(database, app_id, clock).get(Platform())
    change_row(
        database, app_id, token_sealed=None, leased_by="somebody else", leased_until=NOON + timedelta(seconds=15)
    )
    pauses: list[float] = []
    store = TokenStore(database, app_id, clock=clock, wait_seconds=0.2, sleep=pauses.append)

    began = time.monotonic()

    with pytest.raises(Unreachable, match="leased"):
        store.get(Platform())

    assert time.monotonic() - began < 2
    assert pauses[:3] == pytest.approx([0.05, 0.075, 0.1125])
    assert max(pauses) <= 0.5


def test_a_refresher_that_came_too_late_does_not_overwrite_the_token_of_the_next(
    database: Database, app_id: str, clock: Clock
) -> None:
    other = Platform()
    other.number = 9

    def late(force: bool) -> Issued:
        clock.advance(seconds=16)
        TokenStore(database, app_id, clock=clock).get(other)
        return Issued("late", 7200)

    assert TokenStore(database, app_id, clock=clock).get(late) == "late"
    assert TokenStore(database, app_id, clock=clock).get(Platform()) == "token-9"


def test_a_failed_refresh_gives_the_lease_back(database: Database, app_id: str, clock: Clock) -> None:
    platform = Platform()
    platform.failure = Unreachable("cgi-bin/stable_token", "connect")
    with pytest.raises(Unreachable):
        unwaiting(database, app_id, clock).get(platform)

    assert read_row(database, app_id).leased_by is None
    assert unwaiting(database, app_id, clock).get(Platform()) == "token-1"
