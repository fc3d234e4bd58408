"""Answers within WeChat's five seconds whatever the database does, and at once again afterwards.

Each lock is held for as long as the test likes: for a minute, if it liked. What is slow runs the real web processes.
"""

import contextlib
import itertools
import re
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urlencode

import pymysql
import pytest
import requests
import sqlalchemy as sa

from server.assessment.policy import AgeBand
from server.clock import utc_now
from server.db import Database, make_engine
from server.migrations.models import METADATA
from server.vault import Vault
from server.wechat.inbound import LARGEST_BODY, parse, read_envelope
from server.wechat.once import key_of
from tests import canaries
from tests.conftest import SERVER_URL, empty_database_url, run_together

from .helpers import (
    AGAIN,
    PATH,
    PATIENCE_SECONDS,
    Heard,
    Installation,
    Proxy,
    WeChat,
    event,
    installation,
    left_numbers,
    make_app,
    make_district,
    message,
    new_openid,
    spoken_words,
    text_message,
)

_numbers = itertools.count(10_000_000)


@dataclass(frozen=True)
class Push:
    body: bytes
    is_waited_for: bool
    words: str = ""
    phone: str = ""


def distress() -> Push:
    words = f"我不想活了 {next(_numbers)}"
    return Push(text_message(words, new_openid()), True, words=words)


def number_left() -> Push:
    phone = f"138{next(_numbers)}"
    return Push(text_message(phone, new_openid()), True, phone=phone)


KINDS: list[Callable[[], Push]] = [
    distress,
    number_left,
    lambda: Push(text_message("热线", new_openid()), True),
    lambda: Push(text_message("人工", new_openid()), True),
    lambda: Push(text_message("今天天气不错", new_openid()), True),
    lambda: Push(message("image", new_openid(), MediaId="M", MsgId=next(_numbers)), True),
    lambda: Push(event("CLICK", new_openid(), EventKey="HOTLINE"), True),
    lambda: Push(event("SCAN", new_openid(), EventKey="k7x2m9p3qr"), True),
    lambda: Push(event("subscribe", new_openid(), EventKey=""), True),
    lambda: Push(event("unsubscribe", new_openid()), False),
    lambda: Push(event("VIEW", new_openid(), EventKey="https://example.org"), False),
    lambda: Push(event("a_thing_of_2030", new_openid()), False),
]


def send_all(wechat: WeChat, pushes: list[Push]) -> list[Heard]:
    return run_together(len(pushes), lambda index: wechat.push(pushes[index].body))


def all_kinds(number: int) -> list[Push]:
    return [KINDS[index % len(KINDS)]() for index in range(number)]


def check_refusals(pushes: list[Push], answers: list[Heard]) -> None:
    """Numbers and the request to send it again; for what nobody waits on, a status on which WeChat sends it again."""
    for push, answer in zip(pushes, answers, strict=True):
        assert answer.seconds < PATIENCE_SECONDS
        if push.is_waited_for:
            assert AGAIN in answer.content
            assert "12356" in answer.content
        else:
            assert (answer.status, answer.raw) == (503, b"")


def check_recovery(wechat: WeChat, store: Database, pushes: list[Push]) -> None:
    """All is well at once; what is sent again is done, and once, also when it was stored after its answer had left."""
    released = time.monotonic()
    while not wechat.push(distress().body).is_accepted:
        assert time.monotonic() - released < 1
    assert all(answer.is_accepted for answer in (wechat.push(push.body) for push in pushes))
    spoken, left = Counter(spoken_words(store)), Counter(left_numbers(store))
    assert [spoken[push.words] for push in pushes if push.words] == [1] * sum(bool(push.words) for push in pushes)
    assert [left[push.phone] for push in pushes if push.phone] == [1] * sum(bool(push.phone) for push in pushes)


# --- locks ------------------------------------------------------------------------------------------------------------

Lock = AbstractContextManager[object]


@contextlib.contextmanager
def held_by_another(url: str, *statements: str) -> Iterator[None]:
    """Another connection does these statements and then nothing, until the block ends."""
    parsed = sa.make_url(url)
    connection: sqlite3.Connection | pymysql.Connection[pymysql.cursors.Cursor]
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database), isolation_level=None)
    else:
        connection = pymysql.connect(
            host=parsed.host or "",
            port=parsed.port or 3306,
            user=parsed.username,
            password=parsed.password or "",
            database=parsed.database,
        )
    with contextlib.closing(connection):
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        yield


def whole_store_locked(url: str) -> Lock:
    """Nobody else can write: the strongest lock of either database."""
    if sa.make_url(url).get_backend_name() == "sqlite":
        return held_by_another(url, "BEGIN EXCLUSIVE")
    tables = [*METADATA.tables, "alembic_version"]
    return held_by_another(url, "LOCK TABLES " + ", ".join(f"`{name}` WRITE" for name in tables))


# --- within one process -----------------------------------------------------------------------------------------------


def test_while_the_database_is_locked_every_kind_of_push_is_answered_in_time(own_database, tmp_path):
    make_district(own_database)
    app = make_app(tmp_path / "instance", own_database)
    wechat = WeChat.of(app.test_client(), app.extensions["xinqiao"].settings)
    pushes = all_kinds(len(KINDS))
    with whole_store_locked(own_database.engine.url.render_as_string(hide_password=False)):
        check_refusals(pushes, send_all(wechat, pushes))
        # Now the store is in doubt: the next ones do not wait for a lock that nobody gets.
        later = distress()
        answer = wechat.push(later.body)
        check_refusals([later], [answer])
        assert answer.seconds < 2
    check_recovery(wechat, own_database, [*pushes, later])


# --- the real web processes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Web:
    installation: Installation
    wechat: WeChat
    store: Database
    url: str
    proxy: Proxy | None


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Two web processes as they are deployed. A database server is reached through a proxy that can be frozen."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(empty_database_url(tmp_path_factory.mktemp("store")))
        parsed, proxy, through = sa.make_url(url), None, url
        if SERVER_URL:
            proxy = stack.enter_context(contextlib.closing(Proxy(parsed.host or "", parsed.port or 3306)))
            way = parsed.set(host="127.0.0.1", port=proxy.port)
            through = way.render_as_string(hide_password=False)
        made = stack.enter_context(installation(tmp_path_factory.mktemp("web"), through))
        engine = make_engine(url)
        stack.callback(engine.dispose)
        store = Database(engine, Vault.from_text(made.settings.data_keys))
        make_district(store)
        made.start_web()
        yield Web(made, WeChat.over_http(made.url, made.settings), store, url, proxy)


@contextlib.contextmanager
def server_frozen(web: Web) -> Iterator[None]:
    assert web.proxy is not None
    web.proxy.freeze()
    try:
        yield
    finally:
        web.proxy.thaw()


LOCKS: list[object] = [
    pytest.param(lambda web: whole_store_locked(web.url), id="whole store"),
    pytest.param(
        lambda web: held_by_another(web.url, "FLUSH TABLES WITH READ LOCK"),
        id="flush with read lock",
        marks=pytest.mark.mariadb,
    ),
    pytest.param(server_frozen, id="frozen server", marks=pytest.mark.mariadb),
]


@pytest.mark.slow
@pytest.mark.parametrize("lock", LOCKS)
def test_sixty_pushes_at_once_during_a_lock_are_answered_in_time_and_all_is_well_at_once_afterwards(web, lock):
    first, later = all_kinds(60), all_kinds(24)
    with lock(web):
        check_refusals(first, send_all(web.wechat, first))
        check_refusals(later, send_all(web.wechat, later))
    check_recovery(web.wechat, web.store, [*first, *later])


@contextlib.contextmanager
def crowd_on_the_pages(web: Web, people: int = 40) -> Iterator[Counter[int]]:
    """So many people who start a test again and again, each with one connection; what they were answered, by status."""
    intro = requests.get(f"{web.installation.url}/h5/test/phq9", timeout=5).text
    version = re.search(r'name="consent" value="(.+?)"', intro)[1]
    statuses: Counter[int] = Counter()
    is_over = threading.Event()

    def keep_starting(_: int) -> None:
        form = {"age": AgeBand.AGE_18_59, "consent": version}
        while not is_over.is_set():
            with contextlib.suppress(requests.RequestException):
                answer = requests.post(
                    f"{web.installation.url}/h5/test/phq9/start", data=form, allow_redirects=False, timeout=30
                )
                statuses[answer.status_code] += 1

    with ThreadPoolExecutor(people) as threads:
        for number in range(people):
            threads.submit(keep_starting, number)
        try:
            yield statuses
        finally:
            is_over.set()


@pytest.mark.slow
@pytest.mark.parametrize("lock", LOCKS)
def test_a_crowd_on_the_pages_takes_no_answer_from_a_push_during_a_lock_and_keeps_the_numbers(web, lock):
    first, later = all_kinds(24), all_kinds(24)
    with crowd_on_the_pages(web) as statuses:
        time.sleep(2)
        assert set(statuses) == {200}  # while all is well nobody is turned away
        with lock(web):
            time.sleep(1)  # the crowd is stuck by now
            check_refusals(first, send_all(web.wechat, first))
            time.sleep(3)
            check_refusals(later, send_all(web.wechat, later))
            began = time.monotonic()
            page = requests.get(f"{web.installation.url}/h5/help", timeout=5)
            assert "12356" in page.text
            assert time.monotonic() - began < PATIENCE_SECONDS
    assert set(statuses) == {200, 503}
    check_recovery(web.wechat, web.store, [*first, *later])


@pytest.mark.slow
@pytest.mark.mariadb
def test_one_message_that_another_process_holds_does_not_hold_up_the_others(web):
    held, others = distress(), all_kinds(24)
    key = key_of(web.store.vault, parse(read_envelope(held.body)), utc_now())
    values = f"'{key.day}', x'{key.hashes[0].hex()}', ''"
    row = f"INSERT INTO inbound_messages (received_on, `key`, reply_sealed) VALUES ({values})"
    with held_by_another(web.url, "BEGIN", row), ThreadPoolExecutor(1) as thread:
        copies = [held] * 8
        refused = thread.submit(send_all, web.wechat, copies)
        assert all(answer.is_accepted for answer in send_all(web.wechat, others))
        check_refusals(copies, refused.result())
    check_recovery(web.wechat, web.store, [held])


@pytest.mark.slow
@pytest.mark.sqlite
def test_a_reader_never_holds_up_an_answer(web):
    with held_by_another(web.url, "BEGIN", "SELECT count(*) FROM inbound_messages"):
        assert all(answer.is_accepted for answer in send_all(web.wechat, all_kinds(24)))


@pytest.mark.slow
def test_processes_that_are_told_to_stop_during_a_lock_answer_what_they_have_and_end(tmp_path):
    with empty_database_url(tmp_path) as url, installation(tmp_path, url) as made:
        engine = make_engine(url)
        make_district(Database(engine, Vault.from_text(made.settings.data_keys)))
        made.start_web()
        wechat = WeChat.over_http(made.url, made.settings)
        pushes = all_kinds(24)
        with whole_store_locked(url), ThreadPoolExecutor(1) as thread:
            answers = thread.submit(send_all, wechat, pushes)
            time.sleep(1)
            made.web.terminate()
            check_refusals(pushes, answers.result())
            assert made.web.wait(15) == 0
        engine.dispose()


# --- resends ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_push_whose_sender_hangs_up_at_once_is_done_and_the_resend_gets_its_reply(web):
    pushes = [distress() for _ in range(20)]
    for push in pushes:
        query, body = web.wechat.account.pack(push.body, "safe")
        head = f"POST {PATH}?{urlencode(query)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", web.installation.port)) as connection:
            connection.sendall(head.encode() + body)
    assert all(answer.is_accepted for answer in send_all(web.wechat, pushes))
    spoken = Counter(spoken_words(web.store))
    assert [spoken[push.words] for push in pushes] == [1] * len(pushes)


@pytest.mark.slow
def test_copies_that_arrive_at_once_are_done_once_and_answered_alike(web):
    pushes = [distress() for _ in range(4)]
    answers = send_all(web.wechat, pushes * 8)
    spoken = Counter(spoken_words(web.store))
    for number, push in enumerate(pushes):
        assert len({answer.content for answer in answers[number::4]}) == 1
        assert answers[number].is_accepted
        assert spoken[push.words] == 1


# --- bodies that never end up in a message ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_body_over_64_kib_is_too_large_however_it_is_announced(web):
    query, _ = web.wechat.account.pack(b"", "plain")
    address = f"{web.installation.url}{PATH}"
    large = b"x" * (LARGEST_BODY + 1)
    assert requests.post(address, params=query, data=large, timeout=5).status_code == 413
    assert requests.post(address, params=query, data=iter([large]), timeout=5).status_code == 413
    endless = itertools.repeat(b"x" * 4096, 1000)
    with contextlib.suppress(requests.ConnectionError):  # it may hang up while we still send
        assert requests.post(address, params=query, data=endless, timeout=5).status_code == 413
    assert requests.post(address, params=query, data=iter([b"<xml/>"]), timeout=5).content == b"success"


@pytest.mark.slow
def test_no_line_of_the_processes_names_who_wrote_or_what(web):
    push = distress()
    assert web.wechat.push(push.body).is_accepted
    assert web.wechat.deliver({"openid": canaries.OPENID}, push.body).status == 403
    log = web.installation.log.read_text(encoding="utf-8")
    assert "not_from_wechat" in log
    for secret in (parse(read_envelope(push.body)).openid, canaries.OPENID, "不想活"):
        assert secret not in log
