"""Lost second factors: who asks, what is open, and the second person's word."""

from functools import partial

from flask import Blueprint, Response, g, make_response, redirect, render_template

from server.accounts import resets
from server.accounts.policy import Permission
from server.blueprints.console import store
from server.blueprints.console.guards import guarded
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form
from server.clock import utc_now
from server.errors import DomainError

bp = Blueprint("resets", __name__, url_prefix="/console/resets")
RESETS = "/console/resets"


@bp.get("")
@guarded(Permission.APPROVE_RESET)
def show() -> Response:
    return _page()


@bp.post("")
@guarded(Permission.MANAGE_ACCOUNTS)
def ask() -> Response:
    login_name, reason = form("login_name", 64), form("reason", resets.LONGEST_REASON)
    try:
        store.write(partial(resets.ask, login_name=login_name, reason=reason, by=g.staff, now=utc_now()))
    except DomainError as refusal:
        return _page(sentence_of(refusal), status_of(refusal))
    return make_response(redirect(RESETS, 303))


@bp.post("/<reset_id>/approve")
@guarded(Permission.APPROVE_RESET, recent=True)
def approve(reset_id: str) -> Response:
    store.write(partial(resets.approve, reset_public_id=reset_id, by=g.staff, now=utc_now()))
    return make_response(redirect(RESETS, 303))


@bp.post("/<reset_id>/refuse")
@guarded(Permission.APPROVE_RESET)
def refuse(reset_id: str) -> Response:
    store.write(partial(resets.refuse, reset_public_id=reset_id, by=g.staff, now=utc_now()))
    return make_response(redirect(RESETS, 303))


def _page(notice: str = "", status: int = 200) -> Response:
    rows = store.read(partial(resets.list_open, by=g.staff, now=utc_now()))
    may_ask = g.staff.may(Permission.MANAGE_ACCOUNTS)
    typed = {"login_name": form("login_name", 64), "reason": form("reason", resets.LONGEST_REASON)}
    page = render_template("console/resets.html", rows=rows, may_ask=may_ask, notice=notice, typed=typed)
    return make_response(page, status)
