"""Between password and console: what a half-open session reaches, what a code opens, and that the bell rings on."""

import base64
import re

import pytest

from server.accounts.policy import Role
from server.accounts.posts import Wanted, give_post
from server.accounts.staff_models import SessionKind, StaffMember, StaffSession
from server.blueprints.console.guards import HALF_OPEN, PUBLIC_ENDPOINTS
from server.vault import token_hash
from tests import authenticator
from tests.blueprints.staff import Colleague, text_of
from tests.canaries import PASSWORD, PHONE
from tests.conftest import NOW

CODE_PAGE = "/console/second-factor"


@pytest.fixture
def half(app, world) -> Colleague:
    """Somebody who has given their password and looks for their phone."""
    world.hire("duty1", name="值班员甲")
    colleague = Colleague(app)
    colleague.try_to_sign_in("duty1", PASSWORD)
    return colleague


def enrol(colleague: Colleague, base: str = CODE_PAGE):
    """Set up an authenticator as a person would: read the secret from the page, type the first code."""
    page = text_of(colleague.post(f"{base}/enrol"))
    shown = re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1]
    secret = base64.b32decode(shown.replace(" ", ""))
    return secret, colleague.post(f"{base}/enrol/confirm", code=authenticator.code(secret=secret))


def recovery_codes(answer) -> list[str]:
    return re.findall(r"<code>([a-z0-9-]{29})</code>", text_of(answer))


# --- half open ----------------------------------------------------------------------------------------------------------


def test_the_password_leads_to_the_page_for_the_code_and_gives_no_bell(app, world):
    world.hire("duty1")
    colleague = Colleague(app)
    answer = colleague.try_to_sign_in("duty1", PASSWORD)

    assert answer.headers["Location"] == CODE_PAGE
    assert "xq_bell" not in str(answer.headers)
    assert "6 位验证码" in text_of(colleague.get(CODE_PAGE))
    assert world.acts("staff.signed_in") == []


def test_a_half_open_session_reaches_no_route_but_its_own_page_and_the_way_out(app, half):
    for rule in app.url_map.iter_rules():
        guard = getattr(app.view_functions[rule.endpoint], "guarded_by", None)
        is_for_others = not rule.rule.startswith("/console")  # residents, who have log-ins of their own
        if rule.endpoint in PUBLIC_ENDPOINTS or guard == HALF_OPEN or is_for_others:
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = half.call(method, re.sub("<[^>]+>", "A" * 22, rule.rule))
            assert answer.status_code == 401 or answer.headers.get("Location") == CODE_PAGE, rule
            assert "值班" not in text_of(answer)


def test_a_poll_of_a_half_open_session_is_answered_like_a_lost_one(half):
    assert half.poll().status_code == 401
    assert half.poll("/console/duty/bell").status_code == 401


def test_a_half_open_session_signs_out(half):
    half.post("/console/sign-out")

    assert half.get(CODE_PAGE).headers["Location"] == "/console/sign-in?over=1"


def test_a_half_open_session_lasts_ten_minutes_however_often_it_looks(half, clock):
    for _ in range(9):
        clock.shift(60)
        assert half.get(CODE_PAGE).status_code == 200
    clock.shift(61)

    assert half.get(CODE_PAGE).headers["Location"] == "/console/sign-in?over=1"


def test_who_is_in_already_is_sent_home_from_the_page_for_the_code(app, world):
    world.hire("duty1")

    assert Colleague(app).sign_in("duty1").get(CODE_PAGE).headers["Location"] == "/console/"


# --- the code -----------------------------------------------------------------------------------------------------------


def test_the_code_opens_screen_and_bell_under_new_tokens(half, world):
    before = half.cookie("xq_staff")
    answer = half.enter_code(authenticator.code())

    assert answer.headers["Location"] == "/console/"
    assert half.cookie("xq_staff") != before
    assert half.get("/console/duty").status_code == 200
    assert half.poll("/console/duty/bell").status_code == 200
    assert len(world.acts("staff.signed_in")) == 1
    [first] = world.all(StaffSession, StaffSession.token_hash == token_hash(before))
    assert first.ended_at == NOW


def test_the_token_of_before_the_code_is_worth_nothing_after(app, half):
    planted = half.cookie("xq_staff")
    half.enter_code(authenticator.code())
    thief = Colleague(app)
    thief.client.set_cookie("xq_staff", planted, path="/console")

    assert thief.get("/console/duty").headers["Location"] == "/console/sign-in?over=1"
    assert thief.get(CODE_PAGE).headers["Location"] == "/console/sign-in?over=1"


def test_a_wrong_code_and_a_used_one_are_told_alike_and_let_one_try_again(app, half):
    code = authenticator.code()
    wrong = half.enter_code("000000")
    half.enter_code(code)
    second = Colleague(app)
    second.try_to_sign_in("duty1", PASSWORD)
    used = second.enter_code(code)

    assert (wrong.status_code, used.status_code) == (403, 403)
    assert "验证码不对或已经用过" in text_of(wrong)
    assert "验证码不对或已经用过" in text_of(used)
    assert second.enter_code(authenticator.code(steps=1)).status_code == 303


def test_guesses_at_the_code_wait_never_longer_than_a_minute_and_are_forgotten(app, half, clock):
    for _ in range(12):
        half.enter_code("000000")
    told = text_of(half.enter_code(authenticator.code()))
    assert int(re.search(r"请等 (\d+) 秒", told)[1]) <= 60
    clock.shift(61)

    assert half.enter_code(authenticator.code()).status_code == 303
    second = Colleague(app)
    second.try_to_sign_in("duty1", PASSWORD)
    assert "已经用过" in text_of(second.enter_code("000000"))


def test_guesses_at_the_code_do_not_slow_down_the_password(app, half):
    for _ in range(12):
        half.enter_code("000000")

    assert Colleague(app).try_to_sign_in("duty1", PASSWORD).status_code == 303


@pytest.mark.parametrize("has_factor", [True, False])
def test_before_the_right_password_nothing_tells_who_has_an_account_or_a_factor(app, world, has_factor):
    world.hire("duty1", has_factor=has_factor)
    known = Colleague(app).try_to_sign_in("duty1", "wrong")
    unknown = Colleague(app).try_to_sign_in("nobody", "wrong")

    def seen(answer, name):
        status, body, headers = Colleague.without_request_id(answer)
        body = re.sub(r'(name="csrf_token" value=)"[^"]+"', r"\1", body).replace(f'value="{name}"', "")
        return status, body, [(key, value) for key, value in headers if key not in {"Set-Cookie", "Content-Length"}]

    assert seen(known, "duty1") == seen(unknown, "nobody")


# --- idle ---------------------------------------------------------------------------------------------------------------


def test_the_bell_rings_through_idleness_password_and_code(app, world, clock):
    world.hire("duty1")
    colleague = Colleague(app).sign_in("duty1")
    world.raise_alert(number=PHONE)
    clock.shift(16 * 60)

    def rings() -> bool:
        return colleague.poll("/console/duty/bell").json.get("ringing") == 1

    assert colleague.poll().status_code == 401
    assert rings()
    first_bell = colleague.cookie("xq_bell")
    colleague.try_to_sign_in("duty1", PASSWORD)
    assert colleague.poll().status_code == 401, "the words stay locked"
    assert rings()
    colleague.enter_code("000000")
    assert rings()
    colleague.enter_code(authenticator.code())
    assert colleague.poll().status_code == 200
    assert rings()
    assert colleague.cookie("xq_bell") != first_bell
    open_bells = world.all(StaffSession, StaffSession.kind == SessionKind.BELL, StaffSession.ended_at.is_(None))
    assert len(open_bells) == 1


# --- enrolling ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def newcomer(app, world) -> Colleague:
    world.hire("duty1", name="值班员甲", has_factor=False)
    colleague = Colleague(app)
    colleague.try_to_sign_in("duty1", PASSWORD)
    return colleague


def test_who_has_no_authenticator_sets_one_up_reads_ten_codes_once_and_is_in(newcomer, world):
    assert "先设置验证器" in text_of(newcomer.get(CODE_PAGE))
    _, answer = enrol(newcomer)

    assert len(set(recovery_codes(answer))) == 10
    assert "只显示一次" in text_of(answer)
    assert newcomer.get("/console/duty").status_code == 200
    assert newcomer.poll("/console/duty/bell").status_code == 200
    assert recovery_codes(newcomer.get("/console/account/factor")) == []


def test_the_picture_lies_in_the_page_itself_as_the_policy_allows(newcomer):
    answer = newcomer.post(f"{CODE_PAGE}/enrol")

    assert 'src="data:image/png;base64,' in text_of(answer)
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_wrong_first_code_shows_the_same_secret_again(newcomer):
    first = re.search(r'class="secret">([A-Z2-7 ]+)<', text_of(newcomer.post(f"{CODE_PAGE}/enrol")))[1]
    answer = newcomer.post(f"{CODE_PAGE}/enrol/confirm", code="000000")

    assert answer.status_code == 403
    assert first in text_of(answer)


def test_an_enrolment_left_half_way_is_begun_anew_at_the_next_sign_in(app, newcomer):
    newcomer.post(f"{CODE_PAGE}/enrol")
    again = Colleague(app)
    again.try_to_sign_in("duty1", PASSWORD)

    assert "先设置验证器" in text_of(again.get(CODE_PAGE))
    assert enrol(again)[1].status_code == 200
    assert newcomer.post(f"{CODE_PAGE}/enrol/confirm", code="000000").status_code in {303, 409}


def test_the_password_alone_puts_no_other_authenticator_in_place_of_the_one_that_is_there(half):
    assert half.post(f"{CODE_PAGE}/enrol").status_code == 409
    assert half.post(f"{CODE_PAGE}/enrol/confirm", code=authenticator.code()).status_code == 409
    assert half.enter_code(authenticator.code()).status_code == 303


def test_a_code_on_paper_opens_once(app, newcomer):
    _, answer = enrol(newcomer)
    code = recovery_codes(answer)[0]
    answers = []
    for _ in range(2):
        colleague = Colleague(app)
        colleague.try_to_sign_in("duty1", PASSWORD)
        answers.append(colleague.enter_code(code).status_code)

    assert answers == [303, 403]


def test_a_post_given_at_runtime_asks_for_the_code_at_the_next_request(app, world):
    world.hire("clerk", role=Role.CLERK)
    colleague = Colleague(app).sign_in("clerk")
    assert colleague.get("/console/account").status_code == 200

    def promote(session):
        member = world.only(StaffMember)
        give_post(session, member=member, wanted=Wanted(Role.DUTY_OFFICER, world.root), by=None, now=NOW)

    world.parts.database.write(promote)
    assert colleague.get("/console/account").headers["Location"] == CODE_PAGE
    assert colleague.poll().status_code == 401
    assert enrol(colleague)[1].status_code == 200
    assert colleague.get("/console/duty").status_code == 200
