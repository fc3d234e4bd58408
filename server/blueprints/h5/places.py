"""Places to walk into, for everybody: nearest first where a scanned code tells where somebody stands."""

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from server.blueprints.requests import parts
from server.clock import utc_now
from server.ids import is_printed_code
from server.organisations import service as organisations
from server.organisations import service_points
from server.organisations.models import Organisation
from server.pagination import Asked, Page

bp = Blueprint("h5_places", __name__)


@bp.get("/h5/places")
def places() -> str:
    code = request.args.get("from", "")
    asked = Asked(cursor=request.args.get("page", ""))

    def work(session: Session) -> tuple[Organisation | None, Page[service_points.OpenPoint]]:
        point = organisations.find_entry_point(session, code)
        near = session.get(Organisation, point.organisation_id) if point else None
        return near, service_points.list_open(session, near=near, asked=asked)

    near, page = parts().database.read(work)
    parts().places_in_sight.note(bool(page.rows), utc_now())
    return render_template("h5/places.html", page=page, near=near, code=code if is_printed_code(code) else "")
