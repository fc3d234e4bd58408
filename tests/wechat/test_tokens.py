"""One token for all processes, renewed once, never shown."""

import multiprocessing
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.db import Database
from server.vault import Vault
from server.wechat.api_errors import RefusedByWeChat, Unreachable, WeChatError
from server.wechat.client import WeChatApi
from server.wechat.tokens import FORCED_A_DAY, Issued, TokenStore, token_age_left

from .helpers_client import (
    DATA_KEYS,
    SECRET,
    TOKEN_PATH,
    Clock,
    Gateway,
    Peer,
    ask_from_a_process,
    change_row,
    database_url,
    die_while_asking,
    ok,
    open_database,
    read_row,
    refuse,
    run_together,
    running_gateway,
    running_sandbox,
)

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
IPS = "/cgi-bin/getcallbackip"


class Platform:
    """WeChat's rule for the stable token, as far as the store can see it."""

    def __init__(self, seconds: int = 7200) -> None:
        self.seconds = seconds
        self.asked: list[bool] = []
        self.number = 1
        self.failure: WeChatError | None = None

    def __call__(self, force: bool) -> Issued:
        self.asked.append(force)
        if self.failure is not None:
            raise self.failure
        self.number += force
        return Issued(f"token-{self.number}", self.seconds)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(database_url(tmp_path)) as opened:
        yield opened


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as running:
        yield running


@pytest.fixture
def app_id(request: pytest.FixtureRequest) -> str:
    """Short, and different in each test: they may share a database."""
    return f"wx{abs(hash((request.node.nodeid, id(request)))):x}"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


def unwaiting(database: Database, app_id: str, clock: Clock) -> TokenStore:
    """A store that does not wait for others."""
    return TokenStore(database, app_id, clock=clock, wait_seconds=0, sleep=lambda seconds: None)


# --- together -----------------------------------------------------------------------------------------------------


def test_twenty_threads_that_find_no_token_cause_one_token_call(database: Database, peer: Peer) -> None:
    api = peer.api(database)

    results = run_together(20, api.get_callback_ips)

    assert results == [["127.0.0.1", "::1"]] * 20
    assert (peer.count(TOKEN_PATH), peer.count(IPS)) == (1, 20)


def test_two_processes_that_find_no_token_cause_one_token_call(tmp_path: Path, database: Database, peer: Peer) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    given = (database_url(tmp_path), DATA_KEYS, peer.app_id, peer.url, barrier, results)
    processes = [context.Process(target=ask_from_a_process, args=given) for _ in range(2)]
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


def test_nobody_waits_for_the_renewal_while_the_old_token_works(
    database: Database, app_id: str, clock: Clock
) -> None:
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


# --- leases -------------------------------------------------------------------------------------------------------


def test_the_lease_of_a_refresher_that_was_killed_ends_by_time(
    tmp_path: Path, database: Database, peer: Peer, gateway: Gateway
) -> None:
    gateway.token_answer = lambda heard: gateway.wait()
    context = multiprocessing.get_context("spawn")
    given = (database_url(tmp_path), DATA_KEYS, peer.app_id, gateway.url)
    process = context.Process(target=die_while_asking, args=given)
    process.start()
    process.join(30)
    assert process.exitcode == -9
    assert gateway.arrived.is_set()
    assert read_row(database, peer.app_id).leased_by is not None

    clock = Clock()
    store = unwaiting(database, peer.app_id, clock)
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

    with pytest.raises(Unreachable, match="leased"):
        store.get(Platform())

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


# --- forcing ------------------------------------------------------------------------------------------------------


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


# --- at rest ------------------------------------------------------------------------------------------------------


def test_the_row_holds_no_readable_token_and_opens_in_its_own_place_only(
    database: Database, app_id: str, clock: Clock
) -> None:
    TokenStore(database, app_id, clock=clock).get(Platform())
    sealed = read_row(database, app_id).token_sealed
    assert sealed is not None
    assert b"token-1" not in sealed

    TokenStore(database, "wx-other", clock=clock).get(Platform())
    change_row(database, "wx-other", token_sealed=sealed)
    platform = Platform()
    TokenStore(database, "wx-other", clock=clock).get(platform)

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
    api = WeChatApi(app_id="wx1", secret=SECRET, tokens=TokenStore(database, "wx-refused"), base=gateway.url)

    with pytest.raises(RefusedByWeChat) as caught:
        api.get_callback_ips()

    assert (caught.value.errcode, caught.value.act, caught.value.api) == (40001, "alert", "cgi-bin/stable_token")
    assert len(gateway.heard) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"access_token": ""}', b'{"access_token": 7}'])
def test_an_answer_without_a_token_is_no_answer(database: Database, gateway: Gateway, body: bytes, app_id: str) -> None:
    gateway.token_answer = lambda heard: ok(body)
    api = WeChatApi(app_id=app_id, secret=SECRET, tokens=TokenStore(database, app_id), base=gateway.url)

    with pytest.raises(WeChatError, match="no_token"):
        api.get_callback_ips()

    assert gateway.calls == []
