"""The tree of places, and what a code on a wall means."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from server.blueprints.miniapp import examples
from server.blueprints.miniapp.caching import public
from server.blueprints.miniapp.idempotency import IdempotencyKey, once
from server.blueprints.miniapp.marks import public_content, refuses
from server.blueprints.miniapp.schemas import EntryOut, In, OrganisationOut, OrganisationsOut
from server.blueprints.requests import parts
from server.clock import utc_now
from server.errors import Unavailable
from server.ids import PUBLIC_ID_LENGTH
from server.organisations import service as organisations
from server.organisations.doors import DoorCode
from server.organisations.service import Entry, EntryPointState
from server.pagination import DEFAULT_SIZE, LARGEST_SIZE, Cursors
from server.texts import text

bp = APIBlueprint("places", __name__, tag="Places", url_prefix="")


class OrganisationsQuery(In):
    parent_id: str = Field(default="", max_length=PUBLIC_ID_LENGTH, description="Only what lies directly below it.")
    cursor: str = Field(default="", max_length=300)
    limit: int = Field(default=DEFAULT_SIZE, ge=1, le=LARGEST_SIZE)


@bp.get("/organisations")
@bp.input(OrganisationsQuery, location="query")
@bp.output(OrganisationsOut, example=examples.ORGANISATIONS)
@public_content
@refuses(404)
def list_organisations(query_data: OrganisationsQuery) -> Response:
    """Districts, streets, communities, schools, companies, page by page"""
    cursors = Cursors(parts().settings.secret_key)
    what = f"organisations:{query_data.parent_id}"
    after = cursors.read(what, query_data.cursor) if query_data.cursor else (0,)
    rows = parts().database.read(
        lambda session: organisations.list_after(
            session, after_id=int(after[0]), size=query_data.limit, parent_public_id=query_data.parent_id
        )
    )
    page = cursors.page(what, rows, query_data.limit, lambda row: (row[0].id,))
    shown = [
        OrganisationOut(id=node.public_id, name=node.name, level=node.level, parent_id=parent)
        for node, parent in page.rows
    ]
    return public(OrganisationsOut(organisations=shown, next_cursor=page.next_cursor))


@bp.get("/entry-points/<code>")
@bp.output(EntryOut, example=examples.ENTRY)
def show_entry(code: str) -> EntryOut:
    """What a code on a wall means now; never a refusal, for the paper hangs there"""
    return _entry_out(parts().database.read(lambda session: _look_up(session, code)))


@bp.post("/entry-points/<code>/scans")
@bp.input(IdempotencyKey, location="headers")
@bp.output(EntryOut, example=examples.ENTRY)
@refuses(409, 422)
def scan(code: str, headers_data: IdempotencyKey) -> Response | EntryOut:
    """The code was scanned: the same answer, and one more in the day's count"""
    try:
        return once("", headers_data, 200, lambda session: _entry_out(_count(session, code)))
    except Unavailable:
        # A count is worth nobody's way: where it cannot be written, the code still leads on.
        return _entry_out(parts().database.read(lambda session: _look_up(session, code)))


def _look_up(session: Session, code: str) -> Entry:
    return organisations.look_up_entry(session, doors=parts().doors, code=code, now=utc_now())


def _count(session: Session, code: str) -> Entry:
    entry = _look_up(session, code)
    if entry.entry_point_id is not None:
        organisations.count_use(session, entry_point_id=entry.entry_point_id, what="scans", now=utc_now())
    return entry


def _entry_out(entry: Entry) -> EntryOut:
    message = None
    if entry.state is not EntryPointState.OPEN:
        message = text(f"h5.entry_title_{entry.state}")
    return EntryOut(
        state=entry.state,
        place=entry.place,
        opens=entry.opens,
        door=DoorCode(entry.door) if entry.door else None,
        target=entry.target,
        message=message,
    )
