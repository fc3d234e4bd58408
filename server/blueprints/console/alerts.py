"""The list of all alerts: who watches looks back further than the duty screen does."""

from typing import Literal

from flask import Blueprint, g, render_template, request

from server.accounts.policy import Permission
from server.blueprints.console import store
from server.blueprints.console.forms import FormModel, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.console.places import choose_place
from server.crisis import overview
from server.crisis.models import SourceKind
from server.pagination import Asked
from server.risk.grades import Grade

bp = Blueprint("alerts", __name__, url_prefix="/console/alerts")


class FilterForm(FormModel):
    state: overview.AlertState | None = None
    grade: Grade | None = None
    source: SourceKind | None = None
    reach: Literal["yes", "no"] | None = None
    place: str = ""

    def as_filters(self, below: str | None) -> overview.Filters:
        is_reachable = None if self.reach is None else self.reach == "yes"
        return overview.Filters(self.state, self.grade, self.source, is_reachable, below)


@bp.get("")
@guarded(Permission.WATCH_ALERTS)
def listing() -> str:
    form = read_form(FilterForm, request.args)
    wanted = form.value or FilterForm()
    asked = Asked(request.args.get("sort", ""), request.args.get("page", ""))
    place = store.read(lambda session: choose_place(session, wanted.place))
    page = store.read(
        lambda session: overview.list_alerts(session, staff=g.staff, filters=wanted.as_filters(place.path), asked=asked)
    )
    return render_template(
        "console/alerts.html",
        page=page,
        form=form,
        place=place,
        states=overview.AlertState,
        grades=Grade,
        sources=SourceKind,
    )
