"""What the pages of places share: where the asker's posts stand, how a place is picked, where a list begins."""

from flask import g, render_template, request
from sqlalchemy.orm import Session

from server.accounts import ways
from server.blueprints.console import store
from server.organisations import tree
from server.organisations.models import Organisation
from server.pagination import Asked

_LONGEST_WORDS = 60


def asked() -> Asked:
    return Asked(request.args.get("sort", ""), request.args.get("page", ""))


def words() -> str:
    return request.args.get("q", "").strip()[:_LONGEST_WORDS]


def own_paths() -> list[str]:
    """Where the posts stand that open this page."""
    return [post.path for post in g.staff.posts if g.permission in post.permissions]


def areas(session: Session, also: Organisation | None) -> list[tuple[str, str]]:
    """To filter a list by: the asker's own places and those right below; and the one that is asked for, deeper down."""
    found = {node.public_id: node.name for node in tree.areas_of(session, own_paths())}
    if also is not None:
        found.setdefault(also.public_id, also.name)
    return list(found.items())


def place_asked_for(session: Session) -> Organisation | None:
    """The filter's place. Raises NotFound for one that is not there or not in sight."""
    public_id = request.args.get("place", "")
    return tree.get_place(session, public_id) if public_id else None


def pick_place(*, key: str, below: str) -> str:
    """A page to choose where something new belongs; `below` ends the address of each place's own form."""

    def work(session: Session) -> tuple[list[Organisation], dict[str, list[ways.Step]]]:
        typed = words()
        places = tree.search_places(session, words=typed) if typed else tree.areas_of(session, own_paths())
        return places, ways.ways_to(session, places)

    places, way = store.read(work)
    return render_template("console/pick_place.html", key=key, below=below, places=places, way=way, words=words())
