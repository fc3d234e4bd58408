"""Every route has a guard or stands in a named public list."""

import pytest
import sqlalchemy as sa
from flask import Flask

from server.accounts.policy import PERMISSIONS, Permission, Role
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost
from server.blueprints.console.guards import PUBLIC_ENDPOINTS
from server.blueprints.h5.me.guard import RESIDENT
from server.blueprints.miniapp.marks import RESIDENT as API_RESIDENT
from tests.blueprints.staff import Colleague
from tests.canaries import PASSWORD
from tests.conftest import NOW


def _guard_of(app: Flask, endpoint: str):
    return getattr(app.view_functions[endpoint], "guarded_by", None)


def _rules(app: Flask):
    return list(app.url_map.iter_rules())


def _guarded(app: Flask):
    """(method, address with any id in its place, what it asks for) of each route behind a guard of the staff's."""
    return [
        (method, rule.rule.replace("<public_id>", "A" * 22), _guard_of(app, rule.endpoint))
        for rule in _rules(app)
        if _guard_of(app, rule.endpoint) not in {None, RESIDENT, API_RESIDENT}
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def test_every_route_has_a_guard_or_stands_in_the_public_list(app):
    open_routes = {rule.endpoint for rule in _rules(app) if _guard_of(app, rule.endpoint) is None}

    assert open_routes == PUBLIC_ENDPOINTS


def test_a_guard_asks_for_a_permission_that_somebody_has_or_for_the_bell(app):
    asked = {_guard_of(app, rule.endpoint) for rule in _rules(app)} - {None, RESIDENT, API_RESIDENT}

    assert asked - {SessionKind.BELL} <= set(Permission)
    assert all(any(permission in granted for granted in PERMISSIONS.values()) for permission in Permission)


def test_of_the_console_only_the_sign_in_is_public(app):
    public = {
        rule.rule for rule in _rules(app) if rule.rule.startswith("/console") and not _guard_of(app, rule.endpoint)
    }

    assert public == {"/console/", "/console/sign-in", "/console/sign-out"}


def test_what_residents_log_in_for_lies_where_the_cookie_goes_and_nowhere_else(app):
    theirs = [rule.rule for rule in _rules(app) if _guard_of(app, rule.endpoint) == RESIDENT]

    assert theirs
    assert all(address == "/h5/me" or address.startswith("/h5/me/") for address in theirs)


@pytest.mark.parametrize("cookie", ["", "forged", "不认识"])
def test_a_stranger_gets_nothing_of_a_residents_but_the_way_in(app, world, cookie):
    stranger = app.test_client()
    if cookie:
        stranger.set_cookie("xq_me", cookie, path="/h5/me")
    for rule in _rules(app):
        if _guard_of(app, rule.endpoint) == RESIDENT:
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                answer = stranger.open(rule.rule.replace("<public_id>", "A" * 22), method=method)
                assert answer.status_code == 303, rule.rule
                assert answer.headers["Location"].startswith("/h5/me/sign-in?next=")


def test_no_guarded_route_lies_outside_the_console(app):
    assert all(address.startswith("/console/duty") for _, address, _ in _guarded(app))


def test_what_asks_for_a_resident_lies_below_the_api(app):
    asking = [rule.rule for rule in _rules(app) if _guard_of(app, rule.endpoint) == RESIDENT]

    assert asking
    assert all(address.startswith("/api/v1/") for address in asking)


@pytest.mark.parametrize("cookies", [{}, {"xq_staff": "forged", "xq_bell": "forged"}, {"xq_staff": "不认识"}])
def test_a_stranger_gets_the_sign_in_page_or_a_401_and_never_content(app, world, cookies):
    stranger = Colleague(app)
    for name, value in cookies.items():
        stranger.client.set_cookie(name, value, path="/console")
    for method, address, _ in _guarded(app):
        answer = stranger.call(method, address)
        said = answer.get_data(as_text=True)
        assert answer.status_code in {303, 401}, address
        assert answer.status_code == 401 or answer.headers["Location"] == "/console/sign-in?over=1"
        assert "值班" not in said
        assert "<form" not in said


def test_a_stranger_without_a_form_token_gets_no_content_either(app, world):
    for method, address, _ in _guarded(app):
        if method == "POST":
            answer = app.test_client().post(address)
            assert answer.status_code == 400
            assert "值班" not in answer.get_data(as_text=True)


def test_a_bell_opens_the_bell_alone(app, world):
    """The bell outlives the locked screen; it must not unlock it."""
    world.hire("duty1")
    colleague = Colleague(app).sign_in("duty1")
    colleague.client.set_cookie("xq_staff", colleague.cookie("xq_bell"), path="/console")
    for method, address, guard in _guarded(app):
        answer = colleague.call(method, address)
        assert answer.status_code == (200 if guard is SessionKind.BELL else answer.status_code)
        assert guard is SessionKind.BELL or answer.status_code in {303, 401}


def test_a_screen_session_is_no_bell(app, world):
    world.hire("duty1")
    colleague = Colleague(app).sign_in("duty1")
    colleague.client.set_cookie("xq_bell", colleague.cookie("xq_staff"), path="/console")

    assert colleague.call("GET", "/console/duty/bell").status_code == 401


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_it_may_and_for_the_rest_nothing_is_there(app, world, role):
    world.hire("somebody", role=role)
    colleague = Colleague(app).sign_in("somebody")
    missing = colleague.call("GET", "/console/no-such-page")
    for method, address, guard in _guarded(app):
        if guard is SessionKind.BELL or guard in PERMISSIONS[role]:
            continue
        answer = colleague.call(method, address)
        assert answer.status_code == 404, address
        assert colleague.without_request_id(answer)[:2] == colleague.without_request_id(missing)[:2]


@pytest.mark.parametrize("changed", ["is_active", "post_ended", "post_not_begun"])
def test_who_was_switched_off_or_has_no_post_today_is_a_stranger_at_once(app, world, database, changed):
    world.hire("duty1")
    colleague = Colleague(app).sign_in("duty1")
    assert colleague.call("GET", "/console/duty").status_code == 200
    change = {
        "is_active": sa.update(StaffMember).values(is_active=False),
        "post_ended": sa.update(StaffPost).values(ends_on=NOW.date()),
        "post_not_begun": sa.update(StaffPost).values(starts_on=NOW.date().replace(day=24)),
    }[changed]
    database.write(lambda session: session.execute(change))
    answer = colleague.call("GET", "/console/duty")

    assert answer.status_code in {303, 404}
    assert "要马上看的" not in answer.get_data(as_text=True)


def test_a_world_without_colleagues_lets_nobody_in(app, world):
    answer = Colleague(app).try_to_sign_in("duty1", PASSWORD)

    assert answer.status_code == 403
