"""The first page after signing in: what waits for whoever is asking."""

from flask import Blueprint, g, render_template

from server.accounts.policy import Permission
from server.blueprints.console import store, todo
from server.blueprints.console.guards import guarded
from server.clock import utc_now

bp = Blueprint("home", __name__, url_prefix="/console")


@bp.get("/")
@guarded(Permission.OWN_ACCOUNT)
def show() -> str:
    return render_template("console/home.html", tasks=_tasks())


@bp.get("/todo")
@guarded(Permission.OWN_ACCOUNT, is_poll=True)
def refresh() -> str:
    """The cards alone, for a home page that stays open."""
    return render_template("console/todo.html", tasks=_tasks())


def _tasks() -> list[todo.Task]:
    now = utc_now()
    return store.read(lambda session: todo.collect(session, staff=g.staff, now=now))
