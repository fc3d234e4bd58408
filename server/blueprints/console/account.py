"""One's own account: posts, password, second factor, open sessions. What could lock its owner out asks for a code first."""

from functools import partial

from flask import Blueprint, Response, g, make_response, redirect, render_template, request

from server.accounts import posts, second_factor, sessions
from server.accounts import staff as accounts
from server.accounts.policy import Permission
from server.blueprints.console import enrolment, store
from server.blueprints.console.cookies import brought, lead_on
from server.blueprints.console.guards import COMES_BACK, guarded
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form
from server.clock import utc_now
from server.errors import DomainError, Invalid

bp = Blueprint("account", __name__, url_prefix="/console")
ACCOUNT = "/console/account"
FACTOR = f"{ACCOUNT}/factor"
_own = guarded(Permission.OWN_ACCOUNT)
_own_and_proven = guarded(Permission.OWN_ACCOUNT, recent=True)


class PasswordsDiffer(Invalid):
    code = "accounts.passwords_differ"


@bp.get("/account")
@_own
def show() -> str:
    now = utc_now()
    held = store.read(partial(posts.list_held, staff=g.staff, now=now))
    rows = store.read(partial(sessions.list_own, by=g.staff, here=brought(), now=now))
    factor = store.read(partial(second_factor.state_of, who=g.staff))
    return render_template("console/account.html", staff=g.staff, posts=held, sessions=rows, factor=factor)


@bp.post("/account/sessions/<session_id>/end")
@_own
def end_session(session_id: str) -> Response:
    work = partial(sessions.end_own, by=g.staff, session_public_id=session_id, now=utc_now())
    store.write(work)
    return make_response(redirect(ACCOUNT, 303))


@bp.post("/account/sessions/end-others")
@_own
def end_other_sessions() -> Response:
    store.write(partial(sessions.end_others, by=g.staff, here=brought(), now=utc_now()))
    return make_response(redirect(ACCOUNT, 303))


# --- password -----------------------------------------------------------------------------------------------------


@bp.get("/account/password")
@_own_and_proven
def show_password() -> Response:
    return _password_page()


@bp.post("/account/password")
@_own_and_proven
def change_password() -> Response:
    try:
        new = typed_twice()
        old, login_name = request.form.get("old", "")[:200], store.read(partial(accounts.login_name_of, by=g.staff))
        work = partial(sessions.change_password, by=g.signed_in, old=old, new=new, before=brought(), now=utc_now())
        tokens = store.write_counting(work, what=accounts.SIGN_IN, key=login_name)
    except DomainError as refusal:
        return _password_page(sentence_of(refusal), status_of(refusal))
    return lead_on(tokens, to=ACCOUNT)


def typed_twice() -> str:
    """The new password. Raises PasswordsDiffer."""
    new, again = request.form.get("new", "")[:200], request.form.get("again", "")[:200]
    if new != again:
        raise PasswordsDiffer
    return new


def _password_page(notice: str = "", status: int = 200) -> Response:
    return make_response(render_template("console/password.html", notice=notice), status)


# --- second factor ------------------------------------------------------------------------------------------------


@bp.get("/account/factor")
@_own_and_proven
def show_factor() -> str:
    factor = store.read(partial(second_factor.state_of, who=g.staff))
    return render_template("console/factor.html", factor=factor)


@bp.post("/account/factor/enrol")
@_own_and_proven
def begin_factor() -> Response:
    return enrolment.begin(FACTOR)


@bp.post("/account/factor/enrol/confirm")
@_own_and_proven
def confirm_factor() -> Response:
    return enrolment.confirm(FACTOR)


@bp.post("/account/factor/codes")
@_own_and_proven
def replace_codes() -> str:
    codes = store.write(partial(second_factor.replace_recovery_codes, who=g.staff, now=utc_now()))
    return enrolment.codes_page(codes)


# --- a code again -------------------------------------------------------------------------------------------------


@bp.get("/confirm")
@_own
def show_confirm() -> Response:
    return _confirm_page(request.args.get("for", ""))


@bp.post("/confirm")
@_own
def confirm() -> Response:
    asked_by = form("for", 60)
    work = partial(sessions.prove, by=g.signed_in, code=form("code", 40), before=brought(), now=utc_now())
    try:
        tokens = store.write_counting(work, what=second_factor.THROTTLED, key=g.staff.public_id)
    except DomainError as refusal:
        return _confirm_page(asked_by, sentence_of(refusal), status_of(refusal))
    return lead_on(tokens, to=COMES_BACK.get(asked_by, ACCOUNT))


def _confirm_page(asked_by: str, notice: str = "", status: int = 200) -> Response:
    comes_back = asked_by if asked_by in COMES_BACK else ""
    page = render_template(
        "console/second_factor.html", notice=notice, action="/console/confirm", comes_back=comes_back
    )
    return make_response(page, status)
