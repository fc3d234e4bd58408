"""The way down to a place, for the top of its page."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.scope import EVERYWHERE
from server.organisations.models import Organisation


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the way. Above what the asker may see it has a name and no address."""

    name: str
    public_id: str | None


def way_to(session: Session, place: Organisation) -> list[Step]:
    """From the district down to the place itself."""
    return ways_to(session, [place])[place.public_id]


def ways_to(session: Session, places: Iterable[Organisation]) -> dict[str, list[Step]]:
    """The way to each of these places, by the place's public id, in two questions for all."""
    steps = {place.public_id: [int(step) for step in place.path.strip("/").split("/")] for place in places}
    ids = {step for way in steps.values() for step in way}
    in_sight = set(session.scalars(sa.select(Organisation.id).where(Organisation.id.in_(ids))))
    rows = session.execute(
        sa.select(Organisation.id, Organisation.name, Organisation.public_id).where(Organisation.id.in_(ids)),
        execution_options=EVERYWHERE,
    )
    known = {row.id: Step(row.name, row.public_id if row.id in in_sight else None) for row in rows}
    return {public_id: [known[step] for step in way] for public_id, way in steps.items()}
