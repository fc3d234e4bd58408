"""The tree: browse, search, add a place, rename one."""

from collections.abc import Iterable
from typing import Annotated

from flask import Blueprint, g, redirect, render_template
from flask.typing import ResponseReturnValue
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from server.accounts import ways
from server.accounts.policy import Permission
from server.blueprints.console import flashes, store
from server.blueprints.console.finding import asked, own_paths, words
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.clock import utc_now
from server.organisations import service as organisations
from server.organisations import tree
from server.organisations.models import Level, Organisation
from server.organisations.service import CodeTaken

bp = Blueprint("organisations", __name__, url_prefix="/console/places")
Name = Annotated[str, StringConstraints(min_length=1, max_length=tree.LONGEST_NAME)]
# Beside which field a refusal belongs.
_FIELDS = {tree.BadCode: "code", CodeTaken: "code", tree.NotPrintable: "name", tree.TooDeep: "name"}


class PlaceForm(FormModel):
    name: Name
    level: Level


class NewPlaceForm(PlaceForm):
    code: str


@bp.get("")
@guarded(Permission.SEE_PLACES)
def index() -> str:
    """Whoever has one place begins there; a search asks all that are in sight."""
    typed = words()
    tops = store.read(lambda session: organisations.list_tops(session, own_paths()))
    if not typed and len(tops) == 1:
        return _place_page(tops[0].public_id)
    found = store.read(lambda session: tree.search_places(session, words=typed)) if typed else tops
    way = store.read(lambda session: ways.ways_to(session, found))
    return render_template("console/places.html", places=found, way=way, words=typed)


@bp.get("/<organisation_id>")
@guarded(Permission.SEE_PLACES)
def show(organisation_id: str) -> str:
    return _place_page(organisation_id)


@bp.get("/<organisation_id>/new")
@guarded(Permission.MANAGE_PLACES)
def new(organisation_id: str) -> ResponseReturnValue:
    return _new_page(organisation_id, blank_form())


@bp.post("/<organisation_id>/new")
@guarded(Permission.MANAGE_PLACES)
def add(organisation_id: str) -> ResponseReturnValue:
    form, now = read_form(NewPlaceForm), utc_now()
    if form.value is None:
        return _new_page(organisation_id, form)
    wanted = form.value.model_dump()
    try:
        store.write(
            lambda session: tree.add_place(
                session, parent=organisations.get_node(session, organisation_id), actor=g.staff.actor, now=now, **wanted
            )
        )
    except tuple(_FIELDS) as refusal:
        return _new_page(organisation_id, form.refuse(_field_of(refusal), refusal))
    flashes.say("place_added")
    return redirect(f"/console/places/{organisation_id}", 303)


@bp.get("/<organisation_id>/edit")
@guarded(Permission.MANAGE_PLACES)
def edit(organisation_id: str) -> ResponseReturnValue:
    place = store.read(lambda session: organisations.get_node(session, organisation_id))
    return _edit_page(organisation_id, blank_form(name=place.name, level=place.level))


@bp.post("/<organisation_id>/edit")
@guarded(Permission.MANAGE_PLACES)
def rename(organisation_id: str) -> ResponseReturnValue:
    form, now = read_form(PlaceForm), utc_now()
    if form.value is None:
        return _edit_page(organisation_id, form)
    wanted = form.value.model_dump()
    try:
        store.write(
            lambda session: tree.rename_place(
                session, place=organisations.get_node(session, organisation_id), actor=g.staff.actor, now=now, **wanted
            )
        )
    except tuple(_FIELDS) as refusal:
        return _edit_page(organisation_id, form.refuse(_field_of(refusal), refusal))
    flashes.say("saved")
    return redirect(f"/console/places/{organisation_id}", 303)


def _place_page(organisation_id: str) -> str:
    def work(session: Session) -> dict[str, object]:
        place = organisations.get_node(session, organisation_id)
        page = tree.browse(session, parent=place, asked=asked())
        return {"place": place, "page": page, "way": ways.way_to(session, place)}

    return render_template("console/place.html", **store.read(work))


def _field_of(refusal: Exception) -> str:
    return next(field for kind, field in _FIELDS.items() if isinstance(refusal, kind))


def _new_page(organisation_id: str, form: Form[NewPlaceForm]) -> ResponseReturnValue:
    place = store.read(lambda session: organisations.get_node(session, organisation_id))
    return _form_page("console/place_new.html", place, form, tree.LEVELS_BELOW)


def _edit_page(organisation_id: str, form: Form[PlaceForm]) -> ResponseReturnValue:
    place = store.read(lambda session: organisations.get_node(session, organisation_id))
    return _form_page("console/place_edit.html", place, form, (place.level,) if place.is_root else tree.LEVELS_BELOW)


def _form_page(
    template: str, place: Organisation, form: Form[NewPlaceForm] | Form[PlaceForm], levels: Iterable[Level]
) -> ResponseReturnValue:
    way = store.read(lambda session: ways.way_to(session, place))
    return render_template(template, place=place, way=way, form=form, levels=levels), 422 if form.faults else 200
