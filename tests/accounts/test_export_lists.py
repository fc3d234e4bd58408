"""What the lists say, and that they never hold a row from outside the scope."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts import drafts, exports
from server.accounts.exchange_models import ImportDraft, Purpose
from server.accounts.policy import Role
from server.audit.exports import TrailSource
from server.crisis.exports import AlertSource
from server.crisis.models import Alert
from server.db import Database
from server.errors import NotFound
from server.organisations.models import EntryPoint, EntryPointDay
from server.sheets.exporting import Days
from tests.accounts.office import DAYS, LISTS, Office, all_rows
from tests.accounts.test_scope import Held, Record, Tree, is_below
from tests.conftest import NOW


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


# --- what the lists say -------------------------------------------------------------------------------------------------


def test_few_uses_of_a_code_are_not_told_and_neither_is_their_sum(office):
    def work(session: Session) -> None:
        for number, scans in enumerate(((3, 3), (2, 2), (0, 0))):
            point = EntryPoint(
                code=f"code{number:06}", organisation_id=office.root_id, door="home", target="", valid_from=NOW,
                valid_until=None, revoked_at=None, wechat_url="", created_at=NOW,
            )  # fmt: skip
            session.add(point)
            session.flush()
            for day, count in enumerate(scans, start=1):
                session.add(EntryPointDay(entry_point_id=point.id, day=date(2026, 11, day), scans=count))

    office.database.write(work)
    rows = office.download(office.ask(exports.Wish("entry_points", Purpose.REPORT, "x")))

    assert [row["scans"] for row in rows] == [6, "＜5", "＜5"]
    assert {row["finishes"] for row in rows} == {"＜5"}


def test_of_whom_nobody_can_reach_neither_place_nor_hour_is_told(session: Session):
    tree = Tree(session, [0], [Record(0, None, None), Record(0, None, None)], [])
    tree.alerts[1].is_reachable = True
    session.flush()
    hidden, told = AlertSource().batch(session, DAYS, None).rows

    assert set(hidden) == {"id", "day", "grade", "source", "is_reachable", "outcome"}
    assert (hidden["day"], told["place"], told["raised_at"]) == (date(2026, 11, 23), "N0", NOW)


def test_the_trail_is_taken_out_by_days(office):
    office.ask()
    days = Days(date(2026, 11, 23), date(2026, 11, 23))
    before = Days(date(2026, 11, 20), date(2026, 11, 22))

    def rows(within):
        return office.database.read(lambda session: TrailSource().batch(session, within, None).rows)

    assert [row["action"] for row in rows(days)] == ["export.requested"]
    assert rows(before) == []


ROLES = [Role.CLERK, Role.SUPERVISOR, Role.DUTY_OFFICER, Role.DISTRICT_MANAGER]


@st.composite
def districts(draw):
    parents = [draw(st.integers(0, number - 1)) for number in range(1, draw(st.integers(2, 8)))]
    node, some = st.integers(0, len(parents)), st.none() | st.integers(0, 1)
    records = draw(st.lists(st.builds(Record, node, some, some), max_size=10))
    posts = draw(st.lists(st.builds(Held, st.sampled_from(ROLES), node, some, some), max_size=4))
    return parents, records, posts


def reaches(parents, posts, record, roles) -> bool:
    return any(
        post.role in roles
        and is_below(parents, record.node, post.node)
        and post.department in (None, record.department)
        and post.team in (None, record.team)
        for post in posts
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(district=districts())
def test_a_row_comes_along_only_where_one_may_both_export_and_see_it(database: Database, district):
    parents, records, posts = district
    exporting, watching = {Role.CLERK, Role.DISTRICT_MANAGER}, {Role.SUPERVISOR, Role.DUTY_OFFICER}
    wanted = {
        number
        for number, record in enumerate(records)
        if reaches(parents, posts, record, exporting) and reaches(parents, posts, record, watching)
    }

    def work(session: Session) -> None:
        tree = Tree(session, parents, records, posts)
        numbers = {alert.public_id: number for number, alert in enumerate(tree.alerts)}
        session.expunge_all()
        wish = exports.Wish("alerts", Purpose.CHECK, "x", DAYS)
        try:
            export = exports.request_export(session, lists=LISTS, staff=tree.staff, wish=wish, now=NOW)
        except NotFound:
            assert not wanted
        else:
            rows = all_rows(session, tree.staff, export)
            assert {numbers[row["id"]] for row in rows} == wanted
            assert export.row_count == len(rows) == len(wanted)
        assert len(session.scalars(sa.select(Alert.id)).all()) == len(records), "the session is as before"
        session.rollback()

    database.write(work)


# --- uploads ------------------------------------------------------------------------------------------------------------


def test_an_upload_is_kept_sealed_for_half_an_hour_for_its_owner_alone(office):
    def keep(content, now=NOW):
        return office.database.write(
            lambda session: drafts.keep_draft(session, staff=office.clerk, kind="x", content=content, now=now)
        )

    def opened(draft, staff=office.clerk, kind="x", now=NOW):
        return office.database.read(
            lambda session: drafts.open_draft(session, staff=staff, kind=kind, public_id=draft, now=now)
        )

    draft = keep(b"a sheet")
    assert opened(draft) == b"a sheet"
    sealed = office.database.read(lambda session: session.scalars(sa.select(ImportDraft.content_sealed)).one())
    assert b"a sheet" not in sealed
    for wrong in ({"staff": office.first}, {"kind": "y"}, {"now": NOW + drafts.LASTS}):
        with pytest.raises(NotFound):
            opened(draft, **wrong)
    newer = keep(b"another", NOW + timedelta(minutes=1))
    with pytest.raises(NotFound):
        opened(draft)
    office.database.write(lambda session: drafts.purge_drafts(session, NOW + drafts.LASTS))
    assert opened(newer) == b"another"
    office.database.write(lambda session: drafts.purge_drafts(session, NOW + drafts.LASTS + timedelta(minutes=1)))
    with pytest.raises(NotFound):
        opened(newer)
