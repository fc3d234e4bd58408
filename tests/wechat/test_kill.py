"""kill -9 of the web processes and of the worker, at random moments, while people write and answer.

Whatever was accepted is there once, whatever was not is not there in halves.
"""

import contextlib
import itertools
import os
import random
import re
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from html import unescape
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from server.accounts.models import Resident, WechatIdentity
from server.assessment.models import Answer, Response
from server.audit import service as audit
from server.clock import utc_now
from server.crisis.models import Alert, SourceKind
from server.db import Database, make_engine
from server.vault import Vault, token_hash
from server.wechat.inbound import Inbound, parse, read_envelope
from server.wechat.models import InboundMessage
from server.wechat.once import key_of
from tests.conftest import empty_database_url

from .helpers import (
    Heard,
    Installation,
    WeChat,
    count,
    event,
    installation,
    left_numbers,
    make_district,
    new_openid,
    spoken_words,
    text_message,
)

ROUNDS = 50
CHATTING, ANSWERING = 4, 2
# Between two kills so many answers arrive: a kill always falls into work.
ANSWERS_A_ROUND = 8
LONGEST_ROUND = 40.0


@dataclass
class Message:
    """One push with all its deliveries. `heard` is the answer that WeChat accepted."""

    body: bytes
    words: str = ""
    phone: str = ""
    follows: bool = False
    heard: Heard | None = None

    @property
    def inbound(self) -> Inbound:
        return parse(read_envelope(self.body))


@dataclass
class Run:
    """One anonymous run through PHQ-9: the answers that were accepted, and those of which nobody knows."""

    token: str
    accepted: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


@dataclass
class Traffic:
    """People who write and answer until they are told to stop, each with a random generator of its own."""

    site: Installation
    seed: int
    messages: list[Message] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    answered: int = 0
    faults: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.seed)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        people = [self._chat] * CHATTING + [self._answer_questions] * ANSWERING
        self._threads = [
            threading.Thread(target=self._live, args=(live, random.Random(self.seed + number)))
            for number, live in enumerate(people)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.faults == []

    def _live(self, live: Callable[[random.Random], None], rng: random.Random) -> None:
        try:
            while not self._stop.is_set():
                live(rng)
        except BaseException as fault:
            self.faults.append(fault)

    def _note_answer(self) -> None:
        with self._lock:
            self.answered += 1

    # --- in the chat --------------------------------------------------------------------------------------------------

    def _chat(self, rng: random.Random) -> None:
        message = self._make_message(rng)
        self.messages.append(message)
        wechat = WeChat.over_http(self.site.url, self.site.settings)
        if rng.random() < 0.1:
            self._hang_up(wechat, message, rng.uniform(0.001, 0.05))
        message.heard = wechat.push_until_answered(message.body)
        if message.heard is None:
            return
        self._note_answer()
        if rng.random() < 0.2:  # the answer was lost on its way
            again = wechat.push_until_answered(message.body)
            if again is not None and again.is_accepted and message.heard.is_accepted and message.heard.reply:
                assert again.content == message.heard.content

    def _make_message(self, rng: random.Random) -> Message:
        openid, number = new_openid(), next(self._numbers) % 10**8
        match rng.randrange(5):
            case 0 | 1:
                words = f"我不想活了 {''.join(rng.choices('bcdfghkm', k=12))}"
                return Message(text_message(words, openid), words=words)
            case 2:
                phone = f"138{number:08}"
                return Message(text_message(phone, openid), phone=phone)
            case 3:
                return Message(event("subscribe", openid, EventKey=""), follows=True)
        return Message(text_message(rng.choice(["热线", "树洞", "今天天气不错"]), openid))

    def _hang_up(self, wechat: WeChat, message: Message, after: float) -> None:
        """A delivery whose connection is gone before the answer comes."""
        query, body = wechat.account.pack(message.body, "safe")
        with contextlib.suppress(requests.RequestException):
            requests.post(f"{self.site.url}/wechat/callback", params=query, data=body, timeout=after).close()

    # --- on the pages -------------------------------------------------------------------------------------------------

    def _answer_questions(self, rng: random.Random) -> None:
        token = self._begin()
        if token is None:
            return
        run = Run(token)
        self.runs.append(run)
        for number in range(1, 10):
            code = rng.choice([0, 1]) if number == 9 else rng.randrange(4)
            if not self._send_answer(run, f"phq9_{number}", code) or self._stop.is_set():
                return

    def _begin(self) -> str | None:
        page = self._ask("GET", "?anew=1")
        if page is None:
            return None
        consent = re.search(r'name="consent" value="([^"]*)"', page)
        assert consent is not None
        form = {**_hidden(page), "age": "age_18_59", "consent": unescape(consent.group(1))}
        page = self._ask("POST", "/start", form)
        return None if page is None else _hidden(page)["token"]

    def _send_answer(self, run: Run, item: str, code: int) -> bool:
        page = self._ask("POST", "/answer", {"token": run.token, "item": item, "code": str(code), "drawn_at": "0"})
        if page is None:
            run.unknown.add(item)
            return False
        run.accepted[item] = code
        self._note_answer()
        return True

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> str | None:
        """A page, asked for again as people do who see an error; None when it never came."""
        for _ in range(4):
            with contextlib.suppress(requests.RequestException):
                answer = requests.request(method, f"{self.site.url}/h5/test/phq9{path}", data=form, timeout=20)
                if answer.status_code < 500:
                    assert answer.status_code == 200, f"{path}: {answer.status_code}"
                    return answer.text
            time.sleep(0.3)
        return None


def _hidden(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in fields}


# --- the killing ------------------------------------------------------------------------------------------------------


def kill_something(site: Installation, rng: random.Random) -> str:
    """kill -9; what nobody else starts again is started again here."""
    match rng.choices(["one", "all", "worker", "everything"], [50, 10, 30, 10])[0]:
        case "one":
            victims = rng.sample(site.web_workers(), 1)
        case "all":
            victims = site.web_workers()
        case "worker":
            site.kill_worker()
            site.start_worker()
            return "worker"
        case _:
            site.kill_web()
            site.kill_worker()
            site.start_worker()
            site.start_web()
            return "everything"
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return f"{len(victims)} web"


def wait_for_answers(traffic: Traffic, number: int) -> None:
    deadline = time.monotonic() + LONGEST_ROUND
    while traffic.answered < number:
        assert not traffic.faults, traffic.faults
        assert time.monotonic() < deadline, "nobody is answered any longer"
        time.sleep(0.01)


@pytest.fixture
def seed() -> int:
    """XINQIAO_KILL_SEED repeats a run, as far as processes let themselves be repeated."""
    seed = int(os.environ.get("XINQIAO_KILL_SEED") or secrets.randbits(32))
    print(f"XINQIAO_KILL_SEED={seed}")  # shown when the test fails
    return seed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Installation]:
    with empty_database_url(tmp_path) as url, installation(tmp_path, url) as made:
        yield made


@pytest.mark.slow
def test_whatever_was_accepted_before_a_kill_is_there_once(site, seed):
    rng = random.Random(seed)
    engine = make_engine(site.database_url)
    store = Database(engine, Vault.from_text(site.settings.data_keys))
    make_district(store)
    site.start_worker()
    site.start_web()
    traffic, killed = Traffic(site, seed), Counter()
    try:
        for _ in range(ROUNDS):
            wait_for_answers(traffic, traffic.answered + ANSWERS_A_ROUND)
            time.sleep(rng.uniform(0, 0.3))
            killed[kill_something(site, rng)] += 1
        wait_for_answers(traffic, traffic.answered + ANSWERS_A_ROUND)
    finally:
        traffic.stop()
    print(f"{len(traffic.messages)} messages, {len(traffic.runs)} runs, killed: {dict(killed)}")
    check_messages(store, traffic.messages)
    check_runs(store, traffic.runs)
    check_alerts(store)
    assert store.read(audit.verify).fault is None
    check_resends(site, store, rng.sample(traffic.messages, 40))
    check_messages(store, traffic.messages)
    engine.dispose()


# --- what must hold ---------------------------------------------------------------------------------------------------


def check_messages(store: Database, messages: list[Message]) -> None:
    rows = kept_keys(store)
    kept = [message for message in messages if row_of(store, message) in rows]
    lost = [message for message in messages if message.heard and message.heard.is_accepted and message not in kept]
    assert lost == []
    assert len(kept) == len(rows), "a row that belongs to no message"
    assert sum(bool(message.heard) for message in messages) > ROUNDS
    # Row and work are one: of everything that was kept the effect is there, once, and of nothing else.
    assert Counter(spoken_words(store)) == Counter(message.words for message in kept if message.words)
    assert Counter(left_numbers(store)) == Counter(message.phone for message in kept if message.phone)
    known = [message for message in kept if message.words or message.phone or message.follows]
    assert count(store, Resident) == count(store, WechatIdentity) == len(known)


def check_runs(store: Database, runs: list[Run]) -> None:
    query = sa.select(Response.token_hash, Answer.item_id, Answer.code).join(
        Answer, Answer.response_id == Response.public_id
    )
    stored: dict[str, dict[str, int]] = {}
    for row in store.read(lambda session: session.execute(query).all()):
        stored.setdefault(row.token_hash, {})[row.item_id] = row.code
    assert sum(len(run.accepted) for run in runs) > ROUNDS
    for run in runs:
        found = stored.get(token_hash(run.token), {})
        assert {item: code for item, code in found.items() if item not in run.unknown} == run.accepted


def check_alerts(store: Database) -> None:
    """Each answer of a wish to die that was stored has its alert, and each alert its reason; none has two."""
    signs = sa.select(Answer.response_id).where(Answer.item_id == "phq9_9", Answer.code > 0)
    wished = store.read(lambda session: session.scalars(signs).all())
    alerts = store.read(lambda session: session.scalars(sa.select(Alert)).all())
    assert len(wished) > 0
    assert Counter(alert.source_public_id for alert in alerts if alert.source_kind is SourceKind.RESPONSE) == Counter(
        wished
    )
    in_chat = [alert for alert in alerts if alert.source_kind is SourceKind.CHAT]
    assert len(in_chat) == len(spoken_words(store)) + len(left_numbers(store))


def check_resends(site: Installation, store: Database, messages: list[Message]) -> None:
    """What was handled before all the kills is known after them: the same words, and no new row."""
    rows = kept_keys(store)
    wechat = WeChat.over_http(site.url, site.settings)
    for message in messages:
        again = wechat.push_until_answered(message.body)
        assert again is not None
        assert again.is_accepted
        if message.heard and message.heard.is_accepted and message.heard.reply:
            assert again.content == message.heard.content
        rows.add(row_of(store, message))
    assert kept_keys(store) == rows


Row = tuple[date, bytes]


def row_of(store: Database, message: Message) -> Row:
    key = key_of(store.vault, message.inbound, utc_now())
    return key.day, key.hashes[0]


def kept_keys(store: Database) -> set[Row]:
    rows = store.read(lambda session: session.execute(sa.select(InboundMessage.received_on, InboundMessage.key)).all())
    return {(row.received_on, row.key) for row in rows}
