"""Hours as people type them, and as they are said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.organisations.hours import DAY_MINUTES, BadHours, Hours, HoursEndEarly, read_hours, say_hours

SIGN = "周一至周五 9:00-12:00，14:00-17:30；周六 9:00-12:00"


@st.composite
def weeks(draw) -> Hours:
    """Any week whose windows do not touch."""
    windows = []
    for day in draw(st.sets(st.integers(0, 6), min_size=1)):
        edges = sorted(draw(st.sets(st.integers(0, DAY_MINUTES), min_size=2, max_size=6)))
        windows += [(day, *edges[at : at + 2]) for at in range(0, len(edges) - 1, 2)]
    return Hours(tuple(sorted(windows)), draw(st.booleans()))


@given(weeks())
@settings(deadline=None)
def test_what_is_said_is_read_as_the_same_week(hours):
    assert read_hours(say_hours(hours)) == hours


@given(weeks())
@settings(deadline=None)
def test_what_was_read_is_always_said_in_the_same_words(hours):
    said = say_hours(hours)

    assert say_hours(read_hours(said)) == said


@pytest.mark.parametrize(
    "typed",
    [
        SIGN,
        "周一至周五 9:00-12:00,14:00-17:30;周六 9:00-12:00",
        "周一到周五：09：00－12：00、14：00－17：30　星期六 9:00～12:00",
        "星期一至五上午9点-12点，下午2点-5点半。礼拜六 9时到12时",
        "工作日 9:00—12:00，下午2:00-5:30；周6 9:00-12:00",
        "mon-fri 9:00-12:00, 14:00-17:30, sat 9:00-12:00",
        "周一、二、三、四、五 9:00-12:00 14:00-17:30，周六 9:00-12:00，周日休息",
        "每天 9:00-12:00，14:00-17:30；周六、周日休息；周六 9:00-12:00",
        "周一至周五 9:00-11:00，10:00-12:00，14:00-17:30；周六 9:00-12:00",
    ],
)
def test_one_sign_is_typed_in_many_ways(typed):
    assert say_hours(read_hours(typed)) == SIGN


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0:00-24:00", "每天 24 小时"),
        ("24小时", "每天 24 小时"),
        ("全天", "每天 24 小时"),
        ("周末下午2:00-晚上8:00", "周六、周日 14:00-20:00"),
        ("周一三五 9:00-17:00", "周一、周三、周五 9:00-17:00"),
        ("周一至周三、周五 9:00-17:00，节假日除外", "周一至周三、周五 9:00-17:00；节假日休息"),
        ("周五 20:00-24:00；周六 0:00-6:00", "周五 20:00-24:00；周六 0:00-6:00"),
    ],
)
def test_what_is_typed_is_said_plainly(typed, said):
    assert say_hours(read_hours(typed)) == said


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("", ""),
        ("随时", "随时"),
        ("周一至周五", "周一-周五"),
        ("周一 9:00", "9:00"),
        ("8:30-17:30 mon", "8:30-17:30 mon"),
        ("周一 9:00-12:00，下午看情况", "下午看情况"),
        ("周五至周一 9:00-12:00", "周五-周一 9:00-12:00"),
        ("周一 9:70-12:00", "9:70-12:00"),
        ("周一 9:00-25:00", "9:00-25:00"),
        ("每天 9:00-12:00，每天休息", "每天 9:00-12:00,每天休息"),
    ],
)
def test_what_is_not_understood_is_named(typed, part):
    with pytest.raises(BadHours) as refusal:
        read_hours(typed)

    assert refusal.value.facts == {"part": part}


@pytest.mark.parametrize("typed", ["周六 12:00-9:00", "每天 9:00-9:00", "20:00-6:00"])
def test_a_span_that_ends_before_it_begins_is_named(typed):
    with pytest.raises(HoursEndEarly) as refusal:
        read_hours(typed)

    assert refusal.value.facts["part"] in typed


@given(st.text(max_size=60))
@settings(deadline=None)
def test_whatever_is_typed_is_hours_or_a_fault_of_the_form(typed):
    try:
        hours = read_hours(typed)
    except (BadHours, HoursEndEarly):
        return
    assert read_hours(say_hours(hours)) == hours
