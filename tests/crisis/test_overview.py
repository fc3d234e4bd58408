"""The list of all alerts: what it finds, what it leaves out, and that a million rows cost what fifty do."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts.policy import Role
from server.accounts.staff import Staff
from server.crisis import desk, overview
from server.crisis.models import Alert, Outcome, SourceKind
from server.crisis.overview import AlertState, Filters
from server.db import Database, is_mysql
from server.ids import new_public_id
from server.pagination import Asked
from server.risk.grades import Grade
from tests.conftest import NOW
from tests.crisis.district import District


@pytest.fixture
def district(session) -> District:
    return District(session)


def listed(session, staff, asked=None, **filters) -> list[str]:
    page = overview.list_alerts(session, staff=staff, filters=Filters(**filters), asked=asked or Asked())
    return [row.public_id for row in page.rows]


def test_all_alerts_stand_there_the_newest_first(session, district):
    boss = district.hire("boss", role=Role.SUPERVISOR)
    old = district.alert(now=NOW - timedelta(days=400))
    new = district.alert()

    assert listed(session, boss) == [new.public_id, old.public_id]
    assert listed(session, boss, Asked("raised_at")) == [old.public_id, new.public_id]


def test_each_filter_finds_its_own(session, district):
    officer = district.hire("duty1")
    waiting = district.alert(grade=Grade.HIGH, is_reachable=True)
    taken, closed = district.alert(), district.alert(source_kind=SourceKind.CHAT)
    for alert in (taken, closed):
        desk.acknowledge(session, public_id=alert.public_id, staff=officer, now=NOW)
    desk.close(session, public_id=closed.public_id, staff=officer, outcome=Outcome.SEEN, now=NOW)

    assert listed(session, officer, state=AlertState.OPEN) == [waiting.public_id]
    assert listed(session, officer, state=AlertState.TAKEN) == [taken.public_id]
    assert listed(session, officer, state=AlertState.CLOSED) == [closed.public_id]
    assert listed(session, officer, grade=Grade.HIGH) == [waiting.public_id]
    assert listed(session, officer, source=SourceKind.CHAT) == [closed.public_id]
    assert listed(session, officer, is_reachable=True) == [waiting.public_id]
    assert listed(session, officer, state=AlertState.OPEN, grade=Grade.GENERAL) == []


def test_a_place_stands_for_all_below_it(session, district):
    boss = district.hire("boss", role=Role.SUPERVISOR)
    inside = district.alert(at=district.community, is_reachable=True)
    district.alert(at=district.other_street, is_reachable=True)
    district.alert(at=district.root, is_reachable=True)

    assert listed(session, boss, below=district.street.path) == [inside.public_id]


def test_who_asks_for_a_place_gets_nobody_who_left_no_number(session, district):
    """Or an anonymous answer would have a place and an hour."""
    boss = district.hire("boss", role=Role.SUPERVISOR)
    silent = district.alert(at=district.community)

    assert listed(session, boss, below=district.community.path) == []
    [row] = overview.list_alerts(session, staff=boss, filters=Filters(), asked=Asked()).rows
    assert (row.public_id, row.place) == (silent.public_id, None)


def test_a_filter_never_reaches_beyond_the_scope(session, district):
    officer = district.hire("street1", at=district.street)
    foreign = district.alert(at=district.other_street, is_reachable=True)
    own = district.alert(at=district.community, is_reachable=True)

    assert listed(session, officer) == [own.public_id]
    assert listed(session, officer, below=district.other_street.path) == []
    assert listed(session, officer, below=district.root.path) == [own.public_id]
    assert foreign.public_id not in str(listed(session, officer, is_reachable=True))


def test_who_may_not_watch_sees_nothing(session, district):
    district.alert()

    assert listed(session, district.hire("clerk", role=Role.CLERK)) == []


# --- a long list --------------------------------------------------------------------------------------------------------

MANY = 3000


@pytest.fixture
def long_list(database) -> tuple[Database, Staff]:
    """Enough rows that a planner who would sort them all sorts them all; and a supervisor of the whole district."""

    def fill(session) -> Staff:
        district = District(session)
        nodes = [district.root.id, district.street.id, district.community.id, district.other_street.id]
        session.execute(
            sa.insert(Alert),
            [
                {
                    "public_id": new_public_id(), "source_kind": SourceKind.RESPONSE, "source_public_id": str(number),
                    "rule": "r", "rule_version": "1", "grade": Grade.SERIOUS, "urgency": 2, "is_minor": False,
                    "is_reachable": bool(number % 2), "raised_at": NOW - timedelta(minutes=number),
                    "organisation_id": nodes[number % 4], "acknowledged_at": NOW, "closed_at": NOW,
                }
                for number in range(MANY)
            ],
        )  # fmt: skip
        return district.hire("boss", role=Role.SUPERVISOR)

    boss = database.write(fill)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE" if connection.dialect.name == "sqlite" else "ANALYZE TABLE alerts")
    return database, boss


def plans_of(session, work) -> list[str]:
    """How the store answers each look into the alerts that `work` takes."""
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if re.search(r"^SELECT\b.*\bFROM alerts\b", statement, re.DOTALL):
            seen.append((statement, parameters))

    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN " if is_mysql(session) else "EXPLAIN QUERY PLAN "
    return [str(connection.exec_driver_sql(explain + statement, given).all()) for statement, given in seen]


@pytest.mark.parametrize("sort", ["-raised_at", "raised_at"])
def test_no_page_of_the_districts_list_sorts_or_reads_the_whole_table(long_list, sort):
    database, boss = long_list

    def look(session) -> list[str]:
        def turn_pages():
            asked = Asked(sort)
            for _ in range(3):
                page = overview.list_alerts(session, staff=boss, filters=Filters(), asked=asked)
                assert len(page.rows) == 50
                asked = Asked(sort, page.next)
            overview.list_alerts(session, staff=boss, filters=Filters(), asked=Asked(sort, page.previous))

        return plans_of(session, turn_pages)

    plans = database.read(look)

    assert len(plans) == 4
    for plan in plans:
        assert "ix_alerts_raised" in plan
        assert "filesort" not in plan
        assert "TEMP B-TREE" not in plan
        assert "'ALL'" not in plan


def test_a_later_page_is_found_by_its_key_and_not_by_walking_there(long_list):
    database, boss = long_list

    def look(session) -> list[str]:
        first = overview.list_alerts(session, staff=boss, filters=Filters(), asked=Asked())
        later = Asked("-raised_at", first.next)
        return plans_of(session, lambda: overview.list_alerts(session, staff=boss, filters=Filters(), asked=later))

    [plan] = database.read(look)

    if database.engine.dialect.name == "sqlite":
        assert "SEARCH alerts USING INDEX ix_alerts_raised (raised_at<?)" in plan
    else:
        assert "'range'" in plan
