"""Posts of colleagues: give one, end one. Where a post is to be held is picked first, on a page of its own."""

from datetime import date
from typing import Any

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from server.accounts import directory, posts, teams
from server.accounts.policy import Permission, Role
from server.blueprints.console import store
from server.blueprints.console.flashes import say
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.console.staff import AnyId
from server.blueprints.errors import status_of
from server.blueprints.requests import parts
from server.clock import local_day, utc_now
from server.errors import DomainError, NotFound
from server.organisations import picking
from server.texts import text

bp = Blueprint("staff_posts", __name__, url_prefix="/console")


class PostForm(FormModel):
    place: AnyId
    role: Role
    department: AnyId = ""
    team: AnyId = ""
    starts_on: date | None = None
    ends_on: date | None = None


class EndForm(FormModel):
    on: date


# Beside which field a refusal is said.
_FIELDS = {
    "accounts.login_name_taken": "login_name",
    "accounts.bad_login_name": "login_name",
    "accounts.team_elsewhere": "team",
    "accounts.line_over": "department",
    "accounts.bad_dates": "ends_on",
}


def refuse_beside(form: Form[Any], refusal: DomainError) -> None:
    """Say a refusal where it belongs. What is missing or out of reach stays an answer of its own."""
    if isinstance(refusal, NotFound) or not refusal.code.startswith("accounts."):
        raise refusal
    form.refuse(_FIELDS.get(refusal.code, "role"), refusal)


@bp.get("/staff/<staff_id>/posts/new")
@guarded(Permission.MANAGE_POSTS)
def show_new(staff_id: str) -> str:
    return _new_page(staff_id, blank_form(starts_on=local_day(utc_now())), request.args.get("place", ""))


@bp.post("/staff/<staff_id>/posts/new")
@guarded(Permission.MANAGE_POSTS)
def give(staff_id: str) -> ResponseReturnValue:
    form = read_form(PostForm)
    if (filled := form.value) is None:
        return _new_page(staff_id, form, request.form.get("place", "")), 422
    try:
        store.write(lambda session: _give(session, staff_id, filled))
    except DomainError as refusal:
        refuse_beside(form, refusal)
        return _new_page(staff_id, form, request.form.get("place", "")), status_of(refusal)
    say("post_given")
    return redirect(f"/console/staff/{staff_id}", 303)


@bp.get("/posts/<post_id>/end")
@guarded(Permission.MANAGE_POSTS)
def show_end(post_id: str) -> str:
    return _end_page(post_id, blank_form(on=local_day(utc_now())))


@bp.post("/posts/<post_id>/end")
@guarded(Permission.MANAGE_POSTS)
def end(post_id: str) -> ResponseReturnValue:
    form = read_form(EndForm)
    if (filled := form.value) is None:
        return _end_page(post_id, form), 422
    try:
        staff_id = store.write(lambda session: _end(session, post_id, filled))
    except posts.BadDates as refusal:
        return _end_page(post_id, form.refuse("on", refusal)), status_of(refusal)
    say("post_ended")
    return redirect(f"/console/staff/{staff_id}", 303)


def options_at(session: Session, place_id: str) -> dict[str, Any]:
    """What a form about a post at this place offers, or where to look for a place. Within the giver's scope."""
    if not place_id:
        named = request.args.get("q", "")[: picking.LONGEST_SEARCH]
        return {"place": None, "named": named, "found": picking.find_places(session, named=named)}
    place = picking.get_place(session, public_id=place_id)
    return {
        "place": place,
        "roles": [(role, text(f"console.role.{role}")) for role in posts.roles_to_give(g.staff, place)],
        "departments": [(line.public_id, line.name) for line in picking.list_departments(session)],
        "teams": [(team.public_id, team.name) for team in teams.teams_for(session, place)],
    }


def wanted_from(session: Session, form: PostForm) -> posts.Wanted:
    return posts.Wanted(
        form.role,
        picking.get_place(session, public_id=form.place),
        department=picking.get_department(session, public_id=form.department) if form.department else None,
        team=teams.get_team(session, public_id=form.team)[0] if form.team else None,
        starts_on=form.starts_on,
        ends_on=form.ends_on,
    )


def _give(session: Session, staff_id: str, form: PostForm) -> None:
    member = directory.get_member(session, public_id=staff_id)
    posts.give_post(session, member=member, wanted=wanted_from(session, form), by=g.staff, now=utc_now())


def _end(session: Session, post_id: str, form: EndForm) -> str:
    now = utc_now()
    domains = parts().domains_that_hand_over
    posts.end_post(session, post_public_id=post_id, on=form.on, by=g.staff, now=now, domains=domains)
    return directory.get_post(session, public_id=post_id, now=now)[0].public_id


def _new_page(staff_id: str, form: Form[Any], place_id: str) -> str:
    def work(session: Session) -> dict[str, Any]:
        colleague = directory.get_colleague(session, public_id=staff_id, now=utc_now())
        return {"colleague": colleague} | options_at(session, place_id)

    return render_template("console/staff/post.html", form=form, **store.read(work))


def _end_page(post_id: str, form: Form[Any]) -> str:
    colleague, post = store.read(lambda session: directory.get_post(session, public_id=post_id, now=utc_now()))
    return render_template("console/staff/end_post.html", colleague=colleague, post=post, form=form)
