"""The way of somebody who takes a test, on pages without script."""

import re
from datetime import date

import pytest
import sqlalchemy as sa

from server.assessment.models import Answer, Care, Response, ResponseStatus
from server.crisis.models import Alert, SourceKind
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO, Visitor

NUMBERS = ("12356", "12355", "110", "120", "020-55550000")
GO_ON_SAFE = "我现在是安全的，继续"


# --- before the first question ----------------------------------------------------------------------------------------


def test_the_first_page_says_how_long_it_takes_that_it_is_no_diagnosis_and_whose_work_it_is(visitor):
    page = visitor.open("/h5/test/phq9")

    assert page.status == 200
    assert "约 3 分钟" in page.words
    assert "9 道题" in page.words
    assert "它不是诊断" in page.words
    assert "No permission required to reproduce" in page.words


def test_the_version_of_the_consent_is_kept_beside_the_answers(visitor, world):
    visitor.begin()

    assert world.only(Response).consent_version == world.parts.consent.version == "assessment-1"


def test_without_consent_nothing_begins_and_the_chosen_age_stands(visitor, world):
    visitor.open("/h5/test/phq9")
    page = visitor.press("开始", age="age_60_up")

    assert page.status == 422
    assert "同意后才能开始" in page.words
    assert page.form_with("开始").fields["age"] == "age_60_up"
    assert world.responses() == []


@pytest.mark.parametrize("age", ["", "18", "AGE_18_59", "../age", "未成年"])
def test_without_an_age_of_the_list_nothing_begins(visitor, world, age):
    visitor.open("/h5/test/phq9")
    page = visitor.press("开始", age=age, consent="assessment-1")

    assert page.status == 422
    assert "请先选一下年龄" in page.words
    assert world.responses() == []


def test_who_agreed_to_an_older_text_is_shown_the_new_one_first(visitor, world):
    visitor.open("/h5/test/phq9")
    page = visitor.press("开始", age="age_18_59", consent="assessment-0")

    assert page.status == 422
    assert "刚刚有更新" in page.words
    assert "consent" not in page.form_with("开始").fields, "the box must not be ticked for a text that nobody has read"
    assert world.responses() == []


@pytest.mark.parametrize("age", ["under_12", "age_12_13", "age_14_17"])
@pytest.mark.parametrize("instrument", ["phq2", "phq9"])
def test_who_is_too_young_meets_the_numbers_and_no_cold_refusal(visitor, world, instrument, age):
    page = visitor.begin(instrument, age=age)

    assert page.status == 200
    assert page.words.index("12355") < page.words.index("12356"), "the young people's own line comes first"
    assert all(f"tel:{number}" in page.links for number in NUMBERS)
    assert "先和一个人说说吧" in page.words
    assert "/h5/contact" in page.links
    assert not any(word in page.words for word in ("不能", "禁止", "错误", "无法"))
    assert world.responses() == []


# --- the questions -----------------------------------------------------------------------------------------------------


def test_each_question_has_a_page_of_its_own_in_the_order_of_the_file(visitor, world):
    texts = [item.zh for item in world.parts.catalogue["phq9"].scored_items]

    visitor.begin()
    for number, question in enumerate(texts, start=1):
        page = visitor.page
        assert page.path == f"/h5/test/phq9/item/phq9_{number}"
        assert f"第 {number} 题，共 9 题" in page.words
        assert [text for text in texts if text in page.words] == [question]
        assert [button.label for button in page.options] == ["完全不会", "好几天", "一半以上的天数", "几乎每天"]
        assert page.chosen is None
        visitor.answer(ZERO)

    assert visitor.page.path == "/h5/test/phq9/end"


def test_the_pages_work_without_script_and_wear_weui(visitor):
    visitor.finish([HALF] * 8 + [ZERO])

    assert len(visitor.history) > 10
    for page in visitor.history:
        assert "<script" not in page.html
        assert " onclick" not in page.html
        assert " style=" not in page.html
    assert all('class="weui-btn' in page.html or page.options for page in visitor.history)


def test_every_answer_is_stored_when_it_arrives_with_its_item_and_a_rising_sequence(visitor, world):
    visitor.begin()
    for number, code in enumerate([HALF, ZERO, NEARLY_DAILY], start=1):
        visitor.answer(code)
        assert len(world.all(Answer)) == number

    kept = {row.item_id: (row.code, row.sequence) for row in world.all(Answer)}
    assert kept == {"phq9_1": (HALF, 1), "phq9_2": (ZERO, 2), "phq9_3": (NEARLY_DAILY, 3)}


def test_a_killed_page_resumes_at_the_next_question_with_nothing_lost(visitor, world):
    visitor.begin()
    for _ in range(5):
        visitor.answer(SOME_DAYS)

    page = visitor.open("/h5/test/phq9")  # the code is scanned again
    assert "接着上次的吗" in page.words
    page = visitor.press("继续")

    assert page.path == "/h5/test/phq9/item/phq9_6"
    assert len(world.answers()) == 5


def test_after_days_the_same_phone_still_resumes(visitor, clock):
    visitor.begin()
    visitor.answer(SOME_DAYS)
    clock.shift(6 * 86400)
    visitor.lose_cookies("xq_m_", "xq_c")  # the browser was closed

    visitor.open("/h5/test/phq9")

    assert visitor.press("继续").path == "/h5/test/phq9/item/phq9_2"


def test_start_anew_closes_what_was_there(visitor, world):
    visitor.begin()
    visitor.answer(SOME_DAYS)
    visitor.open("/h5/test/phq9")

    page = visitor.press("重新开始")

    assert "开始前请看一下" in page.words
    assert world.only(Response).is_cleared
    assert visitor.begin().path == "/h5/test/phq9/item/phq9_1"
    assert visitor.page.chosen is None


def test_a_choice_that_the_page_does_not_offer_closes_nothing(visitor, world):
    visitor.begin()
    page = visitor.post("/h5/test/phq9/resume", {"choice": "?"})

    assert "接着上次的吗" in page.words
    assert not world.only(Response).is_cleared


def test_the_browsers_back_button_shows_the_question_with_its_answer_and_a_new_one_replaces_it(visitor, world):
    visitor.begin()
    visitor.answer(SOME_DAYS)
    visitor.answer(SOME_DAYS)

    page = visitor.open("/h5/test/phq9/item/phq9_1")
    assert page.chosen == "1"
    page = visitor.answer(NEARLY_DAILY)

    assert page.path == "/h5/test/phq9/item/phq9_2"
    assert world.answers() == {"phq9_1": 3, "phq9_2": 1}


def test_the_pages_own_back_button_leads_to_the_question_before(visitor):
    visitor.begin()
    visitor.answer(HALF)
    page = visitor.press("上一题")

    assert page.path == "/h5/test/phq9/item/phq9_1"
    assert page.chosen == "2"
    assert page.question.button("上一题") is None, "before the first question there is none"


def test_the_last_question_counts_in_nothing_and_may_be_passed_over(visitor, world):
    visitor.begin()
    for _ in range(8):
        visitor.answer(ZERO)
    page = visitor.answer(ZERO)
    assert page.path == "/h5/test/phq9/end", "who has no trouble is not asked how much it hinders"

    visitor.press("返回修改")
    visitor.open("/h5/test/phq9/item/phq9_1")
    visitor.answer(NEARLY_DAILY)
    page = visitor.open("/h5/test/phq9/item/phq9_difficulty")
    assert "还有最后一问，不计分" in page.words
    page = visitor.press("这一问不答")

    assert page.path == "/h5/test/phq9/end"
    assert visitor.press("看结果").path == "/h5/test/phq9/result"
    assert world.only(Response).result["total"] == 3


def test_a_form_with_a_gap_is_led_back_to_it_and_not_scored(visitor, world):
    visitor.begin()
    visitor.open("/h5/test/phq9/item/phq9_2")
    for _ in range(8):
        visitor.answer(ZERO)

    assert visitor.page.path == "/h5/test/phq9/item/phq9_1"
    page = visitor.open("/h5/test/phq9/end")
    assert "还有 1 道题没有答" in page.words
    page = visitor.press("下一题")
    assert page.path == "/h5/test/phq9/item/phq9_1"
    page = visitor.post("/h5/test/phq9/submit", {"token": page.question.fields["token"]})

    assert page.path == "/h5/test/phq9/item/phq9_1"
    assert world.only(Response).status is ResponseStatus.IN_PROGRESS


# --- the red-flag screen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [SOME_DAYS, HALF, NEARLY_DAILY])
def test_item_nine_raises_its_alert_when_the_answer_arrives_though_the_page_is_closed_then(visitor, world, code):
    visitor.begin()
    visitor.open("/h5/test/phq9/item/phq9_9")
    visitor.answer(code)  # and nothing more

    alert = world.only(Alert)
    assert alert.source_kind is SourceKind.RESPONSE
    assert alert.source_public_id == world.only(Response).public_id
    assert (alert.rule, alert.grade, alert.is_reachable, alert.rings_since) == ("phq9_item9", "serious", False, None)


def test_item_nine_without_such_thoughts_raises_nothing(visitor, world):
    visitor.finish([NEARLY_DAILY] * 8 + [ZERO])

    assert world.alerts() == []


def test_the_alert_and_the_answer_are_one_transaction(visitor, world, database):
    visitor.begin()
    visitor.open("/h5/test/phq9/item/phq9_9")
    is_sqlite = database.engine.dialect.name == "sqlite"
    stop = "SELECT RAISE(FAIL, 'no')" if is_sqlite else "SIGNAL SQLSTATE '45000'"
    with database.engine.begin() as connection:
        each = "" if is_sqlite else "FOR EACH ROW"
        connection.execute(sa.text(f"CREATE TRIGGER no_alert BEFORE INSERT ON alerts {each} BEGIN {stop}; END"))
    try:
        page = visitor.answer(HALF)
    finally:
        with database.engine.begin() as connection:
            connection.execute(sa.text("DROP TRIGGER no_alert"))

    assert page.status >= 500
    assert world.alerts() == []
    assert world.answers() == {}, "an answer that could not be told to anybody must not look as if it had arrived"


def test_the_red_flag_screen_comes_before_any_score_with_numbers_and_the_truth(visitor):
    visitor.take([SOME_DAYS] * 8 + [SOME_DAYS])
    [page] = [page for page in visitor.history if page.path.endswith("/care")]

    assert "谢谢您愿意如实告诉我们" in page.words
    assert all(f"tel:{number}" in page.links for number in NUMBERS)
    assert page.words.index("12356") < page.words.index("请拨 120 / 110")
    assert "您现在是匿名的，我们没有您的联系方式" in page.words
    assert not any(word in page.words for word in ("老师会在", "分数", "结果"))


@pytest.mark.parametrize(
    "way_out",
    [
        lambda visitor, token: visitor.open("/h5/test/phq9/item/phq9_1"),
        lambda visitor, token: visitor.open("/h5/test/phq9/end"),
        lambda visitor, token: visitor.open("/h5/test/phq9/result"),
        lambda visitor, token: visitor.post("/h5/test/phq9/submit", {"token": token}),
        lambda visitor, token: visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_9", "go": "back"}),
        lambda visitor, token: visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_1", "code": "0"}),
        lambda visitor, token: visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_9", "code": "0"}),
        lambda visitor, token: visitor.open("/h5/test/phq9") and visitor.press("继续"),
    ],
)
def test_nothing_leads_past_the_red_flag_screen_but_its_own_button(visitor, world, way_out):
    visitor.begin()
    visitor.open("/h5/test/phq9/item/phq9_9")
    token = visitor.page.question.fields["token"]
    visitor.answer(SOME_DAYS)

    page = way_out(visitor, token)

    assert page.path == "/h5/test/phq9/care"
    assert world.only(Response).care is Care.DUE
    page = visitor.press(GO_ON_SAFE)
    assert page.options, "then the questions go on"


def test_who_took_the_answer_back_still_reads_the_red_text_and_the_alert_stands(visitor, world):
    visitor.begin()
    for _ in range(8):
        visitor.answer(ZERO)
    visitor.answer(HALF)
    visitor.press(GO_ON_SAFE)
    visitor.open("/h5/test/phq9/item/phq9_9")
    visitor.answer(ZERO)
    page = visitor.press("看结果")

    assert "困扰较重" in page.words
    assert "没有看到明显的困扰" not in page.words
    assert len(world.alerts()) == 1


def test_a_worse_answer_later_shows_the_screen_again_and_rings_once(visitor, world):
    visitor.begin()
    visitor.open("/h5/test/phq9/item/phq9_9")
    visitor.answer(SOME_DAYS)
    visitor.press(GO_ON_SAFE)
    visitor.open("/h5/test/phq9/item/phq9_9")

    assert visitor.answer(NEARLY_DAILY).path == "/h5/test/phq9/care"
    assert len(world.alerts()) == 1


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


# --- the end ------------------------------------------------------------------------------------------------------------


def test_end_and_clear_leaves_nothing_on_the_phone(visitor, world):
    visitor.finish([SOME_DAYS] * 9)
    pages = [page.address for page in visitor.history if page.path.startswith("/h5/test/phq9/")]
    page = visitor.press("结束并清除")

    assert page.path == "/h5/bye"
    assert not any(name.startswith(("xq_r_", "xq_m_")) for name in visitor.cookies())
    for address in pages:
        page = visitor.open(address)
        assert (page.status, page.path) in {(404, page.path), (405, page.path)}
        assert "困扰" not in page.words
        assert not page.forms
    assert "开始前请看一下" in visitor.open("/h5/test/phq9").words
    response = world.only(Response)
    assert response.is_cleared
    assert response.status is ResponseStatus.COMPLETE, "it stays counted, nameless as it was"


def test_clearing_the_long_form_forgets_the_short_one_that_led_to_it(visitor):
    visitor.begin("phq2")
    visitor.answer(HALF)
    visitor.answer(HALF)
    visitor.press("看结果")
    visitor.press("再做一份更完整的自测")
    for _ in range(7):
        visitor.answer(ZERO)
    visitor.press("这一问不答")
    visitor.press("看结果")
    visitor.press("结束并清除")

    page = visitor.open("/h5/test/phq2")

    assert "开始前请看一下" in page.words
    assert "做完的自测" not in page.words


def test_two_people_on_two_phones_never_meet(app, world):
    mine, yours = Visitor(app), Visitor(app)
    mine.begin()
    yours.begin()
    mine.answer(NEARLY_DAILY)
    yours.open("/h5/test/phq9/item/phq9_1")

    assert yours.page.chosen is None
    assert len({response.public_id for response in world.responses()}) == 2
