"""Accounts of colleagues: invite, invite anew, switch off and on, end sessions, ask for a reset of the second factor."""

from datetime import timedelta
from typing import Annotated, Any

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy.orm import Session

from server.accounts import directory, invitations, leaving, resets
from server.accounts.leaving import Reason
from server.accounts.policy import Permission
from server.accounts.staff_models import StaffMember
from server.blueprints.console import store
from server.blueprints.console.flashes import say
from server.blueprints.console.forms import Form, FormModel, blank_form, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.console.staff import colleague_page
from server.blueprints.console.staff_posts import PostForm, options_at, refuse_beside, wanted_from
from server.blueprints.errors import status_of
from server.blueprints.requests import parts
from server.clock import local_day, utc_now
from server.errors import DomainError

bp = Blueprint("staff_accounts", __name__, url_prefix="/console/staff")
_LINK_HOURS = invitations.LASTS // timedelta(hours=1)


class InviteForm(PostForm):
    display_name: Annotated[str, Field(max_length=40)]
    login_name: Annotated[str, Field(max_length=64)]


class OffForm(FormModel):
    off_reason: Reason


class ResetForm(FormModel):
    reset_reason: Annotated[str, Field(max_length=resets.LONGEST_REASON)]


@bp.get("/new")
@guarded(Permission.MANAGE_ACCOUNTS)
def show_new() -> str:
    return _invite_page(blank_form(starts_on=local_day(utc_now())), request.args.get("place", ""))


@bp.post("/new")
@guarded(Permission.MANAGE_ACCOUNTS)
def invite() -> ResponseReturnValue:
    form = read_form(InviteForm)
    if (filled := form.value) is None:
        return _invite_page(form, request.form.get("place", "")), 422
    try:
        member, token = store.write(lambda session: _invite(session, filled))
    except DomainError as refusal:
        refuse_beside(form, refusal)
        return _invite_page(form, form.typed["place"]), status_of(refusal)
    return _link_page(member, token), 201


@bp.post("/<staff_id>/invite-again")
@guarded(Permission.MANAGE_ACCOUNTS)
def invite_again(staff_id: str) -> ResponseReturnValue:
    """For whom a link ran out, and for who forgot their password: the second factor stays theirs."""
    member, token = store.write(
        lambda session: invitations.reinvite(session, staff_public_id=staff_id, by=g.staff, now=utc_now())
    )
    return _link_page(member, token)


@bp.post("/<staff_id>/switch-off")
@guarded(Permission.MANAGE_ACCOUNTS)
def switch_off(staff_id: str) -> ResponseReturnValue:
    form = read_form(OffForm)
    if (filled := form.value) is None:
        return colleague_page(staff_id, off_form=form), 422
    reason, domains = filled.off_reason, parts().domains_that_hand_over
    store.write(
        lambda session: leaving.switch_off(
            session, staff_public_id=staff_id, reason=reason, by=g.staff, domains=domains, now=utc_now()
        )
    )
    return _back_to(staff_id, "staff_switched_off")


@bp.post("/<staff_id>/switch-on")
@guarded(Permission.MANAGE_ACCOUNTS)
def switch_on(staff_id: str) -> ResponseReturnValue:
    store.write(lambda session: leaving.switch_on(session, staff_public_id=staff_id, by=g.staff, now=utc_now()))
    return _back_to(staff_id, "staff_switched_on")


@bp.post("/<staff_id>/end-sessions")
@guarded(Permission.MANAGE_ACCOUNTS)
def end_sessions(staff_id: str) -> ResponseReturnValue:
    store.write(lambda session: invitations.end_sessions(session, staff_public_id=staff_id, by=g.staff, now=utc_now()))
    return _back_to(staff_id, "staff_sessions_ended")


@bp.post("/<staff_id>/reset-factor")
@guarded(Permission.MANAGE_ACCOUNTS)
def ask_for_reset(staff_id: str) -> ResponseReturnValue:
    form = read_form(ResetForm)
    if (filled := form.value) is None:
        return colleague_page(staff_id, reset_form=form), 422
    try:
        store.write(lambda session: _ask_for_reset(session, staff_id, filled))
    except resets.AskedAlready as refusal:
        return colleague_page(staff_id, reset_form=form.refuse("reset_reason", refusal)), status_of(refusal)
    return _back_to(staff_id, "reset_asked")


def _ask_for_reset(session: Session, staff_id: str, form: ResetForm) -> None:
    member = directory.get_member(session, public_id=staff_id)
    resets.ask(session, login_name=member.login_name, reason=form.reset_reason, by=g.staff, now=utc_now())


def _invite(session: Session, form: InviteForm) -> tuple[StaffMember, str]:
    return invitations.invite(
        session,
        login_name=form.login_name.lower(),
        display_name=form.display_name,
        wanted=wanted_from(session, form),
        by=g.staff,
        now=utc_now(),
    )


def _invite_page(form: Form[Any], place_id: str) -> str:
    found = store.read(lambda session: options_at(session, place_id))
    return render_template("console/staff/invite.html", form=form, **found)


def _link_page(member: StaffMember, token: str) -> str:
    """The only time that the link is seen."""
    link = f"{parts().settings.public_base_url}/console/invitation/{token}"
    return render_template("console/staff/link.html", member=member, link=link, hours=_LINK_HOURS)


def _back_to(staff_id: str, said: str) -> ResponseReturnValue:
    say(said)
    return redirect(f"/console/staff/{staff_id}", 303)
