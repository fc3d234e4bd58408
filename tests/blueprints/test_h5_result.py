"""The result, and the short form that leads to the long one."""

import re
from datetime import date

import pytest

from server.assessment.models import Answer, Response
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO

# --- the result ---------------------------------------------------------------------------------------------------------

CREDIT = "No permission required to reproduce"
LEVELS = [
    ([ZERO] * 9, "没有看到明显的困扰", ["14 天后再测一次"]),
    ([SOME_DAYS] * 5 + [ZERO] * 4, "有一些困扰", ["14 天后再测一次", "请老师联系我"]),
    ([SOME_DAYS] * 8 + [ZERO], "有一些困扰", ["请老师联系我"]),
    ([HALF] * 5 + [ZERO] * 4, "困扰比较明显", ["请老师联系我", "打电话和人聊聊"]),
    ([HALF] * 8 + [ZERO], "困扰较重", ["请老师联系我", "打电话和人聊聊", "去医院心理科或精神科问问医生"]),
    ([ZERO] * 8 + [SOME_DAYS], "困扰较重", ["请老师联系我", "打电话和人聊聊"]),
]


@pytest.mark.parametrize(("codes", "sentence", "steps"), LEVELS)
def test_the_result_speaks_by_level_with_next_steps_and_never_a_diagnosis(visitor, codes, sentence, steps):
    page = visitor.finish(codes)

    assert page.path == "/h5/test/phq9/result"
    assert sentence in page.words
    assert all(step in page.words for step in steps)
    assert "不是诊断" in page.words
    assert CREDIT in page.words
    assert not any(word in page.words for word in ("重度", "中度", "轻度", "抑郁症", "患者，", "确诊"))


def test_only_open_doors_are_advised(visitor, world):
    page = visitor.finish([HALF] * 5 + [ZERO] * 4)
    instrument = world.parts.catalogue["phq9"]

    assert "booking" in {str(action) for action in instrument.results["orange"].actions}, "the file would advise it"
    assert "预约" not in page.words


def test_the_number_stays_away_where_the_file_says_so(visitor, world):
    page = visitor.finish([HALF] * 6 + [ZERO] * 3)

    assert world.only(Response).result["total"] == 12
    assert "分数" not in page.words
    assert not re.search(r"(?<!\d)12(?!\d)", page.words)


def test_the_response_keeps_version_hash_band_and_day_but_no_time_of_day(visitor, world):
    visitor.finish([SOME_DAYS] * 5 + [ZERO] * 4)
    response = world.only(Response)
    instrument = world.parts.catalogue["phq9"]

    assert (response.instrument_version, response.definition_hash) == (instrument.version, instrument.definition_hash)
    assert (response.result["band_id"], response.result["total"]) == ("mild", 5)
    assert response.started_on == response.finished_on == date(2026, 11, 23)


def test_a_test_over_midnight_is_one_response_that_ends_a_day_later(visitor, world, clock):
    clock.shift(11 * 3600 + 50 * 60)  # 23:50 in Shanghai
    code = world.print_code(world.communities[0])
    visitor.begin(code=code)
    for _ in range(4):
        visitor.answer(ZERO)
    clock.shift(15 * 60)
    for _ in range(5):
        visitor.answer(ZERO)
    visitor.press("看结果")
    response = world.only(Response)

    assert (response.started_on, response.finished_on) == (date(2026, 11, 23), date(2026, 11, 24))
    assert world.uses(code) == (0, 1, 1)


# --- the short form and the long one ------------------------------------------------------------------------------------


def test_the_short_form_leads_to_the_long_one_which_asks_only_seven_more(visitor, world):
    visitor.begin("phq2")
    visitor.answer(HALF)
    visitor.answer(NEARLY_DAILY)
    visitor.press("看结果")
    page = visitor.press("再做一份更完整的自测")

    asked = []
    while page.options and "不计分" not in page.words:
        asked.append(page.question.fields["item"])
        page = visitor.answer(ZERO)

    assert asked == [f"phq9_{number}" for number in range(3, 10)]
    [long] = world.all(Response, Response.instrument_id == "phq9")
    carried = world.all(Answer, Answer.response_id == long.public_id, Answer.sequence == 0)
    assert {row.item_id: row.code for row in carried} == {"phq9_1": HALF, "phq9_2": NEARLY_DAILY}
    assert long.age_band == "age_18_59"
    visitor.press("这一问不答")
    visitor.press("看结果")
    assert world.only(Response, Response.instrument_id == "phq9").result["total"] == 5


def test_the_short_form_without_trouble_offers_nothing_longer(visitor):
    visitor.begin("phq2")
    visitor.answer(ZERO)
    visitor.answer(SOME_DAYS)
    page = visitor.press("看结果")

    assert "再做一份更完整的自测" not in page.words


def test_a_double_tap_on_the_longer_form_begins_one(visitor, world):
    visitor.begin("phq2")
    visitor.answer(HALF)
    visitor.answer(HALF)
    result = visitor.press("看结果")
    visitor.press("再做一份更完整的自测", result)
    visitor.press("再做一份更完整的自测", result)

    assert len(world.all(Response, Response.instrument_id == "phq9")) == 1
