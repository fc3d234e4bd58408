"""我的: what there is, on which phones it is open, and the ways out."""

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.accounts import log_ins
from server.accounts.ages import AgeBand
from server.accounts.models import Resident
from server.blueprints.h5.me import guard
from server.blueprints.h5.me.keep import WAITING
from server.blueprints.requests import form, parts, refuse_foreign_forms
from server.clock import utc_now

bp = Blueprint("me", __name__, url_prefix="/h5/me")
bp.before_request(refuse_foreign_forms)


@bp.get("")
@guard.for_residents()
def show() -> Response:
    sections, phones, asked_on = guard.read(
        lambda session, resident: (
            parts().holdings.sections(session, resident=resident),
            log_ins.list_phones(session, resident=resident, token=guard.token(), now=utc_now()),
            resident.deletion_asked_on,
        )
    )
    return _page(
        "home",
        sections=sections,
        phones=phones,
        deletion_asked_on=asked_on,
        is_copy_waiting=WAITING in request.cookies,
    )


@bp.post("/leave")
@guard.for_residents()
def leave() -> Response:
    """退出这部手机."""
    parts().database.write(lambda session: log_ins.end_session(session, token=guard.token()))
    response = make_response(redirect("/h5/me/sign-in", 303))
    return guard.drop_cookie(guard.drop_cookie(response, guard.COOKIE), WAITING)


@bp.post("/phones/<public_id>/end")
@guard.for_residents()
def end_phone(public_id: str) -> Response:
    guard.write(lambda session, resident: log_ins.end_phone(session, resident=resident, public_id=public_id))
    return make_response(redirect(guard.HOME, 303))


@bp.get("/age")
@guard.for_residents()
def ask_age() -> Response:
    return _page("age", ages=list(AgeBand), chosen=g.resident.age_band)


@bp.post("/age")
@guard.for_residents()
def set_age() -> Response:
    """A slip of the thumb can be put right; what a younger age no longer allows goes."""
    if form("age") in set(AgeBand):
        guard.write(_set_age)
    return make_response(redirect(guard.HOME, 303))


def _set_age(session: Session, resident: Resident) -> None:
    resident.age_band = AgeBand(form("age"))
    session.flush()
    parts().holdings.consent_ended(session, resident=resident, now=utc_now())


def _page(name: str, **values: object) -> Response:
    return make_response(render_template(f"h5/me/{name}.html", form_key=guard.form_key(), **values))
