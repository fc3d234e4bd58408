"""A console list over 1,000,000 alerts in a tree of 5,000 places, beside the same list over 10,000: what growth costs.

Pages are fetched from the real web processes as a supervisor's browser would, of the whole district and of one street.
"""

import re
import secrets
import statistics
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from server.accounts.policy import Role
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, StaffSession
from server.clock import local_day, utc_now
from server.crisis.models import Alert, SourceKind
from server.db import Base, make_engine
from server.ids import new_public_id
from server.migrations import models as every_table
from server.organisations.models import Level, Organisation
from server.risk.grades import Grade
from server.vault import token_hash

STREETS, PLACES = 24, 5_000
_CHUNK = 5_000
_GRADES = [Grade.SERIOUS, Grade.HIGH, Grade.GENERAL]
assert every_table.METADATA  # what alerts point to must be known
_NEXT = re.compile(r'<a[^>]+rel="next"[^>]+href="([^"]+)"|<a[^>]+href="([^"]+)"[^>]+rel="next"')


def fill(url: str, alerts: int) -> dict[str, str]:
    """Tree, alerts and two supervisors, as rows. Returns the session tokens by what each may see."""
    engine = make_engine(url, read_timeout=600)
    with engine.begin() as connection:
        _insert(connection, Organisation, _tree())
        _insert(connection, Alert, _alerts(alerts))
        tokens = {
            "district": _supervisor(connection, 1),
            "street": _supervisor(connection, 2),
        }
    with engine.connect() as connection:  # as a database does by itself, sooner or later
        for table in ("alerts", "organisations"):
            statement = "ANALYZE" if url.startswith("sqlite") else f"ANALYZE TABLE {table}"
            connection.exec_driver_sql(statement)
    engine.dispose()
    return tokens


def _insert(connection: Connection, model: type[Base], rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, _CHUNK)):
        connection.execute(sa.insert(model.__table__), chunk)  # type: ignore[arg-type]


def _tree() -> Iterator[dict[str, Any]]:
    for number in range(1, PLACES + 1):
        parent = None if number == 1 else 1 if number <= STREETS + 1 else 2 + number % STREETS
        path = "/1/" if parent is None else f"/1/{number}/" if parent == 1 else f"/1/{parent}/{number}/"
        yield {
            "id": number,
            "public_id": new_public_id(),
            "code": f"P{number}",
            "name": f"地点{number}",
            "level": Level.COMMUNITY if number > STREETS + 1 else Level.STREET,
            "parent_id": parent,
            "path": path,
            "is_root": True if parent is None else None,
        }


def _alerts(count: int) -> Iterator[dict[str, Any]]:
    began = datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(1, count + 1):
        grade = _GRADES[number % 3]
        yield {
            "id": number,
            "public_id": new_public_id(),
            "organisation_id": 1 + number * 7919 % PLACES,
            "source_kind": SourceKind.RESPONSE,
            "source_public_id": f"source-{number}",
            "rule": "phq9_item9",
            "rule_version": "1",
            "grade": grade,
            "urgency": grade.rank,
            "is_minor": False,
            "is_reachable": number % 2 == 0,
            "raised_at": began + timedelta(seconds=30 * number),
            "rings_since": None,
            "acknowledged_at": None,
            "acknowledged_by": None,
        }


def _supervisor(connection: Connection, organisation_id: int) -> str:
    now, token = utc_now(), secrets.token_urlsafe(32)
    member = {
        "public_id": new_public_id(),
        "login_name": f"supervisor{organisation_id}",
        "display_name": "督导",
        "password_hash": "",
        "is_active": True,
        "created_at": now,
    }
    staff_id = connection.execute(sa.insert(StaffMember.__table__), member).inserted_primary_key[0]  # type: ignore[arg-type]
    post = {
        "public_id": new_public_id(),
        "staff_id": staff_id,
        "organisation_id": organisation_id,
        "role": Role.SUPERVISOR,
        "starts_on": local_day(now),
    }
    connection.execute(sa.insert(StaffPost.__table__), post)  # type: ignore[arg-type]
    session = {
        "token_hash": token_hash(token),
        "public_id": new_public_id(),
        "staff_id": staff_id,
        "kind": SessionKind.SCREEN,
        "created_at": now,
        "last_used_at": now,
        "second_factor_at": now,
    }
    connection.execute(sa.insert(StaffSession.__table__), session)  # type: ignore[arg-type]
    return token


# --- the browser ------------------------------------------------------------------------------------------------------


def get(port: int, address: str, token: str) -> tuple[str, float]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{address}", headers={"Cookie": f"xq_staff={token}"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        page = answer.read().decode()
    return page, time.perf_counter() - began


def follow(port: int, token: str, pages: int) -> str:
    """The address of a page so many pages on."""
    address = "/console/alerts"
    for _ in range(pages):
        page, _ = get(port, address, token)
        found = _NEXT.search(page)
        if found is None:
            raise SystemExit(f"bench: {address} has no next page")
        address = unescape(found.group(1) or found.group(2))
        if address.startswith("?"):
            address = f"/console/alerts{address}"
    return address


def seconds_for(port: int, addresses: Sequence[str], token: str, rounds: int) -> list[list[float]]:
    """Of each address its times, asked in turn."""
    times: list[list[float]] = [[] for _ in addresses]
    for number in range(rounds + 3):
        for address, row in zip(addresses, times, strict=True):
            _, took = get(port, address, token)
            if number >= 3:  # the first ones warm connections and caches
                row.append(took)
    return times


def ratio(many: list[float], few: list[float]) -> str:
    large, small = statistics.median(many), statistics.median(few)
    return f"{large * 1000:7.1f} ms   {small * 1000:7.1f} ms   ratio {large / small:.2f}, goal at most 1.5"
