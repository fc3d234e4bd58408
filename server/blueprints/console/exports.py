"""Taking lists out: a purpose first, a second person above a thousand rows, then a file that is made while it is sent."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, g, redirect, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from server.accounts import exports
from server.accounts.exchange_models import Export, Purpose
from server.accounts.policy import Permission
from server.blueprints.console import store
from server.blueprints.console.guards import guarded
from server.blueprints.requests import form, parts
from server.clock import local, local_day, utc_now
from server.sheets.columns import Columns
from server.sheets.exporting import Days
from server.sheets.writing import stream_list
from server.sheets.xlsx import XLSX
from server.texts import text

bp = Blueprint("exports", __name__, url_prefix="/console/exports")
# What the form offers for lists that are asked for by days.
_OFFERED = timedelta(days=30)


@bp.get("")
@guarded(Permission.EXPORT)
def own() -> str:
    now, before = utc_now(), request.args.get("before", "")[:22]
    rows = store.read(lambda session: exports.list_own(session, staff=g.staff, now=now, before=before))
    days = Days(local_day(now - _OFFERED), local_day(now))
    sources = exports.lists_of(parts().exportable, g.staff)
    return render_template(
        "console/exports.html",
        rows=rows,
        sources=sources,
        days=days,
        purposes=Purpose,
        is_full=len(rows) == exports.PAGE,
    )


@bp.post("")
@guarded(Permission.EXPORT)
def ask() -> ResponseReturnValue:
    wish, now = _wish(), utc_now()
    export = store.write(
        lambda session: exports.request_export(session, lists=parts().exportable, staff=g.staff, wish=wish, now=now)
    )
    return redirect(f"/console/exports/{export.public_id}", 303)


@bp.get("/<export_id>")
@guarded(Permission.EXPORT)
def show(export_id: str) -> str:
    row = store.read(lambda session: exports.get_own(session, staff=g.staff, public_id=export_id, now=utc_now()))
    return render_template("console/export.html", row=row)


@bp.post("/<export_id>/download")
@guarded(Permission.EXPORT)
def download(export_id: str) -> Response:
    lists, now = parts().exportable, utc_now()
    export, count = store.write(
        lambda session: exports.begin_download(session, lists=lists, staff=g.staff, public_id=export_id, now=now)
    )
    watermark = text(
        "sheets.watermark",
        purpose=text(f"exports.purpose_{export.purpose}"),
        name=g.staff.display_name,
        at=local(now).strftime("%Y-%m-%d %H:%M"),
        words=export.words,
        count=count,
    )
    rows = islice(_rows(export), exports.ceiling_of(export))
    name = text("exports.file", kind=text(f"exports.kind_{export.kind}"), day=local_day(now).isoformat())
    return send_sheet(stream_with_context(stream_list(_columns(export.kind), rows, watermark=watermark)), name)


@bp.get("/waiting")
@guarded(Permission.APPROVE_EXPORT)
def waiting() -> str:
    rows = store.read(lambda session: exports.list_waiting(session, staff=g.staff, now=utc_now()))
    return render_template("console/exports_waiting.html", rows=rows)


@bp.post("/waiting/<export_id>/approve")
@guarded(Permission.APPROVE_EXPORT)
def approve(export_id: str) -> ResponseReturnValue:
    return _decide(export_id, is_approved=True)


@bp.post("/waiting/<export_id>/refuse")
@guarded(Permission.APPROVE_EXPORT)
def refuse(export_id: str) -> ResponseReturnValue:
    return _decide(export_id, is_approved=False)


def send_sheet(body: Iterator[bytes] | bytes, name: str) -> Response:
    response = Response(body, mimetype=XLSX)
    # A header is latin-1: the Chinese name travels encoded, beside one that every program can show.
    names = {"filename": "xinqiao.xlsx", "filename*": f"UTF-8''{quote(name)}"}
    response.headers.set("Content-Disposition", "attachment", **names)
    return response


def _decide(export_id: str, *, is_approved: bool) -> ResponseReturnValue:
    now = utc_now()
    store.write(
        lambda session: exports.decide(session, public_id=export_id, staff=g.staff, is_approved=is_approved, now=now)
    )
    return redirect("/console/exports/waiting", 303)


def _columns(kind: str) -> Columns:
    return next(listed.source.columns() for listed in parts().exportable if listed.source.kind == kind)


def _rows(export: Export) -> Iterator[Mapping[str, object]]:
    """Batch after batch, each in a transaction of its own: a slow line holds no connection."""
    after: Any = None
    while True:
        batch = store.read(_batch_of(export, after))
        yield from batch.rows
        after = batch.after
        if after is None:
            return


def _batch_of(export: Export, after: Any) -> Any:
    return lambda session: exports.next_rows(
        session, lists=parts().exportable, staff=g.staff, export=export, after=after
    )


def _wish() -> exports.Wish:
    purpose = form("purpose", 20)
    if purpose not in set(Purpose):
        raise exports.PurposeMissing
    kind = form("kind", 32)
    has_days = any(listed.source.kind == kind and listed.source.has_days for listed in parts().exportable)
    days = Days(_day("first"), _day("last")) if has_days else None
    return exports.Wish(kind, Purpose(purpose), form("words", exports.LONGEST_WORDS + 1), days)


def _day(name: str) -> date:
    try:
        return date.fromisoformat(form(name, 10))
    except ValueError:
        raise exports.BadDays from None
