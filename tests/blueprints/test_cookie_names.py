"""Behind HTTPS our cookies bear names that browsers guard, and nobody else's pass for them."""

from http.cookies import SimpleCookie

import pytest
from flask import Flask, Response, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from server.blueprints.cookie_names import GuardedCookies
from tests.blueprints.staff import Colleague, text_of

VALUES = st.text("abcXYZ019_-.", max_size=20)


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(app, "wsgi_app", GuardedCookies(app.wsgi_app))
    return app


def make_echo() -> Client:
    """Tells which cookies arrived; sets and forgets two of ours and one of somebody else's."""
    echo = Flask("echo", static_folder=None)

    @echo.get("/")
    def show():
        answer = Response(repr(sorted(request.cookies.items())))
        answer.set_cookie("xq_form", "1", path="/", secure=True)
        answer.set_cookie("xq_staff", "2", path="/console", secure=True)
        answer.set_cookie("other", "3")
        answer.delete_cookie("xq_bell", path="/console")
        return answer

    return Client(GuardedCookies(echo.wsgi_app), use_cookies=False)


def brought(cookies: str) -> str:
    return text_of(make_echo().get("/", headers={"Cookie": cookies}))


def test_each_cookie_of_ours_leaves_under_a_guarded_name_with_what_the_name_asks_for() -> None:
    lines = make_echo().get("/").headers.getlist("Set-Cookie")
    names = [line.partition("=")[0] for line in lines]

    assert names == ["__Host-xq_form", "__Secure-xq_staff", "other", "__Secure-xq_bell"]
    for line in lines:
        assert ("; Secure" in line) == line.startswith("__"), line
    assert "Path=/" in lines[0].split("; "), "a browser takes __Host- for the whole host only"
    assert "Domain" not in str(lines)


def test_a_cookie_that_is_to_be_forgotten_is_one_that_the_browser_believes() -> None:
    line = make_echo().get("/").headers.getlist("Set-Cookie")[3]
    (morsel,) = SimpleCookie(line).values()

    assert morsel["max-age"] == "0"
    assert morsel["secure"]


@given(VALUES)
def test_what_left_comes_back_under_the_name_that_pages_know(value: str) -> None:
    assert brought(f"__Host-xq_form={value}; __Secure-xq_staff={value}") == repr(
        [("xq_form", value), ("xq_staff", value)]
    )


@pytest.mark.parametrize(
    "planted", ["xq_staff=x", "__Host-xq_staff=x", "__Secure-xq_form=x", "xq_form=x", "__secure-xq_staff=x"]
)
def test_a_planted_one_is_not_taken_for_ours(planted: str) -> None:
    told = brought(f"{planted}; __Secure-xq_bell=mine")

    assert "('xq_bell', 'mine')" in told
    assert "('xq_staff'" not in told
    assert "('xq_form'" not in told


def test_cookies_of_others_pass_as_they_are() -> None:
    assert brought("a=1; b=2=3") == repr([("a", "1"), ("b", "2=3")])


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_whatever_stands_in_the_header_ends_in_an_answer(header: str) -> None:
    assert make_echo().get("/", headers={"Cookie": header}).status_code == 200


def test_a_colleague_signs_in_and_out_under_guarded_names(guarded: Flask, world) -> None:
    world.hire("duty1")
    colleague = Colleague(guarded).sign_in("duty1")
    kept = {cookie.key for cookie in colleague.client._cookies.values()}
    stays = colleague.get("/console/duty").status_code
    left = colleague.post("/console/sign-out").headers.getlist("Set-Cookie")

    assert kept == {"__Secure-xq_staff", "__Secure-xq_bell", "__Host-xq_form"}
    assert stays == 200
    assert sum(line.startswith("__Secure-xq_") and "Max-Age=0" in line and "; Secure" in line for line in left) == 2
