"""What the pages of places share: what the address asks for, and how one chooses where something new belongs."""

from flask import g, render_template, request
from sqlalchemy.orm import Session

from server.accounts import ways
from server.blueprints.console import store
from server.blueprints.console.places import PlaceChoice, choose_place
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


def pick_place(*, key: str, form: str) -> str:
    """A page to walk or search through the tree; `form` ends the address of each place's own form."""

    def work(session: Session) -> tuple[PlaceChoice, list[Organisation], dict[str, list[ways.Step]]]:
        choice = choose_place(session, request.args.get("place", ""))
        found = tree.search_places(session, words=words()) if words() else choice.way[-1:] + choice.below
        return choice, found, ways.ways_to(session, found)

    choice, places, way = store.read(work)
    return render_template(
        "console/pick_place.html", key=key, form=form, choice=choice, places=places, way=way, words=words()
    )
