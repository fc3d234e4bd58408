"""What the account says about who can be reached: true for every roster."""

from datetime import timedelta

import pytest
from flask import Flask

from server.crisis import service as crisis
from server.db import Database
from server.organisations import service as organisations
from server.organisations.models import Level
from server.parts import Parts
from server.wechat.inbound import Inbound, Kind
from server.wechat.keywords import PhoneLeft
from server.wechat.replies import Text
from tests.conftest import NOW

EVERY_DAY = range(7)
ASKED = Inbound(kind=Kind.TEXT, openid="o1", account="gh", sent_at=int(NOW.timestamp()), identity="1", text="人工")


def roster(database: Database, hours: list[tuple[int, int, int]]) -> None:
    def work(session):  # type: ignore[no-untyped-def]
        root = organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)
        crisis.set_duty_hours(session, organisation=root, hours=hours, now=NOW - timedelta(days=2))

    database.write(work)


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ([(day, 0, 1440) for day in EVERY_DAY], "值班老师现在在，全天都有人。"),
        ([(day, 480, 1320) for day in EVERY_DAY], "值班老师现在在，到今天 22:00。"),
        ([(day, 1080, 1320) for day in EVERY_DAY], "现在没有老师值班，下一次值班是今天 18:00。"),
        ([], "目前没有公布值班时间，请先打下面的电话。"),
    ],
    ids=["round the clock", "by day", "later today", "no roster"],
)
def test_who_asks_for_a_person_hears_when_one_is_there(
    app: Flask, parts: Parts, database: Database, hours: list[tuple[int, int, int]], says: str
) -> None:
    roster(database, hours)
    reply = database.write(lambda session: parts.chat.human(session, ASKED, NOW))
    assert isinstance(reply, Text)
    assert says in reply.content
    assert "12356" in reply.content


def test_digits_that_are_no_number_promise_nothing(app: Flask, parts: Parts, database: Database) -> None:
    roster(database, [(day, 0, 1440) for day in EVERY_DAY])
    left = PhoneLeft("12", crisis.CallWhen.ANY)
    reply = database.write(lambda session: parts.chat.contact(session, ASKED, NOW, left=left))
    assert isinstance(reply, Text)
    assert "这个号码好像不对" in reply.content
    assert "前打给您" not in reply.content
