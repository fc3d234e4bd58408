"""Codes on walls: list with their counts, make, look at, revoke. Their posters are in posters.py."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy.orm import Session

from server import printing
from server.accounts import ways
from server.accounts.policy import Permission
from server.blueprints.console import finding, flashes, store
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.console.places import choose_place
from server.blueprints.requests import parts
from server.clock import day_bounds, utc_now
from server.organisations import codes
from server.organisations import service as organisations
from server.organisations.doors import DoorCode
from server.organisations.models import EntryPoint
from server.organisations.posters import Poster
from server.organisations.service import EntryPointState, UnknownDoor, UnknownTarget
from server.wechat.client import WeChatError

bp = Blueprint("entry_points", __name__, url_prefix="/console")
_LIST = "/console/entry-points"
_LATEST_DAY = date(2099, 12, 31)
STATES = (EntryPointState.OPEN, EntryPointState.EXPIRED, EntryPointState.REVOKED)
# Beside which field a refusal belongs.
_FIELDS = {codes.BadLastDay: "last_day", UnknownDoor: "opens", UnknownTarget: "opens"}


class Kind(StrEnum):
    """What the picture holds: an address of this site, or a code of the official account."""

    PLAIN = "plain"
    ACCOUNT = "account"


class CodeForm(FormModel):
    opens: str  # door:target
    last_day: Annotated[date, Field(le=_LATEST_DAY)] | None = None
    kind: Kind = Kind.PLAIN


class FilterForm(FormModel):
    door: DoorCode | None = None
    state: EntryPointState | None = None


@bp.get("/entry-points")
@guarded(Permission.SEE_ENTRY_POINTS)
def index() -> str:
    form = read_form(FilterForm, request.args)
    shown = store.read(lambda session: _list(session, form.value or FilterForm()))
    doors = [(door.code, door.name_of("")) for door in parts().doors]
    return render_template("console/entry_points.html", form=form, doors=doors, states=STATES, **shown)


def _list(session: Session, chosen: FilterForm) -> dict[str, object]:
    place = choose_place(session, request.args.get("place", ""))
    filters = codes.Filters(within=place.chosen, **chosen.model_dump())
    page = codes.list_codes(session, doors=parts().doors, filters=filters, asked=finding.asked(), now=utc_now())
    way = ways.ways_to(session, [row.place for row in page.rows])
    return {"page": page, "way": way, "place": place}


@bp.get("/entry-points/new")
@guarded(Permission.MANAGE_ENTRY_POINTS)
def begin() -> str:
    return finding.pick_place(key="entry_point", form="/entry-points/new")


@bp.get("/places/<organisation_id>/entry-points/new")
@guarded(Permission.MANAGE_ENTRY_POINTS)
def new(organisation_id: str) -> ResponseReturnValue:
    kind = Kind.ACCOUNT if printing.may_join_account(parts()) else Kind.PLAIN
    return _new_page(organisation_id, blank_form(kind=kind))


@bp.post("/places/<organisation_id>/entry-points/new")
@guarded(Permission.MANAGE_ENTRY_POINTS)
def make(organisation_id: str) -> ResponseReturnValue:
    form = read_form(CodeForm)
    if form.value is None:
        return _new_page(organisation_id, form)
    wanted = form.value
    try:
        point = store.write(lambda session: _make(session, organisation_id, wanted))
    except tuple(_FIELDS) as refusal:
        return _new_page(organisation_id, form.refuse(_FIELDS[type(refusal)], refusal))
    flashes.say(_join(point) if wanted.kind is Kind.ACCOUNT else "code_made")
    return redirect(f"{_LIST}/{point.code}", 303)


@bp.get("/entry-points/<entry_code>")
@guarded(Permission.SEE_ENTRY_POINTS)
def show(entry_code: str) -> str:
    row = get_row(entry_code)
    way = store.read(lambda session: ways.way_to(session, row.place))
    return render_template(
        "console/entry_point.html",
        row=row,
        way=way,
        address=f"{parts().settings.public_base_url}/q/{row.point.code}",
        may_join=printing.may_join_account(parts()) and not row.point.wechat_url,
        is_printable=row.may_be_printed and printing.is_printable(_poster(row)),
    )


@bp.post("/entry-points/<entry_code>/account")
@guarded(Permission.MANAGE_ENTRY_POINTS)
def join(entry_code: str) -> ResponseReturnValue:
    """Ask WeChat again for a code that it did not make the first time."""
    row = get_row(entry_code)
    if row.may_be_printed and not row.point.wechat_url:
        flashes.say(_join(row.point))
    return redirect(f"{_LIST}/{entry_code}", 303)


@bp.get("/entry-points/<entry_code>/revoke")
@guarded(Permission.MANAGE_ENTRY_POINTS)
def ask_to_revoke(entry_code: str) -> str:
    row = get_row(entry_code)
    way = store.read(lambda session: ways.way_to(session, row.place))
    return render_template("console/entry_point_revoke.html", row=row, way=way)


@bp.post("/entry-points/<entry_code>/revoke")
@guarded(Permission.MANAGE_ENTRY_POINTS)
def revoke(entry_code: str) -> ResponseReturnValue:
    now = utc_now()
    store.write(lambda session: codes.revoke_code(session, code=entry_code, actor=g.staff.actor, now=now))
    flashes.say("code_revoked")
    return redirect(f"{_LIST}/{entry_code}", 303)


def get_row(entry_code: str) -> codes.CodeRow:
    now = utc_now()
    return store.read(lambda session: codes.get_code(session, doors=parts().doors, code=entry_code, now=now))


def _poster(row: codes.CodeRow) -> Poster:
    return printing.poster_of(parts(), row.place.name, row.point)


def _make(session: Session, organisation_id: str, wanted: CodeForm) -> EntryPoint:
    door, _, target = wanted.opens.partition(":")
    return codes.make_code(
        session,
        doors=parts().doors,
        place=organisations.get_node(session, organisation_id),
        door=door,
        target=target,
        valid_until=day_bounds(wanted.last_day)[1] if wanted.last_day else None,
        actor=g.staff.actor,
        now=utc_now(),
    )


def _join(point: EntryPoint) -> str:
    """What is to be said of it. Until WeChat has made its part, the poster holds this site's address, which works too."""
    if not printing.may_join_account(parts()):
        return "code_made"
    try:
        printing.join_account(parts(), store.write, point, now=utc_now())
    except WeChatError:
        return "code_not_joined"
    return "code_made"


def _new_page(organisation_id: str, form: Form[CodeForm]) -> ResponseReturnValue:
    place = store.read(lambda session: organisations.get_node(session, organisation_id))
    way = store.read(lambda session: ways.way_to(session, place))
    choices = [(f"{door.code}:{target}", door.name_of(target)) for door in parts().doors for target in door.targets]
    kinds = list(Kind) if printing.may_join_account(parts()) else [Kind.PLAIN]
    page = render_template(
        "console/entry_point_new.html", place=place, way=way, form=form, choices=choices, kinds=kinds
    )
    return page, 422 if form.faults else 200
