"""Importing from sheets: template, upload, preview, consent. The same piece as `flask organisations import`."""

import io

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from server.accounts import drafts
from server.accounts.policy import Permission
from server.blueprints.console import store
from server.blueprints.console.exports import send_sheet
from server.blueprints.console.guards import guarded
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form, parts
from server.clock import utc_now
from server.errors import DomainError, Invalid, NotFound
from server.sheets.importing import Importer, Plan, mark_of, plan_import, run_import
from server.sheets.package import LARGEST_FILE
from server.sheets.reading import Sheet, read_sheet
from server.sheets.writing import write_faults, write_template
from server.texts import text

bp = Blueprint("imports", __name__, url_prefix="/console/imports")
# What a form adds around its file.
_ENVELOPE = 16 * 1024


class FileMissing(Invalid):
    code = "sheets.file_missing"


@bp.url_value_preprocessor
def _take_sheets(endpoint: str | None, _values: dict[str, str] | None) -> None:
    """Sheets are larger than any other form. Said before the check of the form's token reads it."""
    if endpoint == "imports.upload":
        request.max_content_length = LARGEST_FILE + _ENVELOPE
        # In memory: a temporary file, which is where larger uploads go, would lie open on the disk.
        request._get_file_stream = lambda *_, **__: io.BytesIO()  # type: ignore[method-assign]


@bp.get("/<kind>")
@guarded(Permission.MANAGE_PLACES)
def start(kind: str) -> str:
    return _start(_importer(kind), "")


@bp.get("/<kind>/template")
@guarded(Permission.MANAGE_PLACES)
def template(kind: str) -> Response:
    return send_sheet(write_template(_importer(kind).columns()), _file_name(kind, "template"))


@bp.post("/<kind>")
@guarded(Permission.MANAGE_PLACES)
def upload(kind: str) -> ResponseReturnValue:
    """A file that cannot be read at all is told here; what is wrong in its rows, the preview shows."""
    importer, now = _importer(kind), utc_now()
    try:
        content = _uploaded()
        read_sheet(content, importer.columns())
    except Invalid as fault:
        return _start(importer, sentence_of(fault)), status_of(fault)
    draft = store.write(lambda session: drafts.keep_draft(session, staff=g.staff, kind=kind, content=content, now=now))
    return redirect(f"/console/imports/{kind}/{draft}", 303)


@bp.get("/<kind>/<draft_id>")
@guarded(Permission.MANAGE_PLACES)
def preview(kind: str, draft_id: str) -> str:
    importer = _importer(kind)
    plan = _plan(importer, read_sheet(_open(kind, draft_id), importer.columns()))
    return _preview(kind, draft_id, plan, text("imports.done") if request.args.get("done") else "")


@bp.post("/<kind>/<draft_id>")
@guarded(Permission.MANAGE_PLACES)
def consent(kind: str, draft_id: str) -> ResponseReturnValue:
    importer, mark, now = _importer(kind), form("mark", 64), utc_now()
    sheet = read_sheet(_open(kind, draft_id), importer.columns())
    try:
        store.write(lambda session: run_import(session, importer, sheet, actor=g.staff.actor, now=now, previewed=mark))
    except DomainError as fault:
        return _preview(kind, draft_id, _plan(importer, sheet), sentence_of(fault)), status_of(fault)
    return redirect(f"/console/imports/{kind}/{draft_id}?done=1", 303)


@bp.get("/<kind>/<draft_id>/faults")
@guarded(Permission.MANAGE_PLACES)
def faults(kind: str, draft_id: str) -> Response:
    importer, content = _importer(kind), _open(kind, draft_id)
    plan = _plan(importer, read_sheet(content, importer.columns()))
    return send_sheet(write_faults(content, importer.columns(), plan.faults), _file_name(kind, "faults"))


def _importer(kind: str) -> Importer[object]:
    """Raises NotFound, also for a kind that another permission opens."""
    permission, importer = parts().importers.get(kind, (None, None))
    if importer is None or permission is not g.permission:
        raise NotFound(importer=kind)
    return importer


def _uploaded() -> bytes:
    file = request.files.get("file")
    content = file.read() if file else b""
    if not content:
        raise FileMissing
    return content


def _open(kind: str, draft_id: str) -> bytes:
    return store.read(
        lambda session: drafts.open_draft(session, staff=g.staff, kind=kind, public_id=draft_id, now=utc_now())
    )


def _plan(importer: Importer[object], sheet: Sheet) -> Plan[object]:
    return store.read(lambda session: plan_import(session, importer, sheet, now=utc_now()))


def _start(importer: Importer[object], notice: str) -> str:
    return render_template("console/import.html", kind=importer.kind, columns=importer.columns(), notice=notice)


def _preview(kind: str, draft_id: str, plan: Plan[object], notice: str) -> str:
    headers = {column.key: column.header for column in _importer(kind).columns()}
    return render_template(
        "console/import_preview.html",
        kind=kind, draft_id=draft_id, plan=plan, headers=headers, mark=mark_of(plan), notice=notice,
    )  # fmt: skip


def _file_name(kind: str, what: str) -> str:
    return text(f"imports.file_{what}", kind=text(f"imports.kind_{kind}"))
