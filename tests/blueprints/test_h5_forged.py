"""Forms that no page of ours would send."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.assessment.models import Response
from tests.blueprints.visitor import HALF, Visitor

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
