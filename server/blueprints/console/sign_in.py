"""Log-in of staff: argon2, throttled in database rows, a session whose token lives in a cookie and whose hash in a row."""

from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.accounts import staff as accounts
from server.accounts import throttle
from server.accounts.staff_models import SessionKind
from server.audit import service as audit
from server.audit.actions import Action
from server.blueprints.console.guards import BELL_COOKIE, SCREEN_COOKIE
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form, parts
from server.clock import utc_now
from server.errors import DomainError
from server.texts import text

bp = Blueprint("sign_in", __name__, url_prefix="/console")
_WHAT = "staff_sign_in"


@bp.get("/sign-in")
def show() -> Response:
    notice = text("console.session_over") if request.args.get("over") else ""
    return _page(notice)


@bp.post("/sign-in")
def enter() -> Response:
    login_name, password = form("login_name", 64).lower(), request.form.get("password", "")[:200]
    now = utc_now()
    try:
        tokens = parts().database.write(lambda session: _open(session, login_name, password))
    except accounts.LoginFailed as refusal:
        # A transaction of its own: the refused one rolled back.
        parts().database.write(lambda session: throttle.count_failure(session, what=_WHAT, key=login_name, now=now))
        return _page(sentence_of(refusal), status=status_of(refusal))
    except DomainError as refusal:
        return _page(sentence_of(refusal), status=status_of(refusal))
    response = make_response(redirect("/console/", 303))
    for name, token in zip((SCREEN_COOKIE, BELL_COOKIE), tokens, strict=True):
        _set_cookie(response, name, token)
    return response


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


def _open(session: Session, login_name: str, password: str) -> tuple[str, str]:
    now = utc_now()
    throttle.check(session, what=_WHAT, key=login_name, now=now)
    if not login_name.isascii():  # no account has such a name, and MySQL refuses to look for it
        raise accounts.LoginFailed
    member = accounts.check_password(session, login_name=login_name, password=password)
    throttle.forget(session, what=_WHAT, key=login_name)
    audit.record(
        session,
        actor=("staff", member.public_id),
        action=Action.STAFF_SIGNED_IN,
        object_kind="staff",
        object_id=member.public_id,
        now=now,
    )
    return (
        accounts.open_session(session, member=member, kind=SessionKind.SCREEN, now=now),
        accounts.open_session(session, member=member, kind=SessionKind.BELL, now=now),
    )


def _set_cookie(response: Response, name: str, token: str) -> None:
    response.set_cookie(
        name,
        token,
        path="/console",
        httponly=True,
        samesite="Strict",
        secure=parts().settings.public_base_url.startswith("https://"),
    )


def _page(notice: str, *, status: int = 200) -> Response:
    page = render_template("console/sign_in.html", notice=notice, login_name=form("login_name", 64))
    return make_response(page, status)
