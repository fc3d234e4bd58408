"""The store is away: what was chosen is kept, and the numbers stand."""

import threading

import pytest
import sqlalchemy as sa

from server.assessment.models import Care, Response, ResponseStatus
from server.db import LOCK_WAIT_SECONDS
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO

GO_ON_SAFE = "我现在是安全的，继续"


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
    visitor.open_item(9)
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
