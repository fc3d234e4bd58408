"""What each role may do, as the permission map says it, and one's own posts beside it."""

from flask import Blueprint, g, render_template

from server.accounts import directory
from server.accounts.policy import CONDITIONS, PERMISSIONS, Permission, Role, needs_second_factor
from server.blueprints.console import store
from server.blueprints.console.guards import guarded
from server.clock import utc_now

bp = Blueprint("roles", __name__, url_prefix="/console/roles")


@bp.get("")
@guarded(Permission.OWN_ACCOUNT)
def show() -> str:
    mine = store.read(lambda session: directory.own_posts(session, staff=g.staff, now=utc_now()))
    return render_template(
        "console/roles.html",
        mine=mine,
        held=g.staff.roles,
        roles=list(Role),
        permissions=list(Permission),
        granted=PERMISSIONS,
        conditions=CONDITIONS,
        with_factor={role for role in Role if needs_second_factor([role])},
    )
