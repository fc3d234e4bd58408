"""The page behind an invitation's link: choose a password, and be led on to the second factor or the console."""

from functools import partial

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy.orm import Session

from server.accounts import invitations, sessions
from server.blueprints.console.account import typed_twice
from server.blueprints.console.cookies import HOME, brought, lead_on
from server.blueprints.console.guards import SECOND_FACTOR
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import parts
from server.clock import utc_now
from server.errors import DomainError

bp = Blueprint("invitation", __name__, url_prefix="/console/invitation")


@bp.get("/<invitation_token>")
def show(invitation_token: str) -> Response:
    return _page(invitation_token)


@bp.post("/<invitation_token>")
def take(invitation_token: str) -> Response:
    try:
        tokens = parts().database.write(partial(_take, token=invitation_token, password=typed_twice()))
    except DomainError as refusal:
        return _page(invitation_token, sentence_of(refusal), status_of(refusal))
    return lead_on(tokens, to=HOME if tokens.bell else SECOND_FACTOR)


def _take(session: Session, *, token: str, password: str) -> sessions.Tokens:
    now = utc_now()
    member = invitations.take(session, token=token, password=password, now=now)
    return sessions.open_screen(session, member=member, before=brought(), now=now)


def _page(token: str, notice: str = "", status: int = 200) -> Response:
    try:
        invited = parts().database.read(partial(invitations.find_invited, token=token, now=utc_now()))
    except invitations.InvitationOver as refusal:
        return make_response(render_template("console/invitation_over.html"), status_of(refusal))
    page = render_template("console/invitation.html", notice=notice, token=token, invited=invited)
    return make_response(page, status)
