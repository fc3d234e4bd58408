"""Between password and console: a code, or the first authenticator. Nothing else opens for a half-open session."""

from functools import partial

from flask import Blueprint, Response, g, make_response, render_template

from server.accounts import second_factor, sessions
from server.blueprints.console import enrolment, store
from server.blueprints.console.cookies import brought, lead_on
from server.blueprints.console.guards import SECOND_FACTOR, half_open
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form
from server.clock import utc_now
from server.errors import DomainError

bp = Blueprint("second_factor", __name__, url_prefix=SECOND_FACTOR)


@bp.get("")
@half_open
def show() -> Response:
    return _page()


@bp.post("")
@half_open
def enter() -> Response:
    work = partial(sessions.prove, by=g.signed_in, code=form("code", 40), before=brought(), now=utc_now())
    try:
        tokens = store.write_counting(work, what=second_factor.THROTTLED, key=g.staff.public_id)
    except DomainError as refusal:
        return _page(sentence_of(refusal), status_of(refusal))
    return lead_on(tokens)


@bp.post("/enrol")
@half_open
def begin() -> Response:
    return enrolment.begin(SECOND_FACTOR)


@bp.post("/enrol/confirm")
@half_open
def confirm() -> Response:
    return enrolment.confirm(SECOND_FACTOR)


def _page(notice: str = "", status: int = 200) -> Response:
    template = "console/second_factor.html" if g.signed_in.has_factor else "console/second_factor_begin.html"
    return make_response(render_template(template, notice=notice, action=SECOND_FACTOR, comes_back=""), status)
