"""A push that comes again while the first is still at work, in this process or another, does nothing twice."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import parse_qsl

import pytest
from sqlalchemy.orm import Session

from server.clock import utc_now
from server.crisis.models import Alert, AlertWords
from server.db import Database, make_engine
from server.errors import NotFound, Unavailable
from server.wechat.callback import Callback
from server.wechat.crypto import CallbackCrypto
from server.wechat.inbound import Inbound
from server.wechat.models import InboundMessage
from server.wechat.replies import Reply, Text
from server.wechat.router import Route
from tests.conftest import run_together

from .helpers import (
    AGAIN,
    PATIENCE_SECONDS,
    Account,
    Heard,
    WeChat,
    count,
    event,
    make_app,
    make_district,
    new_openid,
    text_message,
)

ACCOUNT = Account("token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wx0123456789abcdef")
LOCK_WAIT = 3.0


class Work:
    """A route whose work writes a row, and waits between that and its end for as long as the test likes."""

    def __init__(self) -> None:
        self.runs = 0
        self.began = threading.Event()
        self.may_end = threading.Event()
        self.fault: Exception | None = None

    def route(self, inbound: Inbound) -> Route:
        is_waited_for = bool(inbound.text)
        return Route(None, self._do, Text(f"{AGAIN} 12356") if is_waited_for else None, "work")

    def _do(self, _session: Session, inbound: Inbound, _now: datetime) -> Reply:
        self.runs += 1
        self.began.set()
        assert inbound.text == "quick" or self.may_end.wait(30)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        return Text(f"done {self.runs}")


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.may_end.set()


Process = Callable[[], WeChat]


@pytest.fixture
def process(own_database: Database, work: Work) -> Iterator[Process]:
    """Makes what one web process has of its own: a pool of connections, a pool of threads. The database is one."""
    engines = []

    def start() -> WeChat:
        engine = make_engine(own_database.engine.url.render_as_string(hide_password=False))
        engines.append(engine)
        crypto = CallbackCrypto(token=ACCOUNT.token, aes_keys=[ACCOUNT.aes_key], app_id=ACCOUNT.app_id)
        callback = Callback(database=Database(engine, own_database.vault), crypto=crypto, router=work)

        def post(query: str, body: bytes) -> tuple[int, bytes]:
            answer = callback.answer(dict(parse_qsl(query)), body, now=utc_now())
            return answer.status, answer.body.encode()

        return WeChat(ACCOUNT, post)

    yield start
    work.may_end.set()
    for engine in engines:
        engine.dispose()


def send_and_resend(process: Process, work: Work, push: bytes, *, after: float) -> tuple[Heard, Heard]:
    """The push to one process and, once it is at work there, again to another; the first ends `after` seconds later."""
    one, other = process(), process()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(one.push, push)
        assert work.began.wait(10)
        again = threads.submit(other.push, push)
        time.sleep(after)
        work.may_end.set()
        return first.result(), again.result()


def test_a_resend_waits_for_the_first_and_gets_its_reply(process, work, own_database):
    first, again = send_and_resend(process, work, text_message("a"), after=0.5)
    assert first.content == again.content == "done 1"
    assert again.seconds > 0.3
    assert work.runs == count(own_database, InboundMessage) == 1


def test_a_resend_within_one_process_waits_too(process, work):
    one = process()
    with ThreadPoolExecutor(2) as threads:
        push = text_message("a")
        first = threads.submit(one.push, push)
        assert work.began.wait(10)
        again = threads.submit(one.push, push)
        time.sleep(0.3)
        work.may_end.set()
        assert first.result().content == again.result().content == "done 1"
    assert work.runs == 1


def test_a_resend_that_has_waited_long_enough_is_answered_and_does_nothing(process, work, own_database):
    one, other = process(), process()
    push = text_message("a")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(one.push, push)
        assert work.began.wait(10)
        again = other.push(push)
        assert AGAIN in again.content
        assert LOCK_WAIT * 0.9 < again.seconds < PATIENCE_SECONDS
        # The first one's own answer is late as well. What it began is stored whole, and found by the next resend.
        assert AGAIN in first.result().content
        assert first.result().seconds < PATIENCE_SECONDS
        work.may_end.set()
    heard = [other.push(push) for _ in range(3)][-1]
    assert heard.content == "done 1"
    assert work.runs == count(own_database, InboundMessage) == 1


@pytest.mark.slow
def test_an_event_that_nobody_waits_on_is_asked_for_again_while_the_first_still_runs(process, work):
    first, again = send_and_resend(process, work, event("unsubscribe"), after=3.6)
    assert (first.status, again.status) == (503, 503)
    assert work.runs == 1


@pytest.mark.parametrize("fault", [NotFound(), Unavailable(), ZeroDivisionError()], ids=["refusal", "lock", "bug"])
def test_a_resend_does_the_work_when_the_first_has_failed(process, work, own_database, fault):
    work.fault = fault
    first, again = send_and_resend(process, work, text_message("a"), after=0.5)
    assert AGAIN in first.content
    assert again.content == "done 2"
    assert work.runs == 2
    assert count(own_database, InboundMessage) == 1


def test_many_resends_whose_first_fails_do_the_work_once(process, work, own_database):
    # On MySQL each of those who wait gets a shared lock on the gap when the first is rolled back, and they deadlock.
    work.fault = ZeroDivisionError()
    push, processes = text_message("a"), [process() for _ in range(4)]
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(processes[0].push, push)
        assert work.began.wait(10)
        others = [threads.submit(processes[number % 4].push, push) for number in range(8)]
        time.sleep(0.5)
        work.may_end.set()
        answers = [other.result() for other in others]
    assert AGAIN in first.result().content
    assert {answer.content for answer in answers} == {"done 2"}
    assert (work.runs, count(own_database, InboundMessage)) == (2, 1)


@pytest.mark.mariadb
def test_other_messages_do_not_wait_for_one_that_hangs(process, work):
    # SQLite has one writer; what then happens is in test_callback_locks.py.
    one = process()
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(one.push, text_message("a"))
        assert work.began.wait(10)
        assert one.push(text_message("quick")).content == "done 2"
        assert not hanging.done()
        work.may_end.set()


# --- the real thing ---------------------------------------------------------------------------------------------------


def test_copies_that_reach_two_processes_at_once_are_one_alert_each(own_database, tmp_path):
    make_district(own_database)
    engine = make_engine(own_database.engine.url.render_as_string(hide_password=False))
    processes = []
    for number, store in enumerate([own_database, Database(engine, own_database.vault)]):
        app = make_app(tmp_path / "instance", store)
        processes.append(WeChat.of(app.test_client(), app.extensions["xinqiao"].settings))
        assert number == 0 or processes[0].account == processes[1].account
    pushes = [text_message("我不想活了", new_openid()) for _ in range(4)]
    heard = run_together(32, lambda number: processes[number % 2].push(pushes[number % 16 // 4]))
    engine.dispose()
    assert all("12356" in one.content and AGAIN not in one.content for one in heard)
    assert [count(own_database, table) for table in (InboundMessage, Alert, AlertWords)] == [4, 4, 4]
