"""What each role may do: the one table from which guards, menus and tests derive.

Conditions that hang on a record (on duty now, assigned to me) are checked by the record's owner, not here.
"""

from enum import StrEnum


class Role(StrEnum):
    DUTY_OFFICER = "duty_officer"
    SUPERVISOR = "supervisor"


class Permission(StrEnum):
    WATCH_ALERTS = "watch_alerts"
    ACKNOWLEDGE_ALERT = "acknowledge_alert"
    READ_CONTACT = "read_contact"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.DUTY_OFFICER: frozenset({Permission.WATCH_ALERTS, Permission.ACKNOWLEDGE_ALERT, Permission.READ_CONTACT}),
    Role.SUPERVISOR: frozenset({Permission.WATCH_ALERTS}),
}


def roles_with(permission: Permission) -> frozenset[Role]:
    return frozenset(role for role, granted in PERMISSIONS.items() if permission in granted)
