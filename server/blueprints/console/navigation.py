"""The console's menu: one table, read in its order. Whoever brings a page adds its row here.

A row shows for whoever holds its permission, which is the one that the page's own guard asks for (a test compares them).
The first four that somebody may open stand in a phone's bottom bar, so what is used most stands first.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import g, request, url_for

from server.accounts.policy import Permission
from server.accounts.staff import Staff

IN_THE_BAR = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu. `key` and `group` are texts below `console.menu`, `icon` is one of pieces.html."""

    endpoint: str
    permission: Permission
    key: str
    icon: str
    group: str


ENTRIES: tuple[Entry, ...] = (
    Entry("home.show", Permission.OWN_ACCOUNT, "home", "home", "work"),
    Entry("duty.screen", Permission.WATCH_ALERTS, "duty", "bell", "work"),
    Entry("alerts.listing", Permission.WATCH_ALERTS, "alerts", "list", "work"),
    Entry("people.staff.show_list", Permission.SEE_STAFF, "staff", "people", "people"),
    Entry("teams.show_list", Permission.SEE_STAFF, "teams", "list", "people"),
    Entry("roles.show", Permission.OWN_ACCOUNT, "roles", "key", "people"),
    Entry("resets.show", Permission.APPROVE_RESET, "resets", "key", "people"),
    Entry("trail.listing", Permission.SEE_TRAIL, "trail", "trail", "trail"),
    Entry("trail.team", Permission.SEE_TEAM_TRAIL, "trail_team", "trail", "trail"),
    Entry("trail.mine", Permission.OWN_ACCOUNT, "trail_mine", "person", "mine"),
    Entry("account.show", Permission.OWN_ACCOUNT, "account", "person", "mine"),
    Entry("entry_points.index", Permission.SEE_ENTRY_POINTS, "entry_points", "code", "places"),
    Entry("service_points.index", Permission.SEE_PLACES, "service_points", "phone", "places"),
    Entry("organisations.index", Permission.SEE_PLACES, "places", "tree", "places"),
    Entry("departments.index", Permission.SEE_PLACES, "departments", "list", "places"),
    Entry("exports.own", Permission.EXPORT, "exports", "list", "sheets"),
    Entry("exports.waiting", Permission.APPROVE_EXPORT, "exports_waiting", "list", "sheets"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """An entry as this page shows it."""

    key: str
    icon: str
    group: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """For the desk by groups, for a phone a few in the bar and the rest behind "more"."""

    groups: list[tuple[str, list[Item]]]
    in_bar: list[Item]
    behind: list[Item]


def menu_of(staff: Staff, endpoint: str) -> list[Item]:
    """What this colleague may open, in the table's order; what is open is marked, else the first of its blueprint."""
    open_to = [entry for entry in ENTRIES if staff.may(entry.permission)]
    family = endpoint.partition(".")[0]
    current = next((one for one in open_to if one.endpoint == endpoint), None) or next(
        (one for one in open_to if one.endpoint.partition(".")[0] == family), None
    )
    return [Item(one.key, one.icon, one.group, url_for(one.endpoint), one is current) for one in open_to]


def menu() -> Menu:
    """For the shell."""
    items = menu_of(g.staff, request.endpoint or "")
    names = dict.fromkeys(item.group for item in items)
    groups = [(name, [item for item in items if item.group == name]) for name in names]
    return Menu(groups, items[:IN_THE_BAR], items[IN_THE_BAR:])


def address_with(**changes: str) -> str:
    """This page's address with some of its query changed: a sort keeps the filters. An empty value leaves the address."""
    query = {name: value for name, value in (request.args.to_dict() | changes).items() if value}
    return f"{request.path}?{urlencode(query)}" if query else request.path
