"""Who looked, my data as a file, delete my account: what the law gives everybody (PIPL 44 to 47)."""

import json

from flask import Blueprint, Response, make_response, redirect, render_template
from sqlalchemy.orm import Session

from server.accounts import forgetting
from server.accounts.models import Resident
from server.audit import service as audit
from server.blueprints.h5.me import guard
from server.blueprints.h5.me.keep import WAITING
from server.blueprints.requests import form, parts, refuse_foreign_forms
from server.clock import local, utc_now
from server.texts import text

bp = Blueprint("me_data", __name__, url_prefix="/h5/me")
bp.before_request(refuse_foreign_forms)


@bp.get("/looks")
@guard.for_residents()
def looks() -> Response:
    found = guard.read(lambda session, resident: parts().holdings.looks(session, resident=resident))
    return make_response(render_template("h5/me/looks.html", looks=found))


@bp.get("/data")
@guard.for_residents()
def show_data() -> Response:
    """On the page too: WeChat's browser on many phones cannot save files."""
    return make_response(render_template("h5/me/data.html", data=_data()))


@bp.get("/data.json")
@guard.for_residents()
def download() -> Response:
    guard.write(_note_export)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Disposition": f'attachment; filename="xinqiao-{local(utc_now()).date().isoformat()}.json"',
    }
    return make_response(_data(), 200, headers)


def _data() -> str:
    whole = guard.read(lambda session, resident: parts().holdings.export(session, resident=resident))
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _note_export(session: Session, resident: Resident) -> None:
    audit.record(
        session,
        actor=("resident", resident.public_id),
        action="resident.exported",
        object_kind="resident",
        object_id=resident.public_id,
        now=utc_now(),
    )


@bp.get("/delete")
@guard.for_residents()
def ask_deletion() -> Response:
    return _deletion_page()


@bp.post("/delete")
@guard.for_residents()
def delete() -> Response:
    if not form("sure"):
        return _deletion_page(text("me.delete_need_sure"), status=422)
    is_done = guard.write(_delete)
    response = make_response(redirect(f"{guard.HOME}/deleted{'' if is_done else '?held=1'}", 303))
    return guard.drop_cookie(guard.drop_cookie(response, guard.COOKIE), WAITING)


@bp.get("/deleted")
def deleted() -> str:
    return render_template("h5/me/deleted.html")


def _delete(session: Session, resident: Resident) -> bool:
    return forgetting.delete_account(session, holdings=parts().holdings, resident=resident, now=utc_now())


def _deletion_page(fault: str = "", *, status: int = 200) -> Response:
    is_held = guard.read(
        lambda session, resident: parts().holdings.holds(session, resident_id=resident.id, now=utc_now())
    )
    page = render_template("h5/me/delete.html", is_held=is_held, fault=fault, form_key=guard.form_key())
    return make_response(page, status)
