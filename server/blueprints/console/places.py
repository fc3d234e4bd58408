"""The tree: browse, search, add a place, rename one."""

from collections.abc import Iterable
from typing import Annotated

from flask import Blueprint, g, redirect, render_template
from flask.typing import ResponseReturnValue
from pydantic import StringConstraints

from server.accounts import ways
from server.accounts.policy import Permission
from server.blueprints.console import finding, flashes, store
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.clock import utc_now
from server.organisations import tree
from server.organisations.models import Level, Organisation
from server.organisations.service import CodeTaken
from server.texts import text

bp = Blueprint("places", __name__, url_prefix="/console/places")
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
    words = finding.words()
    tops = store.read(lambda session: tree.tops_of(session, finding.own_paths()))
    if not words and len(tops) == 1:
        return show(tops[0].public_id)
    found = store.read(lambda session: tree.search_places(session, words=words)) if words else tops
    way = store.read(lambda session: ways.ways_to(session, found))
    return render_template("console/places.html", places=found, way=way, words=words)


@bp.get("/<organisation_id>")
@guarded(Permission.SEE_PLACES)
def show(organisation_id: str) -> str:
    place = store.read(lambda session: tree.get_place(session, organisation_id))
    page = store.read(lambda session: tree.list_children(session, parent=place, asked=finding.asked()))
    way = store.read(lambda session: ways.way_to(session, place))
    return render_template("console/place.html", place=place, way=way, page=page)


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
                session, parent=tree.get_place(session, organisation_id), actor=g.staff.actor, now=now, **wanted
            )
        )
    except tuple(_FIELDS) as refusal:
        return _new_page(organisation_id, form.refuse(_field_of(refusal), refusal))
    flashes.say("place_added")
    return redirect(f"/console/places/{organisation_id}", 303)


@bp.get("/<organisation_id>/edit")
@guarded(Permission.MANAGE_PLACES)
def edit(organisation_id: str) -> ResponseReturnValue:
    place = store.read(lambda session: tree.get_place(session, organisation_id))
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
                session, place=tree.get_place(session, organisation_id), actor=g.staff.actor, now=now, **wanted
            )
        )
    except tuple(_FIELDS) as refusal:
        return _edit_page(organisation_id, form.refuse(_field_of(refusal), refusal))
    flashes.say("saved")
    return redirect(f"/console/places/{organisation_id}", 303)


def _field_of(refusal: Exception) -> str:
    return next(field for kind, field in _FIELDS.items() if isinstance(refusal, kind))


def _new_page(organisation_id: str, form: Form[NewPlaceForm]) -> ResponseReturnValue:
    place = store.read(lambda session: tree.get_place(session, organisation_id))
    return _form_page("console/place_new.html", place, form, tree.LEVELS_BELOW)


def _edit_page(organisation_id: str, form: Form[PlaceForm]) -> ResponseReturnValue:
    place = store.read(lambda session: tree.get_place(session, organisation_id))
    return _form_page("console/place_edit.html", place, form, (place.level,) if place.is_root else tree.LEVELS_BELOW)


def _form_page(
    template: str, place: Organisation, form: Form[NewPlaceForm] | Form[PlaceForm], levels: Iterable[Level]
) -> ResponseReturnValue:
    way = store.read(lambda session: ways.way_to(session, place))
    named = [(level, text(f"places.level_{level}")) for level in levels]
    return render_template(template, place=place, way=way, form=form, levels=named), 422 if form.faults else 200
