"""Departments, the lines across the tree: list, add, rename, switch off and on."""

from typing import Annotated

from flask import Blueprint, g, redirect, render_template
from flask.typing import ResponseReturnValue
from pydantic import StringConstraints

from server.accounts.policy import Permission
from server.blueprints.console import finding, flashes, store
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.requests import form as field
from server.clock import utc_now
from server.organisations import departments
from server.organisations.tree import BadCode

bp = Blueprint("departments", __name__, url_prefix="/console/departments")
_LIST = "/console/departments"


class DepartmentForm(FormModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=departments.LONGEST_NAME)]


class NewDepartmentForm(DepartmentForm):
    code: str


@bp.get("")
@guarded(Permission.SEE_PLACES)
def index() -> str:
    page = store.read(lambda session: departments.list_departments(session, asked=finding.asked()))
    return render_template("console/departments.html", page=page)


@bp.get("/new")
@guarded(Permission.MANAGE_PLACES)
def new() -> ResponseReturnValue:
    return _new_page(blank_form())


@bp.post("/new")
@guarded(Permission.MANAGE_PLACES)
def add() -> ResponseReturnValue:
    form, now = read_form(NewDepartmentForm), utc_now()
    if form.value is None:
        return _new_page(form)
    wanted = form.value.model_dump()
    try:
        store.write(lambda session: departments.add_department(session, actor=g.staff.actor, now=now, **wanted))
    except (BadCode, departments.DepartmentCodeTaken) as refusal:
        return _new_page(form.refuse("code", refusal))
    flashes.say("department_added")
    return redirect(_LIST, 303)


@bp.get("/<department_id>")
@guarded(Permission.MANAGE_PLACES)
def edit(department_id: str) -> ResponseReturnValue:
    found = store.read(lambda session: departments.get_department(session, department_id))
    return _edit_page(department_id, blank_form(name=found.name))


@bp.post("/<department_id>")
@guarded(Permission.MANAGE_PLACES)
def rename(department_id: str) -> ResponseReturnValue:
    form, now = read_form(DepartmentForm), utc_now()
    if form.value is None:
        return _edit_page(department_id, form)
    name = form.value.name
    store.write(
        lambda session: departments.rename_department(
            session,
            department=departments.get_department(session, department_id),
            name=name,
            actor=g.staff.actor,
            now=now,
        )
    )
    flashes.say("saved")
    return redirect(_LIST, 303)


@bp.post("/<department_id>/switch")
@guarded(Permission.MANAGE_PLACES)
def switch(department_id: str) -> ResponseReturnValue:
    """`to` says which way, so that the same button twice is once."""
    is_active, now = field("to", 3) == "on", utc_now()
    store.write(
        lambda session: departments.switch_department(
            session,
            department=departments.get_department(session, department_id),
            is_active=is_active,
            actor=g.staff.actor,
            now=now,
        )
    )
    flashes.say("switched_on" if is_active else "switched_off")
    return redirect(_LIST, 303)


def _new_page(form: Form[NewDepartmentForm]) -> ResponseReturnValue:
    return render_template("console/department_new.html", form=form), 422 if form.faults else 200


def _edit_page(department_id: str, form: Form[DepartmentForm]) -> ResponseReturnValue:
    found = store.read(lambda session: departments.get_department(session, department_id))
    return render_template("console/department_edit.html", department=found, form=form), 422 if form.faults else 200
