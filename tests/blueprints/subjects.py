"""For the walker: a record behind each kind of id in an address, and the form that a page wants.

A route with a parameter of a new kind adds its subject here, a route whose form must be filled its form. The walker does
the rest: it calls every route as every role and as a stranger.
"""

from collections.abc import Callable
from dataclasses import dataclass

from server.ids import new_public_id
from tests.blueprints.world import World
from tests.canaries import PHONE


@dataclass(frozen=True)
class Subject:
    """`own` makes a record in the first street, `foreign` one in the second, both anew at each call; they return the id.

    What is the same for everybody (an instrument) has no foreign one.
    """

    own: Callable[[World], str]
    foreign: Callable[[World], str] | None = None
    missing: Callable[[], str] = new_public_id


SUBJECTS: dict[str, Subject] = {
    "alert_id": Subject(
        own=lambda world: world.raise_alert(world.communities[0], number=PHONE),
        foreign=lambda world: world.raise_alert(world.communities[1], number=PHONE),
    ),
    "code": Subject(own=lambda world: world.print_code(world.communities[0]), missing=lambda: "2222222222"),
    "entry_code": Subject(
        own=lambda world: world.print_code(world.communities[0]),
        foreign=lambda world: world.print_code(world.communities[1]),
        missing=lambda: "2222222222",
    ),
    "organisation_id": Subject(
        own=lambda world: world.communities[0].public_id, foreign=lambda world: world.communities[1].public_id
    ),
    "department_id": Subject(own=lambda world: world.add_department()),
    "service_point_id": Subject(
        own=lambda world: world.open_service_point(world.communities[0]),
        foreign=lambda world: world.open_service_point(world.communities[1]),
    ),
    "instrument_id": Subject(own=lambda world: "phq9", missing=lambda: "nothing"),
    "item_id": Subject(own=lambda world: "phq9_1", missing=lambda: "nothing"),
    "_form": Subject(own=lambda world: "start", missing=lambda: "nothing"),
}

POINT = {
    "name": "驿站",
    "address": "新村路 1 号",
    "phone": "020-88886666",
    "hours": "每天 9:00-17:00",
    "host_kind": "community_centre",
}
# Fields without which a page refuses the form before it looks for its record.
FORMS: dict[str, dict[str, str]] = {
    "duty.close": {"outcome": "reached"},
    "duty.read_contact": {"purpose": "call"},
    "organisations.add": {"name": "新村", "level": "community", "code": "N1"},
    "organisations.rename": {"name": "新村", "level": "community"},
    "departments.rename": {"name": "教育"},
    "service_points.add": POINT,
    "service_points.change": POINT,
    "entry_points.make": {"opens": "contact:", "kind": "plain"},
}
