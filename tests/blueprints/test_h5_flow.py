"""The way of somebody who takes a test, on pages without script."""

import pytest

from server.assessment.models import Answer, Response, ResponseStatus
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO, Visitor

NUMBERS = ("12356", "12355", "110", "120", "020-55550000")


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


@pytest.mark.parametrize("path", ["start", "answer", "submit", "resume"])
def test_a_killed_page_that_had_answered_a_form_resumes_too(visitor, path):
    visitor.begin()
    visitor.answer(SOME_DAYS)
    page = visitor.open(f"/h5/test/phq9/{path}")

    assert "接着上次的吗" in page.words
    assert visitor.press("继续").path == "/h5/test/phq9/item/phq9_2"


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

    page = visitor.open_item(1)
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
    visitor.open_item(1)
    visitor.answer(NEARLY_DAILY)
    page = visitor.open("/h5/test/phq9/item/phq9_difficulty")
    assert "还有最后一问，不计分" in page.words
    page = visitor.press("这一问不答")

    assert page.path == "/h5/test/phq9/end"
    assert visitor.press("看结果").path == "/h5/test/phq9/result"
    assert world.only(Response).result["total"] == 3


def test_a_form_with_a_gap_is_led_back_to_it_and_not_scored(visitor, world):
    visitor.begin()
    visitor.open_item(2)
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


# --- the end ------------------------------------------------------------------------------------------------------------


def test_end_and_clear_leaves_nothing_on_the_phone(visitor, world):
    visitor.finish([SOME_DAYS] * 9)
    pages = [page.address for page in visitor.history if page.path.startswith("/h5/test/phq9/")]
    page = visitor.press("结束并清除")

    assert page.path == "/h5/bye"
    assert not any(name.startswith(("xq_r_", "xq_m_")) for name in visitor.cookies())
    for address in pages:
        page = visitor.open(address)
        assert page.status == 404 or "开始前请看一下" in page.words
        assert "困扰" not in page.words
        assert "token" not in {name for form in page.forms for name in form.fields}
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


@pytest.mark.parametrize("path", ["item/phq9_1", "item/phq9_9", "end"])
def test_back_from_the_result_leads_to_the_result_for_nothing_can_be_changed_any_more(visitor, path):
    visitor.finish([ZERO] * 9)

    assert visitor.open(f"/h5/test/phq9/{path}").path == "/h5/test/phq9/result"


def test_two_people_on_two_phones_never_meet(app, world):
    mine, yours = Visitor(app), Visitor(app)
    mine.begin()
    yours.begin()
    mine.answer(NEARLY_DAILY)
    yours.open_item(1)

    assert yours.page.chosen is None
    assert len({response.public_id for response in world.responses()}) == 2
