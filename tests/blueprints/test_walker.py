"""Every route as every role and as a stranger, with an id of one's own, a foreign one and one that is not there.

What must come follows from the route's declaration alone: its guard, or its name among the public ones. A foreign id and
a missing one must not be told apart: not by status, words or headers, nor by what the store was asked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from server.accounts.policy import CONDITIONS, DISTRICT_ROLES, PERMISSIONS, Permission, Role
from server.accounts.staff_models import SessionKind
from server.blueprints.console.guards import PUBLIC_ENDPOINTS
from tests.blueprints.staff import Colleague
from tests.blueprints.subjects import FORMS, SUBJECTS
from tests.blueprints.world import World

REFUSED = 404


@dataclass(frozen=True)
class Route:
    """One way to call one endpoint. `guard` is what it declares; None: it stands in the public list."""

    endpoint: str
    method: str
    rule: str
    parameters: tuple[str, ...]
    guard: Permission | SessionKind | None

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def form(self) -> dict[str, str]:
        return FORMS.get(self.endpoint, {}) if self.method == "POST" else {}


def routes_of(app: Flask) -> list[Route]:
    """All routes. One that declares nothing, or has a parameter that no subject is known for, stops here."""
    found = []
    for rule in app.url_map.iter_rules():
        guard = getattr(app.view_functions[rule.endpoint], "guarded_by", None)
        assert guard is not None or rule.endpoint in PUBLIC_ENDPOINTS, (
            f"{rule.rule} ({rule.endpoint}) declares nothing: put @guarded(...) on it, or name it in PUBLIC_ENDPOINTS"
        )
        unknown = rule.arguments - SUBJECTS.keys()
        assert not unknown, (
            f"{rule.rule} has a parameter {sorted(unknown)} that the walker has no record for: "
            "add it to SUBJECTS in tests/blueprints/subjects.py, or name it by its kind, as <alert_id>"
        )
        found += [
            Route(rule.endpoint, method, rule.rule, tuple(sorted(rule.arguments)), guard)
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
        ]
    return found


def address_of(app: Flask, route: Route, **values: str) -> str:
    with app.test_request_context():
        return app.url_for(route.endpoint, **values)


def own_ids(world: World, route: Route) -> dict[str, str]:
    return {name: SUBJECTS[name].own(world) for name in route.parameters}


def strange_ids(world: World, route: Route) -> Iterator[tuple[str, Callable[[], str], Callable[[], str] | None]]:
    """(the parameter, how to make an id that is not there, how to make a foreign one) for each parameter of a route."""
    for name in route.parameters:
        subject = SUBJECTS[name]
        yield name, subject.missing, partial(subject.foreign, world) if subject.foreign else None


def asks_to_sign_in(answer: TestResponse) -> bool:
    return answer.status_code == 401 or "/console/sign-in" in answer.headers.get("Location", "")


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """The text of everything that the store is asked within the block."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


class Walker:
    """A colleague of one role at the first street, who signs in anew whenever a page has ended the session."""

    def __init__(self, app: Flask, world: World, role: Role) -> None:
        self.app, self.world, self.role = app, world, role
        self.is_everywhere = role in DISTRICT_ROLES
        world.hire("walker", role=role, at=world.streets[0])
        self.colleague = Colleague(app).sign_in("walker")

    def call(self, route: Route, **values: str) -> TestResponse:
        answer = self.colleague.call(route.method, address_of(self.app, route, **values), **route.form)
        if route.method == "POST" and asks_to_sign_in(self.colleague.get("/console/trail/mine")):
            self.colleague = Colleague(self.app).sign_in("walker")
        return answer

    def look(self, route: Route, **values: str) -> tuple[object, list[str]]:
        """All that somebody could tell two answers apart by, also by their time."""
        with statements(self.world.parts.database.engine) as seen:
            answer = self.colleague.call(route.method, address_of(self.app, route, **values), **route.form)
        return self.colleague.without_request_id(answer), seen

    def may(self, route: Route) -> bool:
        return route.guard is SessionKind.BELL or route.guard in PERMISSIONS[self.role]


@pytest.fixture
def routes(app: Flask) -> list[Route]:
    return routes_of(app)


def test_the_walker_sees_the_whole_house(routes: list[Route]) -> None:
    assert len(routes) > 40
    assert len([route for route in routes if route.guard]) > 12
    assert {name for route in routes for name in route.parameters} == SUBJECTS.keys(), "a subject that no route has"
    assert set(FORMS) <= {route.endpoint for route in routes}


def test_a_stranger_is_asked_to_sign_in_at_every_guarded_route_and_only_there(
    app: Flask, world: World, routes: list[Route]
) -> None:
    for route in routes:
        stranger = Colleague(app)
        answer = stranger.call(route.method, address_of(app, route, **own_ids(world, route)), **route.form)
        if route.guard is None:
            assert answer.status_code < 500, route
            assert not answer.headers.get("Location", "").startswith("/console/sign-in?over"), route
        else:
            assert asks_to_sign_in(answer), route
            assert "<form" not in answer.get_data(as_text=True), route


def test_a_stranger_cannot_tell_an_id_that_is_there_from_one_that_is_not(
    app: Flask, world: World, routes: list[Route]
) -> None:
    stranger = Colleague(app)
    for route in routes:
        if route.guard is not None:
            for name, missing, _ in strange_ids(world, route):
                own = own_ids(world, route)
                answers = [
                    stranger.without_request_id(
                        stranger.call(route.method, address_of(app, route, **own | {name: value}), **route.form)
                    )
                    for value in (own[name], missing())
                ]
                assert answers[0] == answers[1], route


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_what_the_guards_declare_and_nothing_else(
    app: Flask, world: World, routes: list[Route], role: Role
) -> None:
    walker = Walker(app, world, role)
    nothing = walker.colleague.without_request_id(walker.colleague.get("/console/no-such-page"))
    for route in routes:
        if route.guard is None:
            continue
        answer = walker.call(route, **own_ids(world, route))
        if not walker.may(route):
            assert walker.colleague.without_request_id(answer)[:2] == nothing[:2], route
            continue
        assert not asks_to_sign_in(answer), route
        assert answer.status_code < 500, route
        # The record itself has a word where the table of conditions says so.
        wanted_nothing = answer.status_code == REFUSED and route.guard not in CONDITIONS
        assert not wanted_nothing, f"{route}: {role} may open it and found nothing"


@pytest.mark.parametrize("role", Role)
def test_a_foreign_id_and_a_missing_one_cannot_be_told_apart(
    app: Flask, world: World, routes: list[Route], role: Role
) -> None:
    walker = Walker(app, world, role)
    for route in routes:
        if route.guard is None:
            continue
        for name, missing, foreign in strange_ids(world, route):
            own = own_ids(world, route)
            nowhere, asked = walker.look(route, **own | {name: missing()})
            assert nowhere[0] == REFUSED, (
                f"{route} answers {nowhere[0]} for an id that is not there; where its form is refused first, "
                "give a form that is in order to FORMS in tests/blueprints/subjects.py"
            )
            if foreign is None or walker.is_everywhere:
                continue
            elsewhere, asked_there = walker.look(route, **own | {name: foreign()})
            assert elsewhere == nowhere, f"{route} as {role}: a foreign id looks different"
            assert asked_there == asked, f"{route} as {role}: a foreign id is asked for differently"


# --- the walker itself --------------------------------------------------------------------------------------------------


def app_with(rule: str, guard: object = None) -> Flask:
    """An application of its own: the tests' one is shared."""

    def view(**_: str) -> str:
        return ""

    if guard:
        view.guarded_by = guard  # type: ignore[attr-defined]
    app = Flask("bare", static_folder=None)
    app.add_url_rule(rule, "some.page", view)
    return app


def test_a_route_that_declares_nothing_is_found() -> None:
    with pytest.raises(AssertionError, match="declares nothing"):
        routes_of(app_with("/console/open"))


def test_a_parameter_of_an_unknown_kind_is_found() -> None:
    with pytest.raises(AssertionError, match="spaceship_id"):
        routes_of(app_with("/console/x/<spaceship_id>", Permission.OWN_ACCOUNT))
