"""Pages by key: no row twice and none passed over, with NULLs and ties, forwards and back, on both databases."""

import base64
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Mapped, Session, registry

from server.db import UtcDateTime
from server.pagination import Asked, Listing
from server.vault import Place

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TABLES = registry()


@TABLES.mapped
class Row:
    __tablename__ = "test_pages"
    __table__ = sa.Table(
        "test_pages",
        TABLES.metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("day", sa.Date),
        sa.Column("name", sa.String(20), nullable=False),
    )
    id: Mapped[int]


LIST = Listing(
    "rows",
    {name: getattr(Row, name) for name in ("at", "ended_at", "day", "name")},
    tie=Row.id,
    default="-at",
)
ORDERS = [sign + name for name in LIST.columns for sign in ("", "-")]


@pytest.fixture
def rows(database):
    TABLES.metadata.create_all(database.engine)
    yield database
    TABLES.metadata.drop_all(database.engine)


def fill(database, given_rows) -> None:
    def work(session: Session) -> None:
        session.execute(sa.delete(Row))
        if given_rows:
            session.execute(sa.insert(Row), [{"id": number, **row} for number, row in enumerate(given_rows, start=1)])

    database.write(work)


def page(database, sort: str, cursor: str = "", size: int = 3):
    return database.read(lambda session: LIST.page(session, sa.select(Row.id), Asked(sort, cursor), size=size))


def walk(database, sort: str, size: int) -> tuple[list[int], list[int]]:
    """All ids from the first page to the last, and from the last page back to the first."""
    now = page(database, sort, size=size)
    there = [number for (number,) in now.rows]
    while now.next:
        now = page(database, sort, now.next, size)
        there += [number for (number,) in now.rows]
    back = [number for (number,) in now.rows]
    while now.previous:
        now = page(database, sort, now.previous, size)
        back = [number for (number,) in now.rows] + back
    return there, back


instants = st.integers(0, 3).map(lambda hours: T0 + timedelta(hours=hours, microseconds=hours))
some_rows = st.lists(
    st.fixed_dictionaries(
        {
            "at": instants,
            "ended_at": st.none() | instants,
            "day": st.none() | st.integers(0, 2).map(lambda days: date(2026, 12, 30) + timedelta(days=days)),
            "name": st.sampled_from(["甲", "乙", "a", "B", ""]),
        }
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=some_rows, sort=st.sampled_from(ORDERS), size=st.integers(1, 4))
def test_every_row_is_shown_once_in_the_order_that_was_asked_for_there_and_back(rows, given_rows, sort, size):
    fill(rows, given_rows)
    column = getattr(Row, sort.removeprefix("-"))
    order = (column.desc(), Row.id.desc()) if sort.startswith("-") else (column, Row.id)
    wanted = rows.read(lambda session: list(session.scalars(sa.select(Row.id).order_by(*order))))

    assert walk(rows, sort, size) == (wanted, wanted)


def some(count: int) -> list[dict[str, object]]:
    return [
        {"at": T0 + timedelta(minutes=number), "ended_at": None, "day": None, "name": str(number)}
        for number in range(count)
    ]


def test_rows_that_come_meanwhile_move_nothing(rows):
    fill(rows, some(6))
    first = page(rows, "-at")
    rows.write(lambda session: session.execute(sa.insert(Row).values(id=99, **some(200)[-1])))

    assert [number for (number,) in page(rows, "-at", first.next).rows] == [3, 2, 1]


def test_the_first_page_has_none_before_it_and_the_last_none_after(rows):
    fill(rows, some(4))
    first = page(rows, "at")
    last = page(rows, "at", first.next)

    assert (first.previous, last.next) == (None, None)
    assert len(last.rows) == 1


def test_an_empty_list_has_no_neighbours(rows):
    fill(rows, [])
    only = page(rows, "at")

    assert (list(only.rows), only.previous, only.next, only.is_restarted) == ([], None, None, False)


def test_a_column_that_is_not_in_the_list_is_the_lists_own_order(rows):
    fill(rows, some(4))

    for sort in ("id", "-password_hash", "at; DROP TABLE", "", "--at"):
        assert page(rows, sort).sort == "-at"


@pytest.mark.parametrize("cursor", ["x", "不存在", "A" * 200, "A" * 5000, "=", "\x00", "e30"])
def test_a_cursor_that_nobody_gave_out_begins_anew_and_says_so(rows, cursor):
    fill(rows, some(4))
    found = page(rows, "at", cursor)

    assert found.is_restarted
    assert [number for (number,) in found.rows] == [1, 2, 3]


def test_a_cursor_fits_its_own_list_and_order_only(rows):
    fill(rows, some(8))
    cursor = page(rows, "at").next
    other = Listing("others", LIST.columns, tie=Row.id, default="at")

    assert page(rows, "-at", cursor).is_restarted
    assert page(rows, "name", cursor).is_restarted
    assert rows.read(lambda session: other.page(session, sa.select(Row.id), Asked("at", cursor))).is_restarted
    assert not page(rows, "at", cursor).is_restarted


def test_a_changed_cursor_is_no_cursor(rows):
    fill(rows, some(8))
    cursor = page(rows, "at").next
    middle = len(cursor) // 2
    changed = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]

    assert page(rows, "at", changed).is_restarted


def test_no_id_and_no_time_can_be_read_off_a_cursor(rows, vault):
    fill(rows, some(8))
    cursor = page(rows, "at").next
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))

    assert b"2026" not in sealed
    assert b"2026-11-23" in vault.open(sealed, Place("cursor", "rows", "at"))


def test_a_page_whose_rows_went_begins_anew(rows):
    fill(rows, some(4))
    cursor = page(rows, "at").next
    rows.write(lambda session: session.execute(sa.delete(Row).where(Row.id == 4)))

    assert page(rows, "at", cursor).is_restarted


def test_a_list_without_its_own_order_is_a_bug():
    with pytest.raises(ValueError, match="no column"):
        Listing("rows", LIST.columns, tie=Row.id, default="colour")
