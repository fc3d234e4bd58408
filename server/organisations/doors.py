"""What stands behind a code: organisations keeps a door and a target as codes, the domain behind the door explains them.

Filled in create_app(), so that no import points upward.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Protocol


class DoorCode(StrEnum):
    """Every door that a code, a menu button or a keyword may name; only some are open."""

    HOME = "home"
    ASSESSMENT = "assessment"
    CONTACT = "contact"
    HELP = "help"
    MAILBOX = "mailbox"
    BOOKING = "booking"
    COURSE = "course"


class Door(Protocol):
    """A door that is open: where it leads, and how its target is called."""

    @property
    def code(self) -> DoorCode: ...

    @property
    def targets(self) -> Sequence[str]:
        """What may stand behind it, in the order in which it is offered; empty for the door itself."""
        ...

    def has_target(self, target: str) -> bool: ...

    def name_of(self, target: str) -> str: ...

    def path_of(self, target: str) -> str:
        """The address on this site, beginning with a slash."""
        ...


class Doors:
    """The doors that are open in this installation."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self._doors = {door.code: door for door in doors}

    def find(self, code: str) -> Door | None:
        return self._doors.get(DoorCode(code)) if code in set(DoorCode) else None

    def name_of(self, code: str, target: str) -> str | None:
        """What stands behind a code; None when that is no longer open."""
        door = self.find(code)
        return door.name_of(target) if door is not None and door.has_target(target) else None

    def is_open(self, code: DoorCode) -> bool:
        return code in self._doors

    def __iter__(self) -> Iterator[Door]:
        return iter(self._doors.values())
