"""Log-in of staff, its first step: argon2, throttled in database rows. A second one follows for who needs it."""

from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request

from server.accounts import sessions, throttle
from server.accounts import staff as accounts
from server.blueprints.console.cookies import BELL_COOKIE, HOME, SCREEN_COOKIE, brought, lead_on
from server.blueprints.console.guards import SECOND_FACTOR
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form, parts
from server.clock import utc_now
from server.errors import DomainError
from server.texts import text

bp = Blueprint("sign_in", __name__, url_prefix="/console")


@bp.get("/sign-in")
def show() -> Response:
    notice = text("console.session_over") if request.args.get("over") else ""
    return _page(notice)


@bp.post("/sign-in")
def enter() -> Response:
    name, password, now = form("login_name", 64).lower(), request.form.get("password", "")[:200], utc_now()
    try:
        if not name.isascii():  # no account has such a name, and MySQL refuses to look for it
            raise accounts.LoginFailed
        tokens = parts().database.write(
            partial(sessions.sign_in, login_name=name, password=password, before=brought(), now=now)
        )
    except accounts.LoginFailed as refusal:
        # A transaction of its own: the refused one rolled back.
        failed = partial(throttle.count_failure, what=accounts.SIGN_IN, key=name, now=now)
        parts().database.write(failed)
        return _page(sentence_of(refusal), status=status_of(refusal))
    except DomainError as refusal:
        return _page(sentence_of(refusal), status=status_of(refusal))
    return lead_on(tokens, to=HOME if tokens.bell else SECOND_FACTOR)


@bp.post("/sign-out")
def leave() -> Response:
    now = utc_now()
    for name in (SCREEN_COOKIE, BELL_COOKIE):
        token = request.cookies.get(name, "")
        if token:
            parts().database.write(partial(accounts.end_session, token=token, now=now))
    response = make_response(redirect("/console/sign-in", 303))
    for name in (SCREEN_COOKIE, BELL_COOKIE):
        response.delete_cookie(name, path="/console")
    return response


def _page(notice: str, *, status: int = 200) -> Response:
    page = render_template("console/sign_in.html", notice=notice, login_name=form("login_name", 64))
    return make_response(page, status)
