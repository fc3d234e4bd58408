"""Is this process ready? Checked from the inside, told in codes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.errors import Unavailable
from server.jobs import WORKER, WORKER_BEAT_SECONDS, last_beat
from server.migrations import head_revision
from server.parts import Parts
from server.wechat.tokens import token_age_left


class State(StrEnum):
    """`degraded`: people are served, somebody must look. `down`: send nobody here."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Readiness:
    state: State
    checks: dict[str, str]


def check_readiness(parts: Parts, now: datetime) -> Readiness:
    """Database and missing migrations decide whether to serve; a quiet worker, an old token, a database that newer code has
    migrated already only degrade: help goes on."""
    try:
        checks = parts.database.read(lambda session: _checks(session, parts, now))
    except (Unavailable, SQLAlchemyError):
        return Readiness(State.DOWN, {"database": "unreachable"})
    if checks["migrations"] in {"none", "behind"}:
        return Readiness(State.DOWN, checks)
    return Readiness(State.OK if set(checks.values()) == {"ok"} else State.DEGRADED, checks)


def _checks(session: Session, parts: Parts, now: datetime) -> dict[str, str]:
    checks = {"database": "ok", "migrations": _migrations(session)}
    if checks["migrations"] in {"ok", "ahead"}:
        checks["worker"] = _worker(session, now)
        checks["token"] = _token(session, parts.settings.wechat_oa_app_id, now)
    return checks


def _migrations(session: Session) -> str:
    if not sa.inspect(session.connection()).has_table("alembic_version"):
        return "none"
    current = session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if current == head_revision():
        return "ok"
    # Files are numbered: a later number was written by newer code, which is being rolled out just now.
    return "ahead" if current is not None and current > head_revision() else "behind"


def _worker(session: Session, now: datetime) -> str:
    beat = last_beat(session, WORKER)
    if beat is None:
        return "never_seen"
    return "ok" if now - beat < timedelta(seconds=WORKER_BEAT_SECONDS * 3) else "silent"


def _token(session: Session, app_id: str, now: datetime) -> str:
    left = token_age_left(session, app_id=app_id, now=now)
    if left is None:
        return "none"
    return "ok" if left > timedelta(0) else "expired"
