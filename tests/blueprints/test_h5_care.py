"""The red-flag screen: before any score, with the truth, and past nobody."""

import pytest
import sqlalchemy as sa

from server.assessment.models import Care, Response
from server.crisis.models import Alert, SourceKind
from tests.blueprints.visitor import HALF, NEARLY_DAILY, SOME_DAYS, ZERO

NUMBERS = ("12356", "12355", "110", "120", "020-55550000")
GO_ON_SAFE = "我现在是安全的，继续"


# --- the red-flag screen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [SOME_DAYS, HALF, NEARLY_DAILY])
def test_item_nine_raises_its_alert_when_the_answer_arrives_though_the_page_is_closed_then(visitor, world, code):
    visitor.begin()
    visitor.open_item(9)
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
    visitor.open_item(9)
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
        lambda visitor, token: visitor.open_item(1),
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
    visitor.open_item(9)
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
    visitor.open_item(9)
    visitor.answer(ZERO)
    page = visitor.press("看结果")

    assert "困扰较重" in page.words
    assert "没有看到明显的困扰" not in page.words
    assert len(world.alerts()) == 1


def test_a_worse_answer_later_shows_the_screen_again_and_rings_once(visitor, world):
    visitor.begin()
    visitor.open_item(9)
    visitor.answer(SOME_DAYS)
    visitor.press(GO_ON_SAFE)
    visitor.open_item(9)

    assert visitor.answer(NEARLY_DAILY).path == "/h5/test/phq9/care"
    assert len(world.alerts()) == 1
