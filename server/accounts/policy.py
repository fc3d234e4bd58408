"""What each role may do: the one table from which guards, menus and tests derive.

A permission opens pages; which rows they show is scope's (scope.py), and what hangs on a record (taken over by me) is the
record's owner's: CONDITIONS names such permissions, so that nobody takes the table for the whole truth.
"""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What a post is held as. Volunteers and guardians have no account here."""

    EDITOR = "editor"
    CLINICAL_REVIEWER = "clinical_reviewer"
    CLERK = "clerk"
    COUNSELLOR = "counsellor"
    SCHOOL_COUNSELLOR = "school_counsellor"
    DUTY_OFFICER = "duty_officer"
    SUPERVISOR = "supervisor"
    RESPONSIBLE_PERSON = "responsible_person"
    CUSTODIAN = "custodian"
    DISTRICT_MANAGER = "district_manager"
    AUDITOR = "auditor"
    SECURITY_ADMINISTRATOR = "security_administrator"
    SYSTEM_ADMINISTRATOR = "system_administrator"


class Permission(StrEnum):
    OWN_ACCOUNT = "own_account"  # the home page, one's password, second factor, sessions, one's own acts

    WATCH_ALERTS = "watch_alerts"  # grade, place, clock; never words
    ACKNOWLEDGE_ALERT = "acknowledge_alert"
    READ_CONTACT = "read_contact"  # number and chat words
    CLOSE_ALERT = "close_alert"

    SEE_PLACES = "see_places"  # the tree, departments, service points
    MANAGE_PLACES = "manage_places"
    SEE_ENTRY_POINTS = "see_entry_points"  # codes on walls, their posters and counts
    MANAGE_ENTRY_POINTS = "manage_entry_points"

    SEE_STAFF = "see_staff"
    MANAGE_ACCOUNTS = "manage_accounts"  # invite, switch off, end sessions, ask for a reset
    MANAGE_POSTS = "manage_posts"
    APPROVE_RESET = "approve_reset"  # of somebody's second factor: a second person
    EXPORT = "export"
    APPROVE_EXPORT = "approve_export"

    SEE_TRAIL = "see_trail"  # all acts, no words
    SEE_TEAM_TRAIL = "see_team_trail"  # the acts of colleagues within one's scope
    VERIFY_TRAIL = "verify_trail"
    SEE_SYSTEM = "see_system"  # processes, jobs, queues; nothing of people


P = Permission
_EVERYBODY = frozenset({P.OWN_ACCOUNT})
_DESK = frozenset({P.WATCH_ALERTS, P.ACKNOWLEDGE_ALERT, P.READ_CONTACT, P.CLOSE_ALERT})
_MAP = frozenset({P.SEE_PLACES, P.SEE_ENTRY_POINTS})
_POSTERS = _MAP | {P.MANAGE_ENTRY_POINTS}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.EDITOR: _EVERYBODY | _MAP,
    Role.CLINICAL_REVIEWER: _EVERYBODY,
    Role.CLERK: _EVERYBODY | _POSTERS | {P.EXPORT},
    Role.COUNSELLOR: _EVERYBODY | {P.SEE_PLACES},
    Role.SCHOOL_COUNSELLOR: _EVERYBODY | {P.SEE_PLACES, P.WATCH_ALERTS},
    Role.DUTY_OFFICER: _EVERYBODY | {P.SEE_PLACES} | _DESK,
    Role.SUPERVISOR: _EVERYBODY | {P.SEE_PLACES, P.SEE_STAFF, P.WATCH_ALERTS, P.CLOSE_ALERT, P.SEE_TEAM_TRAIL},
    Role.RESPONSIBLE_PERSON: _EVERYBODY
    | {P.SEE_PLACES, P.SEE_STAFF, P.WATCH_ALERTS, P.SEE_TRAIL, P.EXPORT, P.APPROVE_EXPORT, P.APPROVE_RESET},
    Role.CUSTODIAN: _EVERYBODY,
    Role.DISTRICT_MANAGER: _EVERYBODY
    | _POSTERS
    | {P.MANAGE_PLACES, P.SEE_STAFF, P.MANAGE_POSTS, P.APPROVE_RESET, P.EXPORT, P.APPROVE_EXPORT},
    Role.AUDITOR: _EVERYBODY | {P.SEE_TRAIL, P.VERIFY_TRAIL, P.EXPORT},
    Role.SECURITY_ADMINISTRATOR: _EVERYBODY
    | {P.SEE_PLACES, P.SEE_STAFF, P.MANAGE_ACCOUNTS, P.MANAGE_POSTS, P.APPROVE_RESET},
    Role.SYSTEM_ADMINISTRATOR: _EVERYBODY | {P.SEE_PLACES, P.SEE_SYSTEM},
}

# Also asked of the record itself, by its owner.
CONDITIONS: dict[Permission, str] = {
    P.READ_CONTACT: "the alert was taken over by whoever asks (crisis.desk)",
    P.CLOSE_ALERT: "the alert was taken over by whoever asks, or they supervise (crisis.desk)",
    P.APPROVE_RESET: "neither asked for it nor is the one whose factor it is (accounts.resets)",
    P.APPROVE_EXPORT: "did not ask for it (accounts.exports)",
}

# Words of people: who holds one of these signs in with a second factor.
_WORDS = frozenset({P.READ_CONTACT})
# So does who could let somebody in, or tell what others did.
_KEYS = frozenset({P.MANAGE_ACCOUNTS, P.MANAGE_POSTS, P.SEE_TRAIL, P.SEE_SYSTEM, P.APPROVE_RESET, P.APPROVE_EXPORT})

# Three persons, never one: each could cover what another does.
ADMINISTRATORS = frozenset({Role.AUDITOR, Role.SECURITY_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR})
# Held for the whole district or not at all: their powers know no area.
DISTRICT_ROLES = ADMINISTRATORS | {Role.CUSTODIAN, Role.DISTRICT_MANAGER, Role.RESPONSIBLE_PERSON}
_ORDINARY = frozenset(Role) - DISTRICT_ROLES

# Who may give which posts. Nobody gives one to themselves.
GIVES: dict[Role, frozenset[Role]] = {
    Role.SECURITY_ADMINISTRATOR: frozenset(Role),
    Role.DISTRICT_MANAGER: _ORDINARY,
}


def roles_with(permission: Permission) -> frozenset[Role]:
    return frozenset(role for role, granted in PERMISSIONS.items() if permission in granted)


def needs_second_factor(roles: Iterable[Role]) -> bool:
    return any(PERMISSIONS[role] & (_WORDS | _KEYS) for role in roles)


def may_be_together(one: Role, other: Role) -> bool:
    """Whether one person may hold both: never two administrators, never an administrator who reads people's words."""
    if one is other:
        return True
    if {one, other} <= ADMINISTRATORS:
        return False
    return not any(
        first in ADMINISTRATORS and PERMISSIONS[second] & _WORDS for first, second in ((one, other), (other, one))
    )
