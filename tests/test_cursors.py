"""Cursors lead on from where a page ended, for their own list alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cursors import BadCursor, Cursors

CURSORS = Cursors("a secret that only the tests know")
positions = st.lists(
    st.integers(-(2**63), 2**63) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=3
).map(tuple)


@given(positions, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_cursor_says_what_was_written_into_it(position, what):
    assert CURSORS.read(what, CURSORS.write(what, position)) == position


@given(st.text(max_size=80))
def test_what_nobody_wrote_is_refused(made_up):
    with pytest.raises(BadCursor):
        CURSORS.read("list", made_up)


@given(st.data())
def test_a_changed_cursor_is_refused(data):
    cursor = CURSORS.write("list", (7, "x"))
    place = data.draw(st.integers(0, len(cursor) - 2))
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda letter: letter != cursor[place]))

    with pytest.raises(BadCursor):
        CURSORS.read("list", cursor[:place] + other + cursor[place + 1 :])


@pytest.mark.parametrize("reader", [Cursors("another secret of another installation"), CURSORS])
def test_a_cursor_of_another_list_or_installation_is_refused(reader):
    with pytest.raises(BadCursor):
        reader.read("other list", CURSORS.write("list", (7,)))


@given(st.lists(st.integers(), unique=True).map(sorted), st.integers(1, 7))
def test_page_after_page_shows_every_row_once(rows, size):
    seen, cursor = [], None
    while True:
        after = CURSORS.read("list", cursor)[0] if cursor else None
        found = [row for row in rows if after is None or row > after][: size + 1]
        page = CURSORS.page("list", found, size, lambda row: (row,))
        assert len(page.rows) <= size
        seen += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == rows
