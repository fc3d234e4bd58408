"""Choosing a place of the tree in a list's filters: where one stands, the way there, and what lies below."""

from dataclasses import dataclass

from flask import g
from sqlalchemy.orm import Session

from server.organisations import service as organisations
from server.organisations.models import Organisation


@dataclass(frozen=True, slots=True)
class PlaceChoice:
    """`chosen` is None for everything that may be seen. The way begins at the top of what may be seen."""

    chosen: Organisation | None
    way: list[Organisation]
    below: list[Organisation]

    @property
    def path(self) -> str | None:
        return self.chosen.path if self.chosen else None


def choose_place(session: Session, public_id: str) -> PlaceChoice:
    """For a session narrowed to the asker. Raises NotFound for a place outside, as for one that is not there.

    The district itself is everything, hence no choice.
    """
    node = organisations.get_node(session, public_id) if public_id else None
    if node is not None and not node.is_root:
        return PlaceChoice(node, organisations.way_to(session, node), organisations.list_children(session, node))
    tops = organisations.list_tops(session, [post.path for post in g.staff.posts if g.permission in post.permissions])
    is_one = len(tops) == 1
    return PlaceChoice(None, tops if is_one else [], organisations.list_children(session, tops[0]) if is_one else tops)
