"""Twenty people who follow the account scan a code and finish a test, one after another: the real callback, real pages.

Only this module knows in which order they came.
"""

import contextlib
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
import time_machine
from flask import Flask

from server.assessment.models import Response
from server.clock import utc_now
from server.db import Database
from server.migrations.models import METADATA
from server.wechat.once import purge_inbound
from tests.blueprints.visitor import Visitor
from tests.blueprints.world import World
from tests.conftest import LOG_FILE, NOW
from tests.wechat.helpers import WeChat, event, new_openid

PEOPLE = 20


@dataclass
class Evening:
    """What happened, which only this test knows: who scanned and answered in which order."""

    app: Flask
    database: Database
    world: World
    code: str
    openids: list[str]
    response_ids: list[str] = field(default_factory=list)
    over: datetime = NOW
    logged: bytes = b""

    def __post_init__(self) -> None:
        self.before = _snapshot(self.database)
        self._log_began = LOG_FILE.stat().st_size

    def note_what_was_logged(self) -> None:
        with LOG_FILE.open("rb") as file:
            file.seek(self._log_began)
            self.logged = file.read()

    @property
    def file(self) -> Path:
        return Path(self.database.engine.url.database)

    @property
    def is_sqlite(self) -> bool:
        return self.database.engine.dialect.name == "sqlite"

    def rows(self, name: str) -> list[tuple]:
        """As the store hands them out when nobody asks for an order."""
        with self.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))]

    def written(self, name: str) -> list[tuple]:
        known = self.before[name]
        return [row for row in self.rows(name) if row not in known]

    def all(self, model):
        return self.database.read(lambda session: session.scalars(sa.select(model)).all())


def _answers_of(person: int) -> list[int]:
    """Different for each, so that this test can tell whose are whose; every third speaks in item nine."""
    digits = [(person // 4**place) % 4 for place in range(8)]
    return [*digits, 1 if person % 3 == 0 else 0]


def _snapshot(database: Database) -> dict[str, list[tuple]]:
    with database.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table.name}"))]
            for table in METADATA.sorted_tables
        }


def spend_an_evening(app: Flask) -> Evening:
    parts = app.extensions["xinqiao"]
    with time_machine.travel(NOW - timedelta(days=5), tick=False) as clock:
        world = World.build(app)
        code = world.print_code(world.communities[0])
        wechat = WeChat.of(app.test_client(), parts.settings)
        openids = sorted(new_openid() for _ in range(PEOPLE))
        for openid in openids:
            clock.shift(60)
            assert wechat.push(event("subscribe", openid)).status == 200
        clock.move_to(NOW)
        parts.database.write(lambda session: purge_inbound(session, utc_now()))
        _start_with_an_empty_log(parts.database)
        evening = Evening(app, parts.database, world, code, openids[::-2] + openids[-2::-2])
        for openid in evening.openids:
            clock.shift(7)
            heard = wechat.push(event("SCAN", openid, EventKey=code, Ticket="t"))
            _take_the_test(evening, heard.reply["Url"], clock)
        app.test_client().get("/console/duty")  # which is logged: the log was open
        evening.over = utc_now()
    evening.note_what_was_logged()
    return evening


def _take_the_test(evening: Evening, url: str, clock: time_machine.Traveller) -> None:
    address = urlsplit(url)
    visitor = Visitor(evening.app)
    known = {row.public_id for row in evening.all(Response)}
    visitor.open(f"{address.path}?{address.query}")
    visitor.press("开始", age="age_18_59", consent="assessment-1")
    for code in _answers_of(len(evening.response_ids)):
        clock.shift(3)
        visitor.answer(code)
        if visitor.page.path.endswith("/care"):
            visitor.press("我现在是安全的，继续")
    if "不计分" in visitor.page.words:
        visitor.press("这一问不答")
    assert visitor.press("看结果").path == "/h5/test/phq9/result"
    [new] = {row.public_id for row in evening.all(Response)} - known
    evening.response_ids.append(new)


def _start_with_an_empty_log(database: Database) -> None:
    """What follows is then the only thing in it."""
    if database.engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(database.engine.url.database)) as connection:
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
