"""The duty screen: alerts by urgency and age, kept fresh by polls, with a bell that outlives the idle lock."""

from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template
from flask.typing import ResponseReturnValue

from server.accounts.policy import Permission
from server.blueprints.console import flashes, store
from server.blueprints.console.guards import belled, guarded
from server.blueprints.requests import form
from server.clock import utc_now
from server.crisis import desk
from server.crisis.models import Outcome
from server.errors import Invalid
from server.texts import text
from server.texts.moments import say_when

bp = Blueprint("duty", __name__, url_prefix="/console/duty")
PURPOSES = ("call", "handover", "referral")


class PurposeNeeded(Invalid):
    code = "crisis.purpose_needed"


class OutcomeNeeded(Invalid):
    code = "crisis.outcome_needed"


@bp.get("")
@guarded(Permission.WATCH_ALERTS)
def screen() -> str:
    return render_template("console/duty.html", board=_board(), staff=g.staff, notice="")


@bp.get("/board")
@guarded(Permission.WATCH_ALERTS, is_poll=True)
def board() -> Response:
    """The lists alone, for the poll; with the counts in headers, so that the page can ring."""
    found = _board()
    page = make_response(render_template("console/board.html", board=found))
    page.headers["X-Ringing"] = str(found.ringing_count)
    page.headers["X-Newest"] = found.newest
    return page


@bp.get("/bell")
@belled
def bell() -> Response:
    ringing, unreachable, newest = store.read(lambda session: desk.count_waiting(session, staff=g.staff))
    return jsonify(ringing=ringing, unreachable=unreachable, newest=newest)


@bp.get("/alerts/<alert_id>")
@guarded(Permission.WATCH_ALERTS)
def alert(alert_id: str) -> str:
    row = store.read(lambda session: desk.get_alert(session, public_id=alert_id, staff=g.staff))
    return _alert_page(row)


@bp.post("/alerts/<alert_id>/acknowledge")
@guarded(Permission.ACKNOWLEDGE_ALERT)
def acknowledge(alert_id: str) -> ResponseReturnValue:
    """Of two, the second reads who was first."""
    now = utc_now()
    try:
        store.write(lambda session: desk.acknowledge(session, public_id=alert_id, staff=g.staff, now=now))
    except desk.AlreadyAcknowledged as refusal:
        notice = text(f"errors.{refusal.code}", by=refusal.by, at=say_when(refusal.at, now))
        page = render_template("console/duty.html", board=_board(), staff=g.staff, notice=notice)
        return page, 409
    return redirect(f"/console/duty/alerts/{alert_id}", 303)


@bp.post("/alerts/<alert_id>/close")
@guarded(Permission.CLOSE_ALERT)
def close(alert_id: str) -> ResponseReturnValue:
    wanted, now = form("outcome", 20), utc_now()
    if wanted not in set(Outcome):
        raise OutcomeNeeded
    outcome = Outcome(wanted)
    store.write(lambda session: desk.close(session, public_id=alert_id, staff=g.staff, outcome=outcome, now=now))
    flashes.say("alert_closed")
    return redirect("/console/duty" if _is_at_the_desk() else "/console/alerts", 303)


@bp.post("/alerts/<alert_id>/contact")
@guarded(Permission.READ_CONTACT)
def read_contact(alert_id: str) -> str:
    """Numbers and words, after a purpose was named; the look is a row in the trail."""
    purpose = form("purpose", 20)
    if purpose not in PURPOSES:
        raise PurposeNeeded
    now = utc_now()
    contacts, said = store.write(
        lambda session: desk.read_contacts(session, public_id=alert_id, staff=g.staff, purpose=purpose, now=now)
    )
    row = store.read(lambda session: desk.get_alert(session, public_id=alert_id, staff=g.staff))
    return _alert_page(row, contacts=contacts, said=said)


def _board() -> desk.Board:
    return store.read(lambda session: desk.board(session, staff=g.staff))


def _alert_page(row: desk.AlertRow, **read: object) -> str:
    """`read`: numbers and words, once their reader has named a purpose."""
    shown = {"contacts": None, "said": None} | read
    layout = "console/base.html" if _is_at_the_desk() else "console/shell.html"
    return render_template(
        "console/alert.html", layout=layout, row=row, staff=g.staff, purposes=PURPOSES, outcomes=Outcome, **shown
    )


def _is_at_the_desk() -> bool:
    """Who takes alerts over works on the dark screen; who only watches reads them among the console's other pages."""
    return bool(g.staff.may(Permission.ACKNOWLEDGE_ALERT))
