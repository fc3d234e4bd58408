"""A shared phone betrays nobody, and a lost cookie costs nothing."""

import pytest

from server.assessment.models import Response
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO, Visitor

GO_ON_SAFE = "我现在是安全的，继续"
OVER_NIGHT = 12 * 3600


# --- a page left open, a shared phone -----------------------------------------------------------------------------------


def test_a_page_left_open_over_night_keeps_its_answer_and_asks_before_it_shows_more(visitor, world, clock):
    visitor.begin()
    visitor.answer(HALF)
    clock.shift(OVER_NIGHT)
    page = visitor.answer(SOME_DAYS)

    assert world.answers() == {"phq9_1": HALF, "phq9_2": SOME_DAYS}
    assert "接着上次的吗" in page.words
    assert "前面的回答都已保存" in page.words
    assert visitor.press("继续").path == "/h5/test/phq9/item/phq9_3"


def test_item_nine_from_a_page_left_open_over_night_shows_the_numbers_at_once(visitor, world, clock):
    visitor.begin()
    visitor.open_item(9)
    clock.shift(OVER_NIGHT)
    page = visitor.answer(SOME_DAYS)

    assert "谢谢您愿意如实告诉我们" in page.words
    assert "tel:12356" in page.links
    assert len(world.alerts()) == 1


@pytest.mark.parametrize("path", ["item/phq9_1", "item/phq9_2", "end", "result", "care"])
def test_reopening_a_page_later_asks_before_it_shows_anything(visitor, clock, path):
    visitor.begin()
    visitor.answer(NEARLY_DAILY)
    clock.shift(31 * 60)
    page = visitor.open(f"/h5/test/phq9/{path}")

    assert "接着上次的吗" in page.words
    assert "提不起劲" not in page.words
    assert {button.label for form in page.forms for button in form.buttons} == {"继续", "重新开始", "清除，不做了"}


def test_reopening_asks_also_when_the_browser_was_only_closed(visitor):
    visitor.begin()
    visitor.answer(NEARLY_DAILY)
    visitor.lose_cookies("xq_m_")  # session cookies end with the browser

    assert "接着上次的吗" in visitor.open_item(1).words


def test_within_half_an_hour_of_reading_nobody_is_asked(visitor, clock):
    visitor.begin()
    visitor.answer(NEARLY_DAILY)
    clock.shift(29 * 60)

    assert visitor.open_item(1).chosen == "3"


def test_a_finished_test_is_not_shown_to_who_picks_up_the_phone(visitor, clock):
    visitor.finish([HALF] * 8 + [ZERO])
    clock.shift(31 * 60)
    page = visitor.open("/h5/test/phq9/result")

    assert "困扰" not in page.words
    assert "做完的自测" in page.words
    assert "困扰较重" in visitor.press("看结果").words


@pytest.mark.parametrize("label", ["上一题", "看结果", GO_ON_SAFE])
def test_an_old_page_on_a_shared_phone_shows_no_other_page_by_its_buttons(visitor, clock, label):
    visitor.begin()
    pages = []
    for code in [NEARLY_DAILY] * 8 + [SOME_DAYS]:
        pages.append(visitor.answer(code))
    pages.append(visitor.press(GO_ON_SAFE))
    pages.append(visitor.press("这一问不答"))
    old = next(page for page in pages if any(form.button(label) for form in page.forms))
    clock.shift(OVER_NIGHT)
    page = visitor.press(label, old)

    assert "接着上次的吗" in page.words
    assert not any(words in page.words for words in ("困扰", "伤害", "提不起劲", "第 1 题"))


def test_an_old_page_with_nothing_chosen_shows_no_other_page(visitor, clock):
    visitor.begin()
    visitor.answer(NEARLY_DAILY)
    form = visitor.page.question
    clock.shift(OVER_NIGHT)
    page = visitor.send(form)

    assert "接着上次的吗" in page.words


# --- lost cookies, no cookies -------------------------------------------------------------------------------------------


def test_a_lost_cookie_costs_no_answer(visitor, world):
    visitor.begin()
    visitor.answer(HALF)
    visitor.lose_cookies()
    page = visitor.answer(SOME_DAYS)

    assert world.answers() == {"phq9_1": HALF, "phq9_2": SOME_DAYS}
    assert page.question.fields["item"] == "phq9_3"
    assert visitor.answer(ZERO).question.fields["item"] == "phq9_4"


@pytest.mark.parametrize("path", ["item/phq9_1", "end", "result", "care"])
def test_without_its_cookie_a_page_says_clearly_that_it_found_nothing(visitor, path):
    visitor.begin()
    visitor.lose_cookies()
    page = visitor.open(f"/h5/test/phq9/{path}")

    assert page.status == 404
    assert "没有找到刚才的自测" in page.words
    assert "/h5/test/phq9?anew=1" in page.links
    assert "tel:12356" in page.links


def test_the_whole_way_can_be_gone_without_any_cookie(app, world):
    visitor = Visitor(app, keeps_cookies=False)
    visitor.begin()
    for _ in range(8):
        visitor.answer(SOME_DAYS)
    visitor.press("上一题")
    visitor.answer(HALF)
    page = visitor.answer(SOME_DAYS)
    assert "谢谢您愿意如实告诉我们" in page.words
    visitor.press(GO_ON_SAFE)
    visitor.press("这一问不答")
    page = visitor.press("看结果")

    assert "困扰较重" in page.words
    assert world.only(Response).result["total"] == 10
    assert len(world.alerts()) == 1
    assert visitor.press("结束并清除").path == "/h5/bye"
    assert world.only(Response).is_cleared


def test_without_cookies_a_gap_can_still_be_filled(app, world):
    visitor = Visitor(app, keeps_cookies=False)
    token = visitor.begin().question.fields["token"]
    page = visitor.post("/h5/test/phq9/submit", {"token": token})
    assert page.question.fields["item"] == "phq9_1"
    for number in range(2, 10):
        page = visitor.post("/h5/test/phq9/answer", {"token": token, "item": f"phq9_{number}", "code": "0"})

    assert page.question.fields["item"] == "phq9_1"
