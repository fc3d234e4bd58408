"""Taking lists out: with a purpose, above a thousand rows with a second person, and never a row from outside the scope."""

from datetime import date, timedelta

import pytest

from server.accounts import exports
from server.accounts.exchange_models import Export, ExportState, Purpose
from server.accounts.policy import Role
from server.accounts.staff import Post, Staff
from server.db import Database
from server.errors import NotFound
from server.sheets.exporting import Days
from tests.accounts.office import DAYS, Office
from tests.conftest import NOW, run_together


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
    counsellor = Staff(office.clerk.id, "x", "x", (Post(Role.COUNSELLOR, "/", True),))
    with pytest.raises(NotFound):
        office.ask(by=counsellor)


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
