"""The tree and the codes that hang in it."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.clock import local_day
from server.errors import NotFound
from server.ids import is_printed_code
from server.organisations import service as organisations
from server.organisations.doors import DoorCode, Doors
from server.organisations.models import EntryPoint, EntryPointDay, Level, Organisation
from server.organisations.service import EntryPointState
from server.parts import PageDoor
from tests.conftest import NOW

DOORS = Doors([PageDoor(DoorCode.HOME, "/h5/"), PageDoor(DoorCode.CONTACT, "/h5/contact")])
DAY = timedelta(days=1)


def _add(session, code: str, parent: Organisation | None = None) -> Organisation:
    return organisations.add_organisation(session, code=code, name=code, level=Level.STREET, parent=parent)


@pytest.fixture
def root(session) -> Organisation:
    return _add(session, "D")


def _print_code(session, at: Organisation, **dates) -> EntryPoint:
    return organisations.make_entry_point(
        session, doors=DOORS, organisation=at, door="contact", target="", now=NOW, **dates
    )


def _codes_below(session, *nodes: Organisation) -> list[str]:
    return [node.code for node in organisations.list_below(session, [node.path for node in nodes])]


# --- the tree -----------------------------------------------------------------------------------------------------------


def test_a_node_knows_the_way_from_the_root(session, root):
    street = _add(session, "S1", root)
    community = _add(session, "S1-1", street)

    assert root.path == f"/{root.id}/"
    assert community.path == f"/{root.id}/{street.id}/{community.id}/"


def test_below_is_the_node_itself_and_everything_under_it(session, root):
    street, other = _add(session, "S1", root), _add(session, "S2", root)
    _add(session, "S1-1", street)
    _add(session, "S2-1", other)

    assert sorted(_codes_below(session, street)) == ["S1", "S1-1"]
    assert sorted(_codes_below(session, root)) == ["D", "S1", "S1-1", "S2", "S2-1"]
    assert sorted(_codes_below(session, street, other)) == ["S1", "S1-1", "S2", "S2-1"]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=4), st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_below_is_a_question_of_whole_steps_not_of_letters(session, above, other):
    """/1/2/ is above /1/2/7/ and not above /1/20/."""
    path, other_path = (f"/{'/'.join(map(str, ids))}/" for ids in (above, other))
    below = organisations.below(path).compile(compile_kwargs={"literal_binds": True})
    found = session.scalar(sa.text(f"SELECT 1 FROM (SELECT '{other_path}' AS path) AS organisations WHERE {below}"))

    assert (found == 1) == (other[: len(above)] == above)


def test_before_the_map_is_loaded_there_is_no_root(session):
    with pytest.raises(NotFound):
        organisations.root_of(session)


def test_the_root_is_the_node_above_all(session, root):
    _add(session, "S1", root)

    assert organisations.root_of(session) is root


def test_a_node_is_found_by_its_code_and_no_other_letter_case(session, root):
    assert organisations.get_by_code(session, "D") is root
    with pytest.raises(NotFound):
        organisations.get_by_code(session, "d")


def test_names_are_looked_up_in_one_go(session, root):
    street = _add(session, "S1", root)

    assert organisations.names_by_id(session, [root.id, street.id, 10**9]) == {root.id: "D", street.id: "S1"}
    assert organisations.names_by_id(session, []) == {}


# --- codes on paper -----------------------------------------------------------------------------------------------------


def test_a_code_can_be_read_out_and_typed(session, root):
    codes = {_print_code(session, root).code for _ in range(50)}

    assert len(codes) == 50
    assert all(is_printed_code(code) for code in codes)
    assert not set("01ilo") & set("".join(codes).lower())


def test_a_door_that_is_not_open_gets_no_code(session, root):
    for door in ("booking", "no such door"):
        with pytest.raises(organisations.UnknownDoor):
            organisations.make_entry_point(session, doors=DOORS, organisation=root, door=door, target="", now=NOW)


def test_a_target_that_is_not_there_gets_no_code(session, root):
    with pytest.raises(organisations.UnknownTarget):
        organisations.make_entry_point(session, doors=DOORS, organisation=root, door="contact", target="x", now=NOW)


def test_an_open_code_says_where_it_leads_and_whose_it_is(session, root):
    point = _print_code(session, root)
    entry = organisations.look_up_entry(session, doors=DOORS, code=point.code, now=NOW)

    assert (entry.state, entry.place, entry.path, entry.opens) == (
        EntryPointState.OPEN,
        "D",
        "/h5/contact",
        "请老师联系我",
    )


@pytest.mark.parametrize(
    ("dates", "now", "state"),
    [
        ({}, NOW, EntryPointState.OPEN),
        ({}, NOW - timedelta(microseconds=1), EntryPointState.NOT_YET),
        ({"valid_until": NOW + DAY}, NOW + DAY - timedelta(microseconds=1), EntryPointState.OPEN),
        ({"valid_until": NOW + DAY}, NOW + DAY, EntryPointState.EXPIRED),
    ],
)
def test_a_code_is_valid_from_its_first_instant_to_before_its_last(session, root, dates, now, state):
    point = _print_code(session, root, **dates)
    entry = organisations.look_up_entry(session, doors=DOORS, code=point.code, now=now)

    assert entry.state is state
    assert (entry.path is not None) == (state is EntryPointState.OPEN)
    assert entry.place == "D"


def test_a_revoked_code_is_revoked_for_good_from_the_first_time(session, root):
    point = _print_code(session, root)
    for at in (NOW, NOW + DAY):
        organisations.revoke_entry_point(session, code=point.code, now=at)
    session.refresh(point)

    assert point.revoked_at == NOW
    entry = organisations.look_up_entry(session, doors=DOORS, code=point.code, now=NOW)
    assert (entry.state, entry.path) == (EntryPointState.REVOKED, None)


def test_what_was_never_printed_cannot_be_revoked(session, root):
    with pytest.raises(NotFound):
        organisations.revoke_entry_point(session, code="2" * 10, now=NOW)


def test_a_code_whose_door_was_closed_since_is_out_of_use_and_keeps_its_place(session, root):
    point = _print_code(session, root)
    entry = organisations.look_up_entry(session, doors=Doors([]), code=point.code, now=NOW)

    assert (entry.state, entry.place, entry.path) == (EntryPointState.REVOKED, "D", None)


@given(st.text(max_size=30))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_address_is_an_unknown_code_and_never_a_fault(session, code):
    entry = organisations.look_up_entry(session, doors=DOORS, code=code, now=NOW)

    assert entry == organisations.Entry(EntryPointState.UNKNOWN)
    assert organisations.find_entry_point(session, code) is None


def test_a_code_keeps_its_place_whatever_became_of_it(session, root):
    point = _print_code(session, root, valid_until=NOW)
    organisations.revoke_entry_point(session, code=point.code, now=NOW)

    assert organisations.find_entry_point(session, point.code) is point


def test_capitals_are_another_code(session, root):
    point = _print_code(session, root)

    assert organisations.find_entry_point(session, point.code.upper()) is None


# --- counting -----------------------------------------------------------------------------------------------------------


def test_uses_are_counted_by_kind_and_by_day_in_shanghai(session, root):
    point = _print_code(session, root)
    late = NOW + timedelta(hours=11, minutes=59)  # 23:59
    for what, at in (("scans", NOW), ("scans", late), ("starts", late), ("scans", late + timedelta(minutes=1))):
        organisations.count_use(session, entry_point_id=point.id, what=what, now=at)

    days = session.scalars(sa.select(EntryPointDay).order_by(EntryPointDay.day)).all()
    assert [(day.day, day.scans, day.starts, day.finishes) for day in days] == [
        (local_day(NOW), 2, 1, 0),
        (local_day(NOW) + DAY, 1, 0, 0),
    ]


def test_what_is_counted_is_named(session, root):
    with pytest.raises(KeyError):
        organisations.count_use(session, entry_point_id=_print_code(session, root).id, what="people", now=NOW)


def test_scans_that_come_at_once_are_all_counted(database):
    point = database.write(lambda session: _print_code(session, _add(session, "D")))
    together = threading.Barrier(8)

    def scan():
        together.wait()
        for _ in range(5):
            database.write(
                lambda session: organisations.count_use(session, entry_point_id=point.id, what="scans", now=NOW)
            )

    threads = [threading.Thread(target=scan) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [day] = database.read(lambda session: session.scalars(sa.select(EntryPointDay)).all())
    assert day.scans == 40
