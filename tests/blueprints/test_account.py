"""One's own account: sessions, password and second factor, and that what could lock its owner out asks for a code."""

import re

import pytest

from server.accounts.policy import Role
from server.accounts.staff_models import StaffMember, StaffSession
from server.blueprints.console.guards import COMES_BACK
from tests import authenticator
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.test_second_factor import enrol, recovery_codes
from tests.canaries import PASSWORD

ACCOUNT, FACTOR = "/console/account", "/console/account/factor"
NEW = "entirely other words"


@pytest.fixture
def colleague(app, world) -> Colleague:
    world.hire("duty1", name="值班员甲")
    return Colleague(app).sign_in("duty1")


@pytest.fixture
def clerk(app, world) -> Colleague:
    world.hire("clerk", role=Role.CLERK)
    return Colleague(app).sign_in("clerk")


def confirm(colleague: Colleague, wanted: str = "", **more: str):
    authenticator.forget_used(colleague.app.extensions["xinqiao"].database)
    return colleague.post("/console/confirm", code=authenticator.code(), **{"for": wanted}, **more)


def change(colleague: Colleague, *, old: str = PASSWORD, new: str = NEW, again: str | None = None):
    return colleague.post(f"{ACCOUNT}/password", old=old, new=new, again=new if again is None else again)


def test_the_page_tells_posts_factor_and_sessions(colleague):
    page = text_of(colleague.get(ACCOUNT))

    assert "值班员 · 榕江区" in page
    assert "还有 0 个备用码" in page
    assert page.count("就是这里") == 2, "this screen and its bell"


@pytest.mark.parametrize("role", Role)
def test_everybody_has_the_page_with_a_name_for_their_post(app, world, role):
    world.hire("somebody", role=role)

    assert Colleague(app).sign_in("somebody").get(ACCOUNT).status_code == 200


# --- sessions -----------------------------------------------------------------------------------------------------------


def test_a_session_elsewhere_is_ended_from_here(app, colleague, world):
    elsewhere = Colleague(app).sign_in("duty1")
    ends = re.findall(r'action="(/console/account/sessions/[^"]+/end)"', text_of(colleague.get(ACCOUNT)))
    assert len(ends) == 2
    for address in ends:
        assert colleague.post(address).headers["Location"] == ACCOUNT

    assert elsewhere.get("/console/duty").status_code == 303
    assert elsewhere.poll("/console/duty/bell").status_code == 401
    assert colleague.get("/console/duty").status_code == 200
    assert world.acts("staff.session_ended")


def test_all_others_are_ended_at_once(app, colleague):
    others = [Colleague(app).sign_in("duty1") for _ in range(2)]
    colleague.post(f"{ACCOUNT}/sessions/end-others")

    assert {other.get("/console/duty").status_code for other in others} == {303}
    assert colleague.poll().status_code == 200
    assert colleague.poll("/console/duty/bell").status_code == 200


def test_the_session_of_somebody_else_is_not_there(world, colleague, clerk):
    officer = world.only(StaffMember, StaffMember.login_name == "duty1")
    theirs = world.all(StaffSession, StaffSession.ended_at.is_(None), StaffSession.staff_id == officer.id)
    answers = {clerk.post(f"{ACCOUNT}/sessions/{row.public_id}/end").status_code for row in theirs}
    unknown = clerk.post(f"{ACCOUNT}/sessions/{'A' * 22}/end")

    assert answers == {unknown.status_code} == {404}
    assert colleague.poll().status_code == 200


# --- password -----------------------------------------------------------------------------------------------------------


def test_another_password_ends_all_that_was_open_elsewhere_at_once_and_stays_here(app, colleague, world):
    elsewhere = Colleague(app).sign_in("duty1")
    before = colleague.cookie("xq_staff"), colleague.cookie("xq_bell")
    assert change(colleague).headers["Location"] == ACCOUNT

    assert elsewhere.poll().status_code == 401
    assert elsewhere.poll("/console/duty/bell").status_code == 401
    assert colleague.poll().status_code == 200
    assert colleague.poll("/console/duty/bell").status_code == 200
    assert not {colleague.cookie("xq_staff"), colleague.cookie("xq_bell")} & set(before)
    assert Colleague(app).try_to_sign_in("duty1", PASSWORD).status_code == 403
    Colleague(app).sign_in("duty1", NEW)
    assert world.acts("staff.password_changed")


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ({"old": "wrong"}, 403, "原来的密码不对"),
        ({"new": "short"}, 422, "至少 12 个字符"),
        ({"new": "duty1duty1duty1"}, 422, "太容易猜到"),
        ({"new": "榕江区榕江区榕江区榕江区"}, 422, "太容易猜到"),
        ({"again": "something different"}, 422, "不一样"),
    ],
)
def test_what_cannot_become_a_password_is_explained(colleague, typed, status, says):
    answer = change(colleague, **typed)

    assert answer.status_code == status
    assert says in text_of(answer)


def test_guesses_at_the_old_password_are_slowed_down_like_those_at_the_door(colleague):
    for _ in range(6):
        change(colleague, old="wrong")

    assert "请等" in text_of(change(colleague))


def test_who_needs_no_second_factor_changes_their_password_without_one(clerk):
    assert change(clerk).headers["Location"] == ACCOUNT


# --- a code again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", sorted(COMES_BACK))
def test_after_a_quarter_of_an_hour_a_code_is_asked_for_and_leads_back_to_a_page_of_ours(app, world, clock, endpoint):
    world.hire("admin", role=Role.SECURITY_ADMINISTRATOR)
    colleague = Colleague(app).sign_in("admin")
    clock.shift(14 * 60)
    colleague.get(ACCOUNT)
    clock.shift(2 * 60)
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    [method] = rule.methods & {"GET", "POST"}
    asked = colleague.call(method, re.sub("<[^>]+>", "A" * 22, rule.rule))
    assert asked.headers["Location"] == f"/console/confirm?for={endpoint}"
    assert f'value="{endpoint}"' in text_of(colleague.get(asked.headers["Location"]))
    before = colleague.cookie("xq_staff")

    assert confirm(colleague, endpoint).headers["Location"] == COMES_BACK[endpoint]
    assert colleague.cookie("xq_staff") != before
    assert colleague.get(COMES_BACK[endpoint]).status_code == 200
    assert colleague.poll("/console/duty/bell").status_code == 200, "the bell goes on"


@pytest.mark.parametrize("wanted", ["", "https://evil.example", "//evil.example", "sign_in.show", "/console/duty"])
def test_nobody_else_says_where_the_code_leads(colleague, wanted):
    assert wanted == "" or wanted not in text_of(colleague.client.get("/console/confirm", query_string={"for": wanted}))
    assert confirm(colleague, wanted, next="https://evil.example").headers["Location"] == ACCOUNT


def test_a_wrong_code_leads_nowhere(colleague):
    answer = colleague.post("/console/confirm", code="000000", **{"for": "account.show_password"})

    assert answer.status_code == 403
    assert 'value="account.show_password"' in text_of(answer)


# --- second factor ------------------------------------------------------------------------------------------------------


def test_another_phone_takes_the_place_of_the_first_and_ends_what_was_open_elsewhere(app, colleague):
    elsewhere = Colleague(app).sign_in("duty1")
    secret, answer = enrol(colleague, FACTOR)

    assert len(recovery_codes(answer)) == 10
    assert elsewhere.poll().status_code == 401
    assert colleague.poll().status_code == colleague.poll("/console/duty/bell").status_code == 200
    again = Colleague(app)
    again.try_to_sign_in("duty1", PASSWORD)
    assert again.enter_code(authenticator.code(steps=1)).status_code == 403
    assert again.enter_code(authenticator.code(secret=secret, steps=1)).status_code == 303


def test_new_codes_on_paper_are_shown_once_and_end_the_old(app, colleague, world):
    old, new = (recovery_codes(colleague.post(f"{FACTOR}/codes")) for _ in range(2))
    again = Colleague(app)
    again.try_to_sign_in("duty1", PASSWORD)

    assert again.enter_code(old[0]).status_code == 403
    assert again.enter_code(new[0]).status_code == 303
    assert world.acts("second_factor.recovery_codes_replaced")


def test_who_needs_none_may_have_one_and_is_asked_for_it_from_then_on(app, clerk):
    secret, _ = enrol(clerk, FACTOR)
    assert clerk.get(ACCOUNT).status_code == 200
    again = Colleague(app)

    assert again.try_to_sign_in("clerk", PASSWORD).headers["Location"] == "/console/second-factor"
    assert again.enter_code(authenticator.code(secret=secret, steps=1)).status_code == 303
