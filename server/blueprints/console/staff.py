"""Colleagues: the list and each one's page."""

from typing import Annotated, Any

from flask import Blueprint, g, render_template, request
from pydantic import Field
from sqlalchemy.orm import Session

from server.accounts import directory
from server.accounts.directory import State, Wish
from server.accounts.leaving import Reason
from server.accounts.policy import Permission, Role
from server.blueprints.console import store
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.clock import utc_now
from server.ids import PUBLIC_ID_LENGTH
from server.organisations import picking
from server.pagination import Asked
from server.texts import text

bp = Blueprint("staff", __name__, url_prefix="/console/staff")
AnyId = Annotated[str, Field(max_length=PUBLIC_ID_LENGTH)]


class StaffFilter(FormModel):
    q: Annotated[str, Field(max_length=64)] = ""
    state: State | None = None
    role: Role | None = None
    place: AnyId = ""
    department: AnyId = ""
    ends_soon: bool = False


@bp.get("")
@guarded(Permission.SEE_STAFF)
def show_list() -> str:
    form, now = read_form(StaffFilter, request.args), utc_now()
    chosen = form.value or StaffFilter()
    wish = Wish(chosen.q, chosen.state, chosen.role, chosen.place, chosen.department, chosen.ends_soon)
    asked = Asked(request.args.get("sort", ""), request.args.get("page", ""))

    def work(session: Session) -> dict[str, Any]:
        return {
            "page": directory.list_colleagues(session, wish=wish, asked=asked, now=now),
            "places": [(node.public_id, node.name) for node in picking.upper_places(session)],
            "departments": [(line.public_id, line.name) for line in picking.list_departments(session)],
        }

    found = store.read(work)
    states = [(state, text(f"staff.state_{state}")) for state in State]
    roles = [(role, text(f"console.role.{role}")) for role in Role]
    return render_template(
        "console/staff/list.html", form=form, is_narrowed=wish != Wish(), states=states, roles=roles, **found
    )


@bp.get("/<staff_id>")
@guarded(Permission.SEE_STAFF)
def show_colleague(staff_id: str) -> str:
    return colleague_page(staff_id)


def colleague_page(staff_id: str, **forms: Form[Any]) -> str:
    """`off_form`, `reset_form`: sent and not taken."""
    now, shown = utc_now(), {"off_form": blank_form(), "reset_form": blank_form()} | forms

    def work(session: Session) -> dict[str, Any]:
        colleague = directory.get_colleague(session, public_id=staff_id, now=now)
        account = directory.find_account(session, colleague=colleague, by=g.staff, now=now)
        endable = directory.endable_by(session, colleague=colleague, by=g.staff)
        return {"colleague": colleague, "account": account, "endable": endable}

    reasons = [(reason, text(f"staff.off_reason_{reason}")) for reason in Reason]
    return render_template("console/staff/colleague.html", reasons=reasons, **shown, **store.read(work))
