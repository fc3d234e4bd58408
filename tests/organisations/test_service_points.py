"""Houses one can walk into: kept, switched, found by filters, and shown to residents nearest first."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from server.audit.models import AuditEvent
from server.db import Database, run_before_commit
from server.organisations import service as organisations
from server.organisations import service_points
from server.organisations.hours import BadHours, HoursEndEarly
from server.organisations.in_sight import PlacesInSight
from server.organisations.models import HostKind, Level, Organisation, ServicePoint
from server.organisations.phones import BadServicePhone, dialled, read_service_phone
from server.organisations.service_points import Filters, Switch, Wanted
from server.pagination import Asked
from tests.conftest import NOW, run_together

ACTOR = ("staff", "somebody")
WANTED = Wanted(
    name="阳光驿站",
    address="云岭路 1 号 2 楼",
    phone="020-8888 6666",
    hours="周一到周五 9:00-17:00",
    host_kind=HostKind.COMMUNITY_CENTRE,
    accepts_minors=True,
    is_barrier_free=False,
)


class Town:
    """A district with two streets, the first with two communities."""

    def __init__(self, session):
        def node(code: str, parent: Organisation | None = None) -> Organisation:
            return organisations.add_organisation(session, code=code, name=code, level=Level.STREET, parent=parent)

        self.session = session
        self.root = node("D")
        self.street, self.other = node("S1", self.root), node("S2", self.root)
        self.home, self.next_door = node("S1-1", self.street), node("S1-2", self.street)
        self.far = node("S2-1", self.other)

    def open(self, at: Organisation, **changes) -> ServicePoint:
        wanted = replace(WANTED, **{"name": f"点{at.code}"} | changes)
        return service_points.add_service_point(self.session, place=at, wanted=wanted, actor=ACTOR, now=NOW)

    def kept(self, **filters) -> list[str]:
        page = service_points.list_service_points(self.session, filters=Filters(**filters), asked=Asked())
        return [row.point.name for row in page.rows]

    def shown(self, near: Organisation | None = None) -> list[str]:
        page = service_points.list_open(self.session, near=near, asked=Asked())
        return [row.point.name for row in page.rows]


@pytest.fixture
def town(session) -> Town:
    return Town(session)


def acts(session) -> list[str]:
    run_before_commit(session)
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.seq)))


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_hours_are_kept_in_one_way_of_writing_and_the_number_as_it_was_typed(town):
    point = town.open(town.home)

    assert (point.hours, point.phone) == ("周一至周五 9:00-17:00", "020-8888 6666")
    assert acts(town.session) == ["service_point.added"]


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"hours": "随时"}, BadHours),
        ({"hours": "周一 12:00-9:00"}, HoursEndEarly),
        ({"hours": "；".join(f"周{day} {hour}:00-{hour}:30，{hour}:40-{hour}:50，20:00-21:0{hour - 10}"
                            for hour, day in enumerate("一二三四五六日", start=11))}, service_points.HoursTooLong),
        ({"phone": "找老王"}, BadServicePhone),
    ],
)  # fmt: skip
def test_what_cannot_stand_on_a_sign_is_refused(town, changed, refusal):
    with pytest.raises(refusal):
        town.open(town.home, **changed)
    assert town.session.scalar(sa.select(sa.func.count()).select_from(ServicePoint)) == 0


def test_a_place_has_one_service_point_of_a_name_and_another_place_may_have_it_too(town):
    first = town.open(town.home, name="驿站")
    town.open(town.far, name="驿站")
    other = town.open(town.home, name="茶室")
    with pytest.raises(service_points.NameTaken):
        town.open(town.home, name="驿站")
    with pytest.raises(service_points.NameTaken):
        service_points.change_service_point(
            town.session, point=other, wanted=replace(WANTED, name="驿站"), actor=ACTOR, now=NOW
        )

    assert (first.name, other.name) == ("驿站", "茶室")
    assert acts(town.session) == ["service_point.added"] * 3


def test_of_two_who_add_the_same_name_at_once_one_is_told(database: Database):
    home = database.write(lambda session: Town(session).home)

    def try_to_add(_number):
        try:
            database.write(
                lambda session: service_points.add_service_point(
                    session, place=home, wanted=WANTED, actor=ACTOR, now=NOW
                )
            )
        except service_points.NameTaken:
            return "taken"
        return "added"

    assert sorted(run_together(4, try_to_add)) == ["added", "taken", "taken", "taken"]


def test_a_change_is_an_act_and_what_stays_the_same_is_none(town):
    point = town.open(town.home)
    typed = replace(WANTED, name=point.name, phone="020-8888-6666")
    for _ in range(2):
        service_points.change_service_point(town.session, point=point, wanted=typed, actor=ACTOR, now=NOW)

    assert point.phone == "020-8888-6666"
    assert acts(town.session) == ["service_point.added", "service_point.changed"]


def test_the_form_that_edits_it_holds_what_is_stored(town):
    point = town.open(town.home)
    before = service_points.as_typed(point)
    service_points.change_service_point(town.session, point=point, wanted=Wanted(**before), actor=ACTOR, now=NOW)

    assert service_points.as_typed(point) == before
    assert acts(town.session) == ["service_point.added"]


def test_switched_off_residents_see_it_no_longer_and_twice_is_once(town):
    point = town.open(town.home)
    for is_active in (False, False, True):
        service_points.switch_service_point(town.session, point=point, is_active=is_active, actor=ACTOR, now=NOW)
        assert service_points.is_any_open(town.session) is is_active
        assert town.shown() == ([point.name] if is_active else [])

    assert acts(town.session) == ["service_point.added", "service_point.switched_off", "service_point.switched_on"]


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "shown", "digits"),
    [
        ("020-8888 6666", "020-8888 6666", "02088886666"),
        ("（020）88886666", "(020)88886666", "02088886666"),
        ("０２０－８８８８６６６６", "020-88886666", "02088886666"),
        ("138 1234 5678", "138 1234 5678", "13812345678"),
        (" 400-800-1234 ", "400-800-1234", "4008001234"),
        ("020 — 8888  6666", "020-8888 6666", "02088886666"),
        ("96110", "96110", "96110"),
    ],
)
def test_a_number_is_shown_as_typed_and_dialled_as_digits(typed, shown, digits):
    assert read_service_phone(typed) == shown
    assert dialled(shown) == digits


@pytest.mark.parametrize(
    "typed", ["", "8888 6666", "12", "电话 020-88886666", "1381234567", "020-88886666 转 801", "+1"]
)
def test_what_nobody_can_dial_is_no_number(typed):
    with pytest.raises(BadServicePhone):
        read_service_phone(typed)


# --- finding ----------------------------------------------------------------------------------------------------------


def test_filters_narrow_by_place_kind_children_steps_and_switch(town):
    town.open(town.home)
    town.open(town.street, host_kind=HostKind.SCHOOL, accepts_minors=False)
    off = town.open(town.far, is_barrier_free=True)
    service_points.switch_service_point(town.session, point=off, is_active=False, actor=ACTOR, now=NOW)

    assert sorted(town.kept()) == ["点S1", "点S1-1", "点S2-1"]
    assert sorted(town.kept(within=town.street)) == ["点S1", "点S1-1"]
    assert town.kept(host_kind=HostKind.SCHOOL) == ["点S1"]
    assert sorted(town.kept(accepts_minors=True)) == ["点S1-1", "点S2-1"]
    assert town.kept(is_barrier_free=True) == ["点S2-1"]
    assert town.kept(switch=Switch.OFF) == ["点S2-1"]
    assert sorted(town.kept(switch=Switch.ON, within=town.root)) == ["点S1", "点S1-1"]


def test_residents_see_the_nearest_first_by_the_tree(town):
    for place in (town.far, town.root, town.next_door, town.street, town.home):
        town.open(place)

    assert town.shown(near=town.home) == ["点S1-1", "点S1", "点S1-2", "点D", "点S2-1"]
    assert town.shown(near=town.far)[0] == "点S2-1"
    assert town.shown() == town.shown(near=town.root) == ["点D", "点S1", "点S1-1", "点S1-2", "点S2-1"]


def test_a_house_says_through_which_places_one_comes_to_it(town):
    town.open(town.home)
    [row] = service_points.list_open(town.session, near=None, asked=Asked()).rows

    assert (row.way, row.dialled) == (("S1", "S1-1"), "02088886666")


def test_many_houses_are_paged_nearest_first_and_none_twice(town):
    names = {town.open(place, name=f"{place.code}/{n}").name for n in range(40) for place in (town.home, town.far)}
    seen, cursor = [], ""
    while cursor is not None:
        page = service_points.list_open(town.session, near=town.far, asked=Asked(cursor=cursor))
        seen += [row.point.name for row in page.rows]
        cursor = page.next

    assert len(seen) == 80
    assert set(seen) == names
    assert all(name.startswith("S2-1/") for name in seen[:40])


# --- whether there is any, for pages that ask nothing -------------------------------------------------------------------


def test_a_look_is_remembered_and_a_store_that_is_away_changes_nothing(database):
    in_sight = PlacesInSight(database)
    assert in_sight.is_stale(NOW)
    in_sight.look(NOW)
    assert (in_sight.is_any, in_sight.is_stale(NOW)) == (False, False)

    database.write(lambda session: Town(session).open(organisations.root_of(session)))
    in_sight.look(NOW)
    assert in_sight.is_any
