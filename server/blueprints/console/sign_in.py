"""Log-in of staff, its first step: argon2, throttled in database rows. A second one follows for who needs it."""

from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request

from server.accounts import sessions, throttle
from server.accounts import staff as accounts
from server.accounts.passwords import is_password
from server.blueprints.console.cookies import BELL_COOKIE, HOME, SCREEN_COOKIE, brought, lead_on
from server.blueprints.console.guards import SECOND_FACTOR
from server.blueprints.errors import note, sentence_of, status_of
from server.blueprints.requests import form, parts
from server.bulkhead import Bulkhead
from server.clock import utc_now
from server.errors import DomainError
from server.texts import text

bp = Blueprint("sign_in", __name__, url_prefix="/console")
# So many at once in a process: more would take the processor from the pages.
_COMPARISONS = Bulkhead(2)


@bp.get("/sign-in")
def show() -> Response:
    notice = text("console.session_over") if request.args.get("over") else ""
    return _page(notice)


@bp.post("/sign-in")
def enter() -> Response:
    name, password, now = form("login_name", 64).lower(), request.form.get("password", "")[:200], utc_now()
    try:
        _compare(name, password)
        tokens = parts().database.write(
            partial(sessions.sign_in, login_name=name, password=password, before=brought(), now=now)
        )
    except DomainError as refusal:
        return _refused(refusal, name)
    return lead_on(tokens, to=HOME if tokens.bell else SECOND_FACTOR)


def _refused(refusal: DomainError, name: str) -> Response:
    note(refusal)
    if isinstance(refusal, accounts.LoginFailed):
        # A transaction of its own: the refused one rolled back.
        parts().database.write(partial(throttle.count_failure, what=accounts.SIGN_IN, key=name, now=utc_now()))
    return _page(sentence_of(refusal), status=status_of(refusal))


def _compare(name: str, password: str) -> None:
    """Turn wrong passwords away before anything is written. Argon2 takes long, and SQLite has one writer: compared within
    the transaction, a few guesses a second would keep everybody's answers and alerts from being stored.

    What passes is compared once more by `sign_in`, under the lock of its row. Raises LoginFailed, TooManyTries, Unavailable.
    """
    if not name.isascii():  # no account has such a name, and MySQL refuses to look for it
        raise accounts.LoginFailed
    kept = parts().database.read(partial(sessions.find_hash_to_try, login_name=name, now=utc_now()))
    with _COMPARISONS.place():
        is_right = is_password(kept, password)
    if not is_right:
        raise accounts.LoginFailed


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
