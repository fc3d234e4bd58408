"""Service points: list with filters, add, edit, switch off and on."""

from typing import Annotated

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from server.accounts import ways
from server.accounts.policy import Permission
from server.blueprints.console import finding, flashes, store
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.console.places import choose_place
from server.blueprints.requests import form as field
from server.clock import utc_now
from server.errors import DomainError
from server.organisations import service as organisations
from server.organisations import service_points
from server.organisations.hours import BadHours, HoursEndEarly
from server.organisations.models import HostKind
from server.organisations.phones import LONGEST_PHONE, BadServicePhone

bp = Blueprint("service_points", __name__, url_prefix="/console")
_LIST = "/console/service-points"
_LIMITS = {"address": service_points.LONGEST_ADDRESS, "hours": service_points.LONGEST_HOURS}
# Beside which field a refusal belongs.
_FIELDS: dict[type[DomainError], str] = {
    service_points.NameTaken: "name",
    service_points.HoursTooLong: "hours",
    BadHours: "hours",
    HoursEndEarly: "hours",
    BadServicePhone: "phone",
}


class PointForm(FormModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=service_points.LONGEST_NAME)]
    address: Annotated[str, StringConstraints(min_length=1, max_length=service_points.LONGEST_ADDRESS)]
    phone: Annotated[str, StringConstraints(max_length=LONGEST_PHONE)]
    hours: Annotated[str, StringConstraints(max_length=service_points.LONGEST_HOURS)]
    host_kind: HostKind
    accepts_minors: bool = False
    is_barrier_free: bool = False

    @property
    def wanted(self) -> service_points.Wanted:
        return service_points.Wanted(**self.model_dump())


class FilterForm(FormModel):
    host_kind: HostKind | None = None
    accepts_minors: bool = False
    is_barrier_free: bool = False
    switch: service_points.Switch | None = None


@bp.get("/service-points")
@guarded(Permission.SEE_PLACES)
def index() -> str:
    form = read_form(FilterForm, request.args)
    chosen = (form.value or FilterForm()).model_dump()

    def work(session: Session) -> dict[str, object]:
        place = choose_place(session, request.args.get("place", ""))
        filters = service_points.Filters(within=place.chosen, **chosen)
        page = service_points.list_service_points(session, filters=filters, asked=finding.asked())
        return {"page": page, "place": place}

    return render_template(
        "console/service_points.html",
        form=form,
        kinds=HostKind,
        switches=service_points.Switch,
        **store.read(work),
    )


@bp.get("/service-points/new")
@guarded(Permission.MANAGE_PLACES)
def begin() -> str:
    return finding.pick_place(key="service_point", form="/service-points/new")


@bp.get("/places/<organisation_id>/service-points/new")
@guarded(Permission.MANAGE_PLACES)
def new(organisation_id: str) -> ResponseReturnValue:
    return _new_page(organisation_id, blank_form())


@bp.post("/places/<organisation_id>/service-points/new")
@guarded(Permission.MANAGE_PLACES)
def add(organisation_id: str) -> ResponseReturnValue:
    form, now = read_form(PointForm), utc_now()
    if form.value is None:
        return _new_page(organisation_id, form)
    wanted = form.value.wanted
    try:
        store.write(
            lambda session: service_points.add_service_point(
                session,
                place=organisations.get_node(session, organisation_id),
                wanted=wanted,
                actor=g.staff.actor,
                now=now,
            )
        )
    except tuple(_FIELDS) as refusal:
        return _new_page(organisation_id, form.refuse(_FIELDS[type(refusal)], refusal))
    flashes.say("service_point_added")
    return redirect(f"{_LIST}?place={organisation_id}", 303)


@bp.get("/service-points/<service_point_id>")
@guarded(Permission.SEE_PLACES)
def show(service_point_id: str) -> str:
    row = store.read(lambda session: service_points.get_service_point(session, service_point_id))
    way = store.read(lambda session: ways.way_to(session, row.place))
    return render_template("console/service_point.html", row=row, way=way)


@bp.get("/service-points/<service_point_id>/edit")
@guarded(Permission.MANAGE_PLACES)
def edit(service_point_id: str) -> ResponseReturnValue:
    point = store.read(lambda session: service_points.get_service_point(session, service_point_id)).point
    return _edit_page(service_point_id, blank_form(**service_points.as_typed(point)))


@bp.post("/service-points/<service_point_id>/edit")
@guarded(Permission.MANAGE_PLACES)
def change(service_point_id: str) -> ResponseReturnValue:
    form, now = read_form(PointForm), utc_now()
    if form.value is None:
        return _edit_page(service_point_id, form)
    wanted = form.value.wanted
    try:
        store.write(
            lambda session: service_points.change_service_point(
                session,
                point=service_points.get_service_point(session, service_point_id).point,
                wanted=wanted,
                actor=g.staff.actor,
                now=now,
            )
        )
    except tuple(_FIELDS) as refusal:
        return _edit_page(service_point_id, form.refuse(_FIELDS[type(refusal)], refusal))
    flashes.say("saved")
    return redirect(f"{_LIST}/{service_point_id}", 303)


@bp.post("/service-points/<service_point_id>/switch")
@guarded(Permission.MANAGE_PLACES)
def switch(service_point_id: str) -> ResponseReturnValue:
    """`to` says which way, so that the same button twice is once."""
    is_active, now = field("to", 3) == "on", utc_now()
    store.write(
        lambda session: service_points.switch_service_point(
            session,
            point=service_points.get_service_point(session, service_point_id).point,
            is_active=is_active,
            actor=g.staff.actor,
            now=now,
        )
    )
    flashes.say("switched_on" if is_active else "switched_off")
    return redirect(f"{_LIST}/{service_point_id}", 303)


def _new_page(organisation_id: str, form: Form[PointForm]) -> ResponseReturnValue:
    place = store.read(lambda session: organisations.get_node(session, organisation_id))
    way = store.read(lambda session: ways.way_to(session, place))
    page = render_template(
        "console/service_point_new.html", place=place, way=way, form=form, kinds=HostKind, limits=_LIMITS
    )
    return page, 422 if form.faults else 200


def _edit_page(service_point_id: str, form: Form[PointForm]) -> ResponseReturnValue:
    row = store.read(lambda session: service_points.get_service_point(session, service_point_id))
    way = store.read(lambda session: ways.way_to(session, row.place))
    page = render_template(
        "console/service_point_edit.html", row=row, way=way, form=form, kinds=HostKind, limits=_LIMITS
    )
    return page, 422 if form.faults else 200
