"""What goes wrong on real phones: double taps, two tabs, stale pages, files that change under a page."""

import threading
from dataclasses import replace
from datetime import timedelta

from server.assessment.loader import InstrumentCatalogue
from server.assessment.models import Answer, Response, ResponseStatus
from server.assessment.service import abandon_stale
from server.clock import local_day
from server.crisis.models import Alert
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO, Visitor
from tests.conftest import NOW

GO_ON_SAFE = "我现在是安全的，继续"


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


def test_without_cookies_a_form_alone_opens_nothing_for_who_saw_it(visitor, world, app):
    form = visitor.open("/h5/test/phq9").form_with("开始")
    filled = {"age": "age_18_59", "consent": form.choices["consent"][0]}
    tokens = {Visitor(app, keeps_cookies=False).send(form, **filled).question.fields["token"] for _ in range(2)}

    assert len(tokens) == len(world.responses()) == 2


def test_a_double_tap_on_an_answer_is_one_answer_and_one_alert(visitor, world):
    visitor.begin()
    page = visitor.open_item(9)
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
    old_tab = visitor.open_item(9)
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
    old_tab = visitor.open_item(9)
    visitor.open_item(1)
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
    old_tab = visitor.open_item(9)
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
    visitor.open_item(9)
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


# --- names from outside -------------------------------------------------------------------------------------------------


def test_a_place_with_markup_in_its_name_is_shown_as_it_is_written(visitor, world, database):
    code = world.print_code(world.streets[0])
    name = '<b>云岭</b> & "新庄" <script>'
    database.write(lambda session: setattr(session.merge(world.streets[0]), "name", name))
    page = visitor.open(f"/h5/test/phq9?from={code}")

    assert name in page.words
    assert "<script>" not in page.html
