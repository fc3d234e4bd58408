"""Taking lists out: with a purpose, above a thousand rows with a second person, and never a row from outside the scope."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts import drafts, exports
from server.accounts import staff as accounts
from server.accounts.exchange_models import Export, ExportState, ImportDraft, Purpose
from server.accounts.policy import Permission, Role
from server.accounts.staff import Post, Staff
from server.audit.exports import TrailSource
from server.audit.models import AuditEvent
from server.crisis.exports import AlertSource
from server.crisis.models import Alert
from server.db import Database
from server.errors import NotFound
from server.organisations.doors import Doors
from server.organisations.exports import EntryPointSource, ServicePointSource
from server.organisations.models import EntryPoint, EntryPointDay, HostKind, ServicePoint
from server.sheets.exporting import Days
from tests.accounts.test_scope import Held, Record, Tree, is_below
from tests.conftest import NOW, run_together

DAYS = Days(date(2026, 11, 1), date(2026, 11, 30))
LISTS = (
    exports.Exportable(ServicePointSource(), Permission.SEE_PLACES),
    exports.Exportable(EntryPointSource(Doors([])), Permission.SEE_ENTRY_POINTS),
    exports.Exportable(AlertSource(), Permission.WATCH_ALERTS),
    exports.Exportable(TrailSource(), Permission.SEE_TRAIL),
)
POINTS = exports.Wish("service_points", Purpose.CHECK, "给街道核对")


class Office:
    """A tree with some service points, a clerk for all of it, and two managers who may approve."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.root_id, self.clerk, self.first, self.second = database.write(self._build)

    @staticmethod
    def _build(session: Session):
        tree = Tree(session, [0], [], [])
        people = []
        for name, role in (
            ("clerk", Role.CLERK),
            ("first", Role.DISTRICT_MANAGER),
            ("second", Role.RESPONSIBLE_PERSON),
        ):
            member = accounts.create_staff(session, login_name=name, display_name=name, password=None, now=NOW)
            session.add(tree._post(member, Held(role, 0, None, None)))
            session.flush()
            people.append(accounts.as_staff(session, member, now=NOW))
        return tree.nodes[0].id, *people

    def open_points(self, count: int, begin: int = 0) -> None:
        rows = [
            {
                "public_id": f"{number:022}", "organisation_id": self.root_id, "name": f"P{number}", "address": "a",
                "phone": "1", "hours": "h", "host_kind": HostKind.SCHOOL, "accepts_minors": True,
                "is_barrier_free": False, "is_active": True,
            }
            for number in range(begin, begin + count)
        ]  # fmt: skip
        self.database.write(lambda session: session.execute(sa.insert(ServicePoint), rows))

    def ask(self, wish=POINTS, by: Staff | None = None, now=NOW) -> Export:
        return self.database.write(
            lambda session: exports.request_export(session, lists=LISTS, staff=by or self.clerk, wish=wish, now=now)
        )

    def decide(self, export: Export, by: Staff, *, is_approved=True, now=NOW) -> None:
        self.database.write(
            lambda session: exports.decide(
                session, public_id=export.public_id, staff=by, is_approved=is_approved, now=now
            )
        )

    def download(self, export: Export, by: Staff | None = None, now=NOW) -> list[Mapping[str, object]]:
        by = by or self.clerk
        export, _ = self.database.write(
            lambda session: exports.begin_download(session, lists=LISTS, staff=by, public_id=export.public_id, now=now)
        )
        return self.database.read(lambda session: all_rows(session, by, export))

    def acts(self) -> list[tuple[str, str]]:
        rows = sa.select(AuditEvent.action, AuditEvent.reason).order_by(AuditEvent.seq)
        return self.database.read(lambda session: [tuple(row) for row in session.execute(rows)])


def all_rows(session: Session, staff: Staff, export: Export) -> list[Mapping[str, object]]:
    rows, after = [], None
    while True:
        batch = exports.next_rows(session, lists=LISTS, staff=staff, export=export, after=after)
        rows += batch.rows
        after = batch.after
        if after is None:
            return rows


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_thousand_rows_are_ready_at_once_and_come_whole(office):
    office.open_points(1000)
    export = office.ask()

    assert (export.state, export.row_count) == (ExportState.READY, 1000)
    assert sorted(row["name"] for row in office.download(export)) == sorted(f"P{number}" for number in range(1000))
    assert office.acts() == [
        ("export.requested", "service_points check 1000"),
        ("export.downloaded", "service_points check 1000"),
    ]


def test_one_row_more_waits_for_a_second_person(office):
    office.open_points(1001)
    export = office.ask()

    assert export.state is ExportState.REQUESTED
    with pytest.raises(exports.NotDownloadable):
        office.download(export)
    office.decide(export, office.first)
    assert len(office.download(export)) == 1001
    assert [action for action, _ in office.acts()] == ["export.requested", "export.approved", "export.downloaded"]


def test_parts_of_a_list_add_up_within_a_day(office):
    office.open_points(501)

    assert office.ask().state is ExportState.READY
    assert office.ask().state is ExportState.REQUESTED
    assert office.ask(by=office.first).state is ExportState.READY, "another colleague's do not count"
    assert office.ask(now=NOW + timedelta(hours=25)).state is ExportState.READY


def test_two_requests_at_once_see_one_another(office):
    office.open_points(501)
    states = run_together(2, lambda _: office.ask().state)

    assert sorted(states) == [ExportState.READY, ExportState.REQUESTED]


@pytest.mark.parametrize("words", ["", "长" * 101])
def test_without_a_word_of_purpose_nothing_is_asked_for(office, words):
    with pytest.raises(exports.PurposeMissing):
        office.ask(exports.Wish("service_points", Purpose.OTHER, words))
    assert office.acts() == []


@pytest.mark.parametrize("kind", ["alerts", "trail", "letters"])
def test_a_list_that_one_may_not_see_is_not_there(office, kind):
    with pytest.raises(NotFound):
        office.ask(exports.Wish(kind, Purpose.CHECK, "x", DAYS))


def test_who_may_see_a_list_and_not_export_takes_nothing_out(office):
    with pytest.raises(NotFound):
        office.ask(by=office.second)


@pytest.mark.parametrize(
    "days",
    [None, Days(DAYS.last, DAYS.first), Days(date(2024, 1, 1), date(2026, 1, 1))],
    ids=["none", "turned", "long"],
)
def test_days_are_asked_for_where_a_list_has_them(office, days):
    auditor = Staff(office.clerk.id, "x", "x", (Post(Role.AUDITOR, "/", True),))
    with pytest.raises(exports.BadDays):
        office.ask(exports.Wish("trail", Purpose.INSPECTION, "x", days), by=auditor)
    with pytest.raises(exports.BadDays):
        office.ask(exports.Wish("service_points", Purpose.CHECK, "x", DAYS))


# --- the second person ------------------------------------------------------------------------------------------------


@pytest.fixture
def large(office) -> Export:
    office.open_points(1001)
    return office.ask(by=office.first)


def test_nobody_approves_their_own(office, large):
    with pytest.raises(exports.OwnExport):
        office.decide(large, office.first)
    assert [action for action, _ in office.acts()] == ["export.requested"]


def test_what_was_refused_stays_so(office, large):
    office.decide(large, office.second, is_approved=False)

    with pytest.raises(exports.AlreadyDecided):
        office.decide(large, office.second)
    with pytest.raises(exports.NotDownloadable):
        office.download(large, office.first)
    assert [action for action, _ in office.acts()] == ["export.requested", "export.refused"]


def test_of_two_who_decide_at_once_one_does(office):
    office.open_points(1001)
    export = office.ask()

    def work(number: int) -> bool:
        try:
            office.decide(export, (office.first, office.second)[number % 2], is_approved=number % 2 == 0)
        except exports.AlreadyDecided:
            return False
        return True

    assert sum(run_together(6, work)) == 1
    assert len(office.acts()) == 2


def test_a_request_that_nobody_decides_is_over_after_three_days(office, large):
    late = NOW + timedelta(hours=72)
    with pytest.raises(exports.AlreadyDecided):
        office.decide(large, office.second, now=late)

    def waiting(staff, now):
        return office.database.read(lambda session: exports.list_waiting(session, staff=staff, now=now))

    assert [row.public_id for row in waiting(office.second, late - timedelta(minutes=1))] == [large.public_id]
    assert waiting(office.second, late) == []
    assert waiting(office.first, NOW) == [], "one's own waits for somebody else"


# --- the download -----------------------------------------------------------------------------------------------------


def test_three_downloads_within_a_day_and_no_more(office):
    office.open_points(2)
    export = office.ask()
    for _ in range(3):
        assert len(office.download(export)) == 2
    with pytest.raises(exports.NotDownloadable):
        office.download(export)
    another = office.ask()
    with pytest.raises(exports.NotDownloadable):
        office.download(another, now=NOW + timedelta(hours=24))


def test_of_five_downloads_at_once_three_begin(office):
    export = office.ask()

    def work(_number: int) -> bool:
        try:
            office.download(export)
        except exports.NotDownloadable:
            return False
        return True

    assert sum(run_together(5, work)) == 3


def test_the_list_is_as_it_is_now_and_not_much_more_than_was_asked_for(office):
    office.open_points(2)
    export = office.ask()
    office.open_points(1, begin=2)
    assert len(office.download(export)) == 3
    office.open_points(998, begin=3)
    with pytest.raises(exports.ListHasGrown):
        office.download(export)
    assert [action for action, _ in office.acts()] == ["export.requested", "export.downloaded"]
    row = office.database.read(
        lambda session: exports.get_own(session, staff=office.clerk, public_id=export.public_id, now=NOW)
    )
    assert row.downloads_left == 2, "what did not begin is not counted"


def test_somebody_elses_export_is_not_there(office):
    export = office.ask()
    with pytest.raises(NotFound):
        office.download(export, office.first)
    with pytest.raises(NotFound):
        office.database.read(
            lambda session: exports.get_own(session, staff=office.first, public_id=export.public_id, now=NOW)
        )


def test_ones_exports_are_listed_newest_first_and_page_by_page(office, monkeypatch):
    monkeypatch.setattr(exports, "PAGE", 2)
    asked = [office.ask().public_id for _ in range(3)]

    def page(before=""):
        rows = office.database.read(
            lambda session: exports.list_own(session, staff=office.clerk, now=NOW, before=before)
        )
        return [row.public_id for row in rows]

    assert page() == asked[:0:-1]
    assert page(asked[1]) == asked[:1]


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
