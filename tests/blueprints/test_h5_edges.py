"""What goes wrong on real phones: double taps, two tabs, stale pages, lost cookies, forged forms, a store that is away."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.assessment.loader import InstrumentCatalogue
from server.assessment.models import Answer, Care, Response, ResponseStatus
from server.assessment.service import abandon_stale
from server.clock import local_day
from server.crisis.models import Alert
from server.db import LOCK_WAIT_SECONDS
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO, Visitor
from tests.conftest import NOW

GO_ON_SAFE = "我现在是安全的，继续"
OVER_NIGHT = 12 * 3600


def _page_of_item(visitor: Visitor, number: int):
    return visitor.open(f"/h5/test/phq9/item/phq9_{number}")


# --- the same thing twice -----------------------------------------------------------------------------------------------


def test_a_double_tap_on_start_begins_one_response_and_counts_one_start(visitor, world):
    code = world.print_code(world.streets[0])
    page = visitor.open(f"/h5/test/phq9?from={code}")
    consent = page.form_with("开始").choices["consent"][0]
    visitor.press("开始", page, age="age_18_59", consent=consent)
    visitor.press("开始", page, age="age_18_59", consent=consent)

    assert len(world.responses()) == 1
    assert world.uses(code) == (0, 1, 0)
    assert visitor.page.path == "/h5/test/phq9/item/phq9_1"


def test_two_halves_of_a_double_tap_at_once_begin_one_response(visitor, world, app):
    code = world.print_code(world.streets[0])
    form = visitor.open(f"/h5/test/phq9?from={code}").form_with("开始")
    fields = form.fields | {"age": "age_18_59", "consent": form.choices["consent"][0]}
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies().items())
    together = threading.Barrier(4)

    def tap():
        together.wait()
        app.test_client(use_cookies=False).post(form.action, data=fields, headers={"Cookie": cookies})

    taps = [threading.Thread(target=tap) for _ in range(4)]
    for thread in taps:
        thread.start()
    for thread in taps:
        thread.join()

    assert len(world.responses()) == 1
    assert world.uses(code) == (0, 1, 0)


def test_the_start_page_from_the_history_begins_another_once_there_are_answers(visitor, world):
    page = visitor.open("/h5/test/phq9")
    consent = page.form_with("开始").choices["consent"][0]
    visitor.press("开始", page, age="age_18_59", consent=consent)
    visitor.answer(NEARLY_DAILY)
    visitor.press("开始", page, age="age_18_59", consent=consent)

    assert len(world.responses()) == 2
    assert visitor.page.chosen is None, "whoever begins must not be shown what somebody else answered"


def test_the_start_form_of_one_phone_opens_nothing_on_another(visitor, world, app):
    page = visitor.open("/h5/test/phq9")
    consent = page.form_with("开始").choices["consent"][0]
    visitor.press("开始", page, age="age_18_59", consent=consent)
    other = Visitor(app)
    other.open("/h5/test/phq9")
    other.send(page.form_with("开始"), age="age_18_59", consent=consent)

    assert len(world.responses()) == 2


def test_a_double_tap_on_an_answer_is_one_answer_and_one_alert(visitor, world):
    visitor.begin()
    page = _page_of_item(visitor, 9)
    visitor.answer(HALF, page)
    visitor.answer(HALF, page)

    assert len(world.alerts()) == 1
    assert world.only(Answer).sequence == 1
    assert world.only(Response).revision == 1


def test_a_double_tap_on_the_result_finishes_and_counts_once(visitor, world):
    code = world.print_code(world.streets[0])
    end = visitor.take([ZERO] * 9, code=code)
    visitor.press("看结果", end)
    visitor.press("看结果", end)

    assert visitor.page.path == "/h5/test/phq9/result"
    assert world.uses(code) == (0, 1, 1)


def test_reloading_any_page_changes_nothing(visitor, world):
    code = world.print_code(world.streets[0])
    visitor.finish([SOME_DAYS] * 9, code=code)
    before = [(row.item_id, row.code, row.sequence) for row in world.all(Answer)]
    for page in list(visitor.history):
        if page.status == 200:
            visitor.open(page.address)

    assert [(row.item_id, row.code, row.sequence) for row in world.all(Answer)] == before
    assert world.uses(code) == (0, 1, 1)
    assert len(world.alerts()) == 1


# --- two tabs, a stale tab ----------------------------------------------------------------------------------------------


def test_an_older_page_does_not_overwrite_a_newer_answer_and_says_so(visitor, world):
    visitor.begin()
    old_tab = visitor.page
    visitor.answer(HALF)
    page = visitor.answer(ZERO, old_tab)

    assert world.answers() == {"phq9_1": HALF}
    assert "刚才已经答过" in page.words
    assert page.chosen == str(HALF)


def test_a_danger_sign_in_an_older_page_raises_its_alert_though_the_newer_answer_stands(visitor, world):
    visitor.begin()
    old_tab = _page_of_item(visitor, 9)
    visitor.answer(ZERO, old_tab)
    page = visitor.answer(NEARLY_DAILY, old_tab)

    assert world.answers() == {"phq9_9": ZERO}
    assert len(world.alerts()) == 1
    assert page.path == "/h5/test/phq9/care"


def test_an_answer_after_the_end_changes_nothing_and_says_so(visitor, world):
    visitor.begin()
    old_tab = visitor.page
    for _ in range(9):
        visitor.answer(ZERO)
    visitor.press("看结果")
    page = visitor.answer(NEARLY_DAILY, old_tab)

    assert page.path == "/h5/test/phq9/result"
    assert "这一次已经做完了，回答没有改动" in page.words
    assert set(world.answers().values()) == {ZERO}


def test_the_result_itself_does_not_claim_that_anything_was_kept_unchanged(visitor):
    assert "没有改动" not in visitor.finish([ZERO] * 9).words


def test_item_nine_after_the_end_still_arrives_and_shows_its_screen_before_the_result(visitor, world):
    visitor.begin()
    old_tab = _page_of_item(visitor, 9)
    _page_of_item(visitor, 1)
    for _ in range(9):
        visitor.answer(ZERO)
    visitor.press("看结果")
    page = visitor.answer(HALF, old_tab)

    assert page.path == "/h5/test/phq9/care"
    assert len(world.alerts()) == 1
    page = visitor.press(GO_ON_SAFE)
    assert page.path == "/h5/test/phq9/result"
    assert "困扰较重" in page.words


def test_a_page_whose_response_was_cleared_in_another_tab_says_so_and_shows_nothing(visitor, world):
    visitor.begin()
    visitor.answer(HALF)
    old_tab = visitor.page
    visitor.open("/h5/test/phq9")
    visitor.press("清除，不做了")
    page = visitor.answer(ZERO, old_tab)

    assert page.status == 404
    assert "没有找到刚才的自测" in page.words
    assert "tel:12356" in page.links
    assert world.answers() == {"phq9_1": HALF}


def test_item_nine_of_a_cleared_response_still_arrives(visitor, world):
    visitor.begin()
    old_tab = _page_of_item(visitor, 9)
    visitor.open("/h5/test/phq9")
    visitor.press("清除，不做了")
    page = visitor.answer(HALF, old_tab)

    assert len(world.alerts()) == 1
    assert "谢谢您愿意如实告诉我们" in page.words
    assert page.form_with("请老师联系我").action == "/h5/test/phq9/contact"


def test_what_is_begun_in_a_second_tab_does_not_mix_with_the_first(visitor, world):
    first = visitor.begin()
    visitor.open("/h5/test/phq9?anew=1")
    second = visitor.press("开始", age="age_60_up", consent="assessment-1")
    visitor.answer(HALF, first)
    visitor.answer(NEARLY_DAILY, second)

    bands = {row.public_id: row.age_band for row in world.responses()}
    assert {(bands[row.response_id], row.code) for row in world.all(Answer)} == {("age_18_59", 2), ("age_60_up", 3)}


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
    _page_of_item(visitor, 9)
    clock.shift(OVER_NIGHT)
    page = visitor.answer(SOME_DAYS)

    assert page.path == "/h5/test/phq9/care"
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

    assert "接着上次的吗" in _page_of_item(visitor, 1).words


def test_within_half_an_hour_of_reading_nobody_is_asked(visitor, clock):
    visitor.begin()
    visitor.answer(NEARLY_DAILY)
    clock.shift(29 * 60)

    assert _page_of_item(visitor, 1).chosen == "3"


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


# --- forged forms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"item": "phq9_1", "code": "4"},
        {"item": "phq9_1", "code": "-1"},
        {"item": "phq9_1", "code": "99999999999999999999"},
        {"item": "phq9_1", "code": "１"},
        {"item": "phq9_1", "code": "0.5"},
        {"item": "phq9_1", "code": ""},
        {"item": "phq9_1"},
        {"item": "phq9_99", "code": "0"},
        {"item": "", "code": "0"},
        {"item": "gad7_1", "code": "0"},
        {"item": "phq9_1\x00", "code": "0"},
        {"item": "'; DROP TABLE answers;--", "code": "0"},
        {"item": "第一题" * 100, "code": "0"},
        {"item": "phq9_difficulty", "code": "0"},  # hidden as long as nothing troubles
        {"item": "phq9_1", "go": "sideways"},
    ],
)
def test_a_forged_item_or_code_is_a_clear_sentence_and_stores_nothing(visitor, world, fields):
    token = visitor.begin().question.fields["token"]
    page = visitor.post("/h5/test/phq9/answer", {"token": token} | fields)

    assert page.status == (200 if "go" in fields else 422)
    assert page.question.fields["item"] in {"phq9_1", "phq9_difficulty"}
    assert "go" in fields or "这道题的选项没有选好，请重新选一下" in page.words
    assert world.answers() == {}


@given(item=st.text(max_size=60), code=st.text(max_size=12), drawn_at=st.text(max_size=12), token=st.text(max_size=90))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_ends_in_a_page_with_numbers_and_never_in_a_fault(visitor, world, item, code, drawn_at, token):
    page = visitor.post("/h5/test/phq9/answer", {"item": item, "code": code, "drawn_at": drawn_at, "token": token})

    assert page.status in {200, 404, 422}
    assert "tel:12356" in page.links
    assert world.answers() == {}


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "不认识"])
def test_item_nine_with_a_token_that_opens_nothing_still_meets_the_numbers(visitor, world, token):
    page = visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_9", "code": "3"})

    assert page.status == 200
    assert "谢谢您愿意如实告诉我们" in page.words
    assert "tel:12356" in page.links
    assert "/h5/contact" in page.links
    assert world.alerts() == [], "nobody knows where it came from, so there is nothing to look at"


def test_a_token_from_a_form_opens_nothing_at_resume(visitor, app, world):
    token = visitor.begin().question.fields["token"]
    visitor.answer(HALF)
    other = Visitor(app)
    other.open("/h5/test/phq9")
    page = other.post("/h5/test/phq9/resume", {"token": token, "choice": "continue"})

    assert "开始前请看一下" in page.words
    other.post("/h5/test/phq9/resume", {"token": token, "choice": "anew"})
    assert not world.only(Response).is_cleared


def test_a_response_is_only_shown_at_its_own_address(visitor):
    token = visitor.begin("phq2").question.fields["token"]
    page = visitor.post("/h5/test/phq9/submit", {"token": token})

    assert "phq2" in page.path or page.status == 404
    assert visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_1", "go": "back"}).status == 404


@pytest.mark.parametrize("path", ["", "/item/phq9_1", "/care", "/end", "/result"])
def test_an_unknown_instrument_is_a_clear_page(visitor, path):
    page = visitor.open(f"/h5/test/mmpi{path}")

    assert page.status == 404
    assert "没有找到这份自测" in page.words
    assert "tel:12356" in page.links


@pytest.mark.parametrize("path", ["start", "answer", "resume", "care", "submit", "clear", "contact"])
def test_a_form_that_another_site_sends_is_refused_with_the_numbers(visitor, world, path):
    token = visitor.begin().question.fields["token"]
    fields = {"token": token, "item": "phq9_1", "code": "1", "choice": "anew", "phone": "13812345678"}
    page = visitor.post(f"/h5/test/phq9/{path}", fields, **{"Sec-Fetch-Site": "cross-site"})

    assert page.status == 403
    assert "请从心桥的页面里再点一次" in page.words
    assert "tel:12356" in page.links
    assert world.answers() == {}
    assert not world.only(Response).is_cleared


@pytest.mark.parametrize("site", ["same-origin", "none", "same-site", ""])
def test_our_own_forms_are_let_through_and_so_are_browsers_that_do_not_say(visitor, world, site):
    token = visitor.begin().question.fields["token"]
    headers = {"Sec-Fetch-Site": site} if site else {}
    visitor.post("/h5/test/phq9/answer", {"token": token, "item": "phq9_1", "code": "1"}, **headers)

    assert world.answers() == {"phq9_1": 1}


# --- definitions that change --------------------------------------------------------------------------------------------


def _put_catalogue(app, world, catalogue):
    app.extensions["xinqiao"] = replace(world.parts, catalogue=catalogue)


def _with_version_two(catalogue) -> InstrumentCatalogue:
    """As after an update that took the old file away."""
    newer = catalogue["phq9"].model_copy(update={"version": "2.0.0", "definition_hash": "f" * 64})
    return InstrumentCatalogue([newer, catalogue["phq2"]])


def test_a_response_whose_definition_is_gone_says_so(visitor, world, app):
    visitor.begin()
    _put_catalogue(app, world, _with_version_two(world.parts.catalogue))
    page = visitor.answer(HALF)

    assert page.status == 404
    assert "这份自测更新过了" in page.words
    assert "/h5/test/phq9?anew=1" in page.links
    assert world.answers() == {}
    assert "开始前请看一下" in visitor.open("/h5/test/phq9").words


def test_item_nine_of_a_response_whose_definition_is_gone_still_arrives(visitor, world, app):
    visitor.begin()
    _page_of_item(visitor, 9)
    _put_catalogue(app, world, _with_version_two(world.parts.catalogue))
    page = visitor.answer(HALF)

    assert "谢谢您愿意如实告诉我们" in page.words
    assert world.only(Alert).source_public_id == world.only(Response).public_id


def test_a_withdrawn_instrument_begins_for_nobody_and_can_be_finished_by_who_had_begun(visitor, world, app):
    visitor.begin()
    visitor.answer(HALF)
    catalogue = world.parts.catalogue
    withdrawn = catalogue["phq9"].model_copy(update={"version": "1.0.1", "status": "retired"})
    _put_catalogue(app, world, InstrumentCatalogue([catalogue["phq9"], withdrawn, catalogue["phq2"]]))

    assert Visitor(app).open("/h5/test/phq9").status == 404
    visitor.open("/h5/test/phq9")
    visitor.press("继续")
    for code in [ZERO] * 7 + [SOME_DAYS]:
        visitor.answer(code)
    assert len(world.alerts()) == 1
    visitor.press(GO_ON_SAFE)
    visitor.press("这一问不答")
    assert "困扰较重" in visitor.press("看结果").words


def test_who_comes_back_after_a_month_goes_on(visitor, world, clock, database):
    visitor.begin()
    visitor.answer(HALF)
    clock.shift(40 * 86400)
    database.write(lambda session: abandon_stale(session, before=local_day(NOW + timedelta(days=10))))
    assert world.only(Response).status is ResponseStatus.ABANDONED
    visitor.answer(ZERO)

    assert world.answers() == {"phq9_1": HALF, "phq9_2": ZERO}
    assert world.only(Response).status is ResponseStatus.IN_PROGRESS


# --- the store is away --------------------------------------------------------------------------------------------------


def test_an_answer_while_the_store_is_away_stands_in_the_page_and_goes_out_again_with_one_tap(
    visitor, world, lose_store
):
    visitor.begin()
    visitor.answer(HALF)
    give_back = lose_store()
    page = visitor.answer(NEARLY_DAILY)

    assert page.status == 503
    assert "刚才没有保存成功" in page.words
    assert "您选的还在这里" in page.words
    assert "tel:12356" in page.links
    give_back()
    page = visitor.press("再点一次")
    assert world.answers() == {"phq9_1": HALF, "phq9_2": NEARLY_DAILY}
    assert page.path == "/h5/test/phq9/item/phq9_3"


def test_a_danger_sign_while_the_store_is_away_meets_the_numbers_and_arrives_with_the_second_tap(
    visitor, world, lose_store
):
    visitor.begin()
    _page_of_item(visitor, 9)
    give_back = lose_store()
    page = visitor.answer(HALF)

    assert page.status == 503
    assert "谢谢您愿意如实告诉我们" in page.words
    assert "请拨 120 / 110" in page.words
    give_back()
    assert visitor.press("再点一次").path == "/h5/test/phq9/care"
    assert len(world.alerts()) == 1


def test_an_answer_without_danger_shows_no_words_of_danger_while_the_store_is_away(visitor, lose_store):
    visitor.begin()
    lose_store()

    assert "谢谢您愿意如实告诉我们" not in visitor.answer(HALF).words


@pytest.mark.parametrize("label", ["开始", "看结果", GO_ON_SAFE, "继续", "结束并清除"])
def test_every_other_button_can_be_pressed_again_too(visitor, world, lose_store, label):
    visitor.begin()
    pages = [visitor.history[0]]
    pages += [visitor.answer(code) for code in [ZERO] * 8 + [SOME_DAYS]]
    if label != GO_ON_SAFE:
        pages += [visitor.press(GO_ON_SAFE), visitor.press("这一问不答")]
    if label == "结束并清除":
        pages += [visitor.press("看结果")]
    if label == "继续":
        pages += [visitor.open("/h5/test/phq9")]
    old = next(page for page in pages if any(form.button(label) for form in page.forms))
    filled = {"age": "age_18_59", "consent": "assessment-1"} if label == "开始" else {}
    give_back = lose_store()
    page = visitor.press(label, old, **filled)

    assert page.status == 503
    assert "刚才没有办成" in page.words
    assert "tel:12356" in page.links
    give_back()
    assert visitor.press("再点一次").status == 200
    response = world.all(Response)[0]
    if label == "看结果":
        assert response.status is ResponseStatus.COMPLETE
    if label == GO_ON_SAFE:
        assert response.care is Care.PASSED
    if label == "结束并清除":
        assert response.is_cleared


def test_clearing_while_the_store_is_away_makes_the_phone_forget_at_once(visitor, lose_store):
    visitor.finish([SOME_DAYS] * 9)
    give_back = lose_store()
    visitor.press("结束并清除")
    give_back()

    assert visitor.open("/h5/test/phq9/result").status == 404


@pytest.mark.parametrize("path", ["", "/item/phq9_2", "/result"])
def test_a_page_that_does_not_open_says_so_and_offers_itself_again(visitor, lose_store, path):
    visitor.begin()
    lose_store()
    page = visitor.open(f"/h5/test/phq9{path}")

    assert page.status == 503
    assert "请再试一次" in page.words
    assert f"/h5/test/phq9{path}" in page.links
    assert "tel:12356" in page.links


def test_what_a_page_that_goes_out_again_holds_is_escaped(visitor, lose_store):
    lose_store()
    page = visitor.post("/h5/test/phq9/answer", {"token": '"><script>alert(1)</script>', "item": "phq9_1", "code": "1"})

    assert page.status == 503
    assert "<script>" not in page.html
    assert page.form_with("再点一次").fields["token"] == '"><script>alert(1)</script>'


@pytest.mark.slow
def test_item_nine_waits_a_second_time_for_a_store_that_is_busy(visitor, world, database):
    """A write lock that lasts a second longer than anybody waits: an ordinary answer is sent back, item 9 gets through."""
    visitor.begin()
    page = visitor.page
    token = page.question.fields["token"]
    for item, expected in (("phq9_1", 503), ("phq9_9", 200)):
        locked, released = threading.Event(), threading.Event()

        def hold(locked=locked, released=released):
            with database.engine.begin() as connection:
                connection.execute(sa.text("UPDATE responses SET revision = revision"))
                locked.set()
                released.wait(LOCK_WAIT_SECONDS + 1)

        holder = threading.Thread(target=hold)
        holder.start()
        locked.wait()
        page = visitor.post("/h5/test/phq9/answer", {"token": token, "item": item, "code": "1"})
        released.set()
        holder.join()
        assert page.status == expected

    assert world.answers() == {"phq9_9": 1}
    assert len(world.alerts()) == 1


# --- names from outside -------------------------------------------------------------------------------------------------


def test_a_place_with_markup_in_its_name_is_shown_as_it_is_written(visitor, world, database):
    code = world.print_code(world.streets[0])
    name = '<b>云岭</b> & "新庄" <script>'
    database.write(lambda session: setattr(session.merge(world.streets[0]), "name", name))
    page = visitor.open(f"/h5/test/phq9?from={code}")

    assert name in page.words
    assert "<script>" not in page.html
