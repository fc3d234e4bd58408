"""What the resident agreed to, and the guardian's consent: a code on the child's page, a tap on the guardian's."""

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.accounts import consents, log_ins
from server.accounts.ages import is_minor
from server.accounts.models import CodeKind, Resident
from server.accounts.purposes import Purpose
from server.blueprints import errors
from server.blueprints.errors import sentence_of
from server.blueprints.h5.me import guard
from server.blueprints.requests import form, parts, refuse_foreign_forms
from server.clock import utc_now
from server.errors import DomainError
from server.organisations.posters.matrix import modules_of
from server.texts import text

bp = Blueprint("me_agreements", __name__, url_prefix="/h5/me")
bp.before_request(refuse_foreign_forms)
_INVITE = "xq_me_invite"


@bp.get("/consents")
@guard.for_residents()
def show() -> Response:
    given = guard.read(lambda session, resident: consents.list_consents(session, resident=resident))
    return _page("consents", given=given, texts=parts().consents)


@bp.post("/consents/<public_id>/withdraw")
@guard.for_residents()
def withdraw(public_id: str) -> Response:
    guard.write(lambda session, resident: _withdraw(session, resident, public_id))
    return make_response(redirect(f"{guard.HOME}/consents", 303))


def _withdraw(session: Session, resident: Resident, public_id: str) -> None:
    about = consents.withdraw_consent(session, resident=resident, public_id=public_id, now=utc_now())
    parts().holdings.consent_ended(session, resident=about, now=utc_now())


# --- on the child's phone -----------------------------------------------------------------------------------------


@bp.get("/guardian/ask")
@guard.for_residents()
def ask_guardian() -> Response:
    return _page("guardian_ask", consent=parts().consents[Purpose.KEEP_RESULTS], modules=(), address="")


@bp.post("/guardian/ask")
@guard.for_residents()
def make_invite() -> Response:
    """A code for the guardian, drawn on this page alone: it can be had anew, not shown again."""
    code = guard.write(
        lambda session, resident: log_ins.make_code(
            session, resident=resident, kind=CodeKind.GUARDIAN, purpose=Purpose.KEEP_RESULTS, now=utc_now()
        )
    )
    address = f"{parts().settings.public_base_url}{guard.HOME}/guardian/{code}"
    consent = parts().consents[Purpose.KEEP_RESULTS]
    return _page("guardian_ask", consent=consent, modules=modules_of(address), address=address)


# --- on the guardian's --------------------------------------------------------------------------------------------


@bp.get("/guardian/<code>")
def open_invite(code: str) -> Response:
    """Looking uses nothing up. The code waits on the phone while the guardian logs in."""
    parts().database.read(lambda session: log_ins.find_code(session, code=code, kind=CodeKind.GUARDIAN, now=utc_now()))
    response = make_response(redirect(f"{guard.HOME}/guardian", 303))
    return guard.set_cookie(response, _INVITE, code, max_age=int(log_ins.LINK_LASTS.total_seconds()))


@bp.get("/guardian")
@guard.for_residents("guardian")
def show_invite() -> Response:
    return _guardian_page()


@bp.post("/guardian")
@guard.for_residents("guardian")
def agree() -> Response:
    # Agreeing to a text that has changed since is no agreement.
    if not form("adult") or form("consent") not in {consent.version for consent in parts().consents.values()}:
        return _guardian_page(text("me.guardian_need_both"), status=422)
    guard.write(_agree)
    return guard.drop_cookie(make_response(redirect(f"{guard.HOME}/consents", 303)), _INVITE)


def _agree(session: Session, guardian: Resident) -> None:
    versions = {purpose: consent.version for purpose, consent in parts().consents.items()}
    consents.agree_as_guardian(
        session, guardian=guardian, code=request.cookies.get(_INVITE, ""), purpose_versions=versions, now=utc_now()
    )


def _guardian_page(fault: str = "", *, status: int = 200) -> Response:
    code = request.cookies.get(_INVITE, "")
    invite = parts().database.read(
        lambda session: log_ins.find_code(session, code=code, kind=CodeKind.GUARDIAN, now=utc_now())
    )
    if invite.purpose is None or (g.resident.age_band is not None and is_minor(g.resident.age_band)):
        raise consents.NoGuardian
    return _page("guardian", consent=parts().consents[invite.purpose], fault=fault, status=status)


@bp.errorhandler(log_ins.LinkOver)
@bp.errorhandler(consents.NoGuardian)
def refused(fault: DomainError) -> Response:
    errors.note(fault)
    sentence = text("me.invite_over") if isinstance(fault, log_ins.LinkOver) else sentence_of(fault)
    page = render_template("h5/me/said.html", sentence=sentence)
    return make_response(page, errors.status_of(fault))


def _page(name: str, *, status: int = 200, **values: object) -> Response:
    return make_response(render_template(f"h5/me/{name}.html", form_key=guard.form_key(), **values), status)
