"""Teams: the list, one with its members, and their names."""

from typing import Annotated, Any

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy.orm import Session

from server.accounts import directory, teams
from server.accounts.policy import Permission
from server.blueprints.console import store
from server.blueprints.console.flashes import say
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.console.staff import AnyId
from server.blueprints.errors import status_of
from server.clock import utc_now
from server.organisations import picking
from server.pagination import Asked

bp = Blueprint("teams", __name__, url_prefix="/console/teams")


class NameForm(FormModel):
    name: Annotated[str, Field(max_length=teams.LONGEST_NAME)]


class TeamForm(NameForm):
    place: AnyId


@bp.get("")
@guarded(Permission.SEE_STAFF)
def show_list() -> str:
    asked = Asked(request.args.get("sort", ""), request.args.get("page", ""))
    page = store.read(lambda session: teams.list_teams(session, asked=asked))
    return render_template("console/teams/list.html", page=page)


@bp.get("/new")
@guarded(Permission.MANAGE_POSTS)
def show_new() -> str:
    return _new_page(blank_form(), request.args.get("place", ""))


@bp.post("/new")
@guarded(Permission.MANAGE_POSTS)
def add() -> ResponseReturnValue:
    form = read_form(TeamForm)
    if (filled := form.value) is None:
        return _new_page(form, request.form.get("place", "")), 422
    try:
        team_id = store.write(lambda session: _add(session, filled))
    except (teams.TeamNameTaken, teams.TeamNameNeeded) as refusal:
        return _new_page(form.refuse("name", refusal), form.typed["place"]), status_of(refusal)
    say("team_added")
    return redirect(f"/console/teams/{team_id}", 303)


@bp.get("/<team_id>")
@guarded(Permission.SEE_STAFF)
def show_team(team_id: str) -> str:
    return _team_page(team_id)


@bp.post("/<team_id>/rename")
@guarded(Permission.MANAGE_POSTS)
def rename(team_id: str) -> ResponseReturnValue:
    form, now = read_form(NameForm), utc_now()
    if (filled := form.value) is None:
        return _team_page(team_id, form), 422
    name = filled.name
    try:
        store.write(lambda session: teams.rename_team(session, public_id=team_id, name=name, by=g.staff, now=now))
    except (teams.TeamNameTaken, teams.TeamNameNeeded) as refusal:
        return _team_page(team_id, form.refuse("name", refusal)), status_of(refusal)
    say("team_renamed")
    return redirect(f"/console/teams/{team_id}", 303)


@bp.post("/<team_id>/switch-off")
@guarded(Permission.MANAGE_POSTS)
def switch_off(team_id: str) -> ResponseReturnValue:
    return _switch(team_id, is_active=False)


@bp.post("/<team_id>/switch-on")
@guarded(Permission.MANAGE_POSTS)
def switch_on(team_id: str) -> ResponseReturnValue:
    return _switch(team_id, is_active=True)


def _switch(team_id: str, *, is_active: bool) -> ResponseReturnValue:
    now = utc_now()
    store.write(lambda session: teams.switch_team(session, public_id=team_id, is_active=is_active, by=g.staff, now=now))
    say("team_switched_on" if is_active else "team_switched_off")
    return redirect(f"/console/teams/{team_id}", 303)


def _add(session: Session, form: TeamForm) -> str:
    place = picking.get_place(session, public_id=form.place)
    return teams.add_team(session, place=place, name=form.name, by=g.staff, now=utc_now()).public_id


def _new_page(form: Form[Any], place_id: str) -> str:
    named = request.args.get("q", "")[: picking.LONGEST_SEARCH]

    def work(session: Session) -> dict[str, Any]:
        place = picking.get_place(session, public_id=place_id) if place_id else None
        return {"place": place, "found": picking.find_places(session, named=named) if place is None else []}

    return render_template("console/teams/new.html", form=form, named=named, **store.read(work))


def _team_page(team_id: str, form: Form[Any] | None = None) -> str:
    now = utc_now()

    def work(session: Session) -> dict[str, Any]:
        team, row = teams.get_team(session, public_id=team_id)
        return {"team": row, "members": directory.holders_of_team(session, team=team, now=now)}

    shown = store.read(work)
    return render_template("console/teams/team.html", form=form or blank_form(name=shown["team"].name), **shown)
