"""Headers and cookies of every page, and the numbers on every page, also where something went wrong."""

import re
from dataclasses import replace

import pytest
from flask import Flask

from server import create_app
from server.blueprints import requests
from server.config import load_settings
from tests.blueprints.staff import Colleague
from tests.blueprints.visitor import SOME_DAYS, ZERO, Visitor
from tests.blueprints.world import World
from tests.canaries import PASSWORD, PHONE

NUMBERS = ("12356", "020-55550000", "12355", "110", "120")


@pytest.fixture
def all_answers(app, world) -> dict[str, object]:
    """An answer of each kind: pages, redirects, refusals, JSON, faults."""
    world.hire("duty1")
    client, colleague = app.test_client(), Colleague(app).sign_in("duty1")
    visitor = Visitor(app)
    visitor.finish([SOME_DAYS] * 9)
    answers = {f"the way {number}: {page.path}": page for number, page in enumerate(visitor.history)}
    answers |= {
        "home": client.get("/h5/"),
        "root": client.get("/"),
        "help": client.get("/h5/help"),
        "bye": client.get("/h5/bye"),
        "contact": client.get("/h5/contact"),
        "contact left": client.post("/h5/contact", data={"phone": PHONE}),
        "bad phone 422": client.post("/h5/contact", data={"phone": "1"}),
        "too young": client.post("/h5/test/phq9/start", data={"age": "age_14_17", "consent": "assessment-1"}),
        "unknown code 404": client.get("/q/garbage"),
        "gone 404": client.get("/h5/test/phq9/end"),
        "404": client.get("/h5/nothing/here"),
        "405": client.delete("/h5/help"),
        "413": client.post("/h5/contact", data={"phone": "1" * 70_000}),
        "csrf 400": client.post("/console/sign-in", data={"login_name": "x"}),
        "sign in": client.get("/console/sign-in"),
        "sign in refused": colleague.post("/console/sign-in", login_name="x", password="y"),
        "stranger": app.test_client().get("/console/duty"),
        "console": colleague.get("/console/"),
        "alerts": colleague.get("/console/alerts"),
        "own acts": colleague.get("/console/trail/mine"),
        "duty": colleague.get("/console/duty"),
        "board": colleague.poll(),
        "bell": colleague.poll("/console/duty/bell"),
        "health": client.get("/healthz"),
        "json 404": client.get("/api/v1/nothing"),
    }
    return answers


def test_every_answer_carries_the_whole_set_of_headers(all_answers):
    for name, answer in all_answers.items():
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", name
        assert headers["Referrer-Policy"] == "no-referrer", name
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", name
        assert "camera=()" in headers["Permissions-Policy"], name
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", headers["X-Request-Id"]), name
        assert headers["Cache-Control"] == "no-store", name


def test_the_content_policy_lets_nothing_in_from_elsewhere_and_nothing_inline(all_answers):
    for name, answer in all_answers.items():
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'", name
        assert (policy["script-src"], policy["style-src"], policy["form-action"]) == ("'self'",) * 3, name
        assert policy["base-uri"] == "'none'", name
        assert "unsafe" not in str(policy), name
        assert "*" not in str(policy), name


def test_no_page_holds_what_the_policy_would_refuse(all_answers):
    for name, answer in all_answers.items():
        html = answer.html if hasattr(answer, "html") else answer.get_data(as_text=True)
        assert not re.search(r"<script(?![^>]*\bsrc=)", html), name
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:|<style", html), name
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", html), name


@pytest.mark.parametrize("number", NUMBERS)
def test_every_page_and_every_error_page_shows_the_numbers(all_answers, number):
    shown = 0
    for name, answer in all_answers.items():
        html = answer.html if hasattr(answer, "html") else answer.get_data(as_text=True)
        if "<html" in html and "Location" not in answer.headers:
            assert f'href="tel:{number}"' in html, name
            shown += 1

    assert shown > 20


def test_the_hours_stand_beside_the_numbers(all_answers):
    assert "08:00-22:00" in all_answers["404"].get_data(as_text=True)


def test_statuses_are_what_they_say(all_answers):
    for name, answer in all_answers.items():
        status = re.search(r"\b4\d\d$", name)
        if status:
            assert answer.status_code == int(status[0]), name


def test_a_fault_of_ours_is_a_page_with_numbers_and_an_id_that_says_nothing_else(app, world, monkeypatch):
    def broken():
        raise ZeroDivisionError("what somebody typed")

    monkeypatch.setitem(app.view_functions, "pages.help_page", broken)
    answer = app.test_client().get("/h5/help")
    html = answer.get_data(as_text=True)

    assert answer.status_code == 500
    assert all(f'href="tel:{number}"' in html for number in NUMBERS)
    assert answer.headers["X-Request-Id"] in html
    assert "ZeroDivisionError" not in html
    assert "what somebody typed" not in html


def test_the_store_being_away_is_a_page_with_numbers(app, world, lose_store):
    lose_store()
    answer = app.test_client(use_cookies=False).get("/console/duty", headers={"Cookie": "xq_staff=x"})
    html = answer.get_data(as_text=True)

    assert answer.status_code == 503
    assert all(f'href="tel:{number}"' in html for number in NUMBERS)


def test_a_script_that_polls_gets_json_instead_of_a_page(app, world, lose_store):
    lose_store()
    client = app.test_client(use_cookies=False)
    answer = client.get("/console/duty/board", headers={"X-Requested-With": "fetch", "Cookie": "xq_staff=x"})

    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "unavailable"


def test_the_allowed_methods_are_named_where_one_is_refused(app):
    assert "GET" in app.test_client().delete("/h5/help").headers["Allow"]


# --- cookies ------------------------------------------------------------------------------------------------------------


def _set_cookies(app: Flask) -> dict[str, str]:
    """Every cookie that this application sets, on a whole way of both doors."""
    world = World.build(app)
    world.hire("duty1")
    code = world.print_code(world.root)
    found: dict[str, str] = {}
    client = app.test_client()

    def note(answer):
        for line in answer.headers.getlist("Set-Cookie"):
            name, _, rest = line.partition("=")
            if "Max-Age=0" not in rest:
                found[name] = rest
        return answer

    note(client.get(f"/q/{code}"))
    page = note(client.get("/h5/test/phq9")).get_data(as_text=True)
    form_id = re.search(r'name="form_id" value="([^"]+)"', page)[1]
    note(client.post("/h5/test/phq9/start", data={"age": "age_18_59", "consent": "assessment-1", "form_id": form_id}))
    page = note(client.get("/console/sign-in")).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    fields = {"csrf_token": token, "login_name": "duty1", "password": PASSWORD}
    note(client.post("/console/sign-in", data=fields))
    return found


def test_every_cookie_is_out_of_reach_of_scripts_and_of_other_sites(app, clock):
    cookies = _set_cookies(app)

    assert set(cookies) == {"xq_q", "xq_c", "xq_r_phq9", "xq_m_phq9", "xq_form", "xq_staff", "xq_bell"}
    for name, rest in cookies.items():
        assert "HttpOnly" in rest, name
        assert f"SameSite={'Strict' if name in {'xq_staff', 'xq_bell'} else 'Lax'}" in rest, name
        assert "Domain=" not in rest, name


def test_each_cookie_goes_only_where_it_is_needed(app, clock):
    paths = {name: re.search(r"Path=([^;]+)", rest)[1] for name, rest in _set_cookies(app).items()}

    assert paths["xq_r_phq9"] == paths["xq_m_phq9"] == "/h5/test/phq9"
    assert paths["xq_c"] == "/h5/"
    assert paths["xq_staff"] == paths["xq_bell"] == "/console"


@pytest.fixture
def https_app(app, database, tmp_path):
    """The same application behind https, as in production."""
    settings = app.extensions["xinqiao"].settings
    environ = {
        "XINQIAO_ENV": "production", "XINQIAO_INSTANCE": str(tmp_path), "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key, "DATA_KEYS": settings.data_keys, "WECHAT_OA_APP_ID": "wx1",
        "WECHAT_OA_SECRET": "s", "WECHAT_OA_TOKEN": "t", "WECHAT_OA_AES_KEY": "a" * 43,
        "PUBLIC_BASE_URL": "https://xinqiao.example.gov.cn", "HOTLINE_LOCAL": "020-55550000|08:00-22:00",
    }  # fmt: skip
    return create_app(load_settings(environ), database=database)


def test_behind_https_cookies_never_travel_in_plain_and_browsers_are_told_to_stay(https_app, clock):
    answer = https_app.test_client().get("/h5/")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    client = https_app.test_client()
    world = World.build(https_app)
    code = world.print_code(world.root)
    lines = [
        line
        for address in (f"/q/{code}", "/h5/test/phq9", "/console/sign-in")
        for line in client.get(address, base_url="https://localhost").headers.getlist("Set-Cookie")
    ]

    assert {line.split("=")[0] for line in lines} == {"xq_q", "xq_c", "xq_form"}
    assert all("Secure" in line for line in lines)


def test_what_is_served_without_https_says_nothing_about_it(app, world):
    assert "Strict-Transport-Security" not in app.test_client().get("/h5/").headers


# --- csrf ---------------------------------------------------------------------------------------------------------------


def test_every_form_of_the_console_wants_its_token(app, world):
    world.hire("duty1")
    colleague = Colleague(app).sign_in("duty1")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/console") and "POST" in rule.methods:
            address = rule.rule.replace("<alert_id>", "A" * 22)
            for fields in ({}, {"csrf_token": "forged"}, {"csrf_token": colleague.form_token[:-1]}):
                answer = colleague.client.post(address, data=fields)
                assert answer.status_code == 400, address
                assert "请刷新后再点一次" in answer.get_data(as_text=True)


def test_a_token_of_another_browser_does_not_count(app, world):
    world.hire("duty1")
    other, colleague = Colleague(app), Colleague(app).sign_in("duty1")
    answer = colleague.client.post("/console/sign-out", data={"csrf_token": other.form_token})

    assert answer.status_code == 400


def test_the_residents_forms_need_none(visitor):
    assert visitor.begin().path == "/h5/test/phq9/item/phq9_1"


# --- assets -------------------------------------------------------------------------------------------------------------


def test_an_asset_that_is_not_there_leaves_a_page_usable(app, world, monkeypatch):
    requests.static_url.cache_clear()
    monkeypatch.setattr(requests, "_STATIC", requests._STATIC / "nowhere")
    try:
        visitor = Visitor(app)
        page = visitor.finish([ZERO] * 9)
    finally:
        requests.static_url.cache_clear()

    assert page.path == "/h5/test/phq9/result"
    assert "weui.min.css" not in page.html


def test_a_place_that_has_no_line_of_its_own_shows_none(app, world):
    parts = world.parts
    lines = tuple(line for line in parts.lines if line.number != "020-55550000")
    app.extensions["xinqiao"] = replace(parts, lines=lines)
    page = Visitor(app).begin(age="age_14_17")

    assert "本地心理热线" not in page.html.split("<footer")[0]
