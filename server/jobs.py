"""What processes know of one another: leases (who may do it now) and heartbeats (who still lives). No domain is imported."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.db import Base, ascii_string

WORKER = "worker"
WORKER_BEAT_SECONDS = 10


class Lease(Base):
    """Who may do a named work until when. Taken and extended by a compare-and-set, so that two never hold it."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    owner: Mapped[str] = mapped_column(ascii_string(64))
    until: Mapped[datetime]


class Heartbeat(Base):
    """The last sign of life of a kind of process."""

    __tablename__ = "heartbeats"
    process: Mapped[str] = mapped_column(ascii_string(32), primary_key=True)
    beat_at: Mapped[datetime]


def take_lease(session: Session, *, name: str, owner: str, now: datetime, seconds: float) -> bool:
    """Take or extend the lease; False when somebody else holds it."""
    until = now + timedelta(seconds=seconds)
    free_or_mine = sa.or_(Lease.until <= now, Lease.owner == owner)
    taken = session.execute(sa.update(Lease).where(Lease.name == name, free_or_mine).values(owner=owner, until=until))
    if _rows(taken):
        return True
    if session.scalar(sa.select(Lease.name).where(Lease.name == name)) is not None:
        return False
    try:
        with session.begin_nested():
            session.execute(sa.insert(Lease).values(name=name, owner=owner, until=until))
    except IntegrityError:
        return False
    return True


def release_lease(session: Session, *, name: str, owner: str, now: datetime) -> None:
    session.execute(sa.update(Lease).where(Lease.name == name, Lease.owner == owner).values(until=now))


def beat(session: Session, *, process: str, now: datetime) -> None:
    if not _rows(session.execute(sa.update(Heartbeat).where(Heartbeat.process == process).values(beat_at=now))):
        try:
            with session.begin_nested():
                session.execute(sa.insert(Heartbeat).values(process=process, beat_at=now))
        except IntegrityError:
            pass  # another worker was born in the same instant


def last_beat(session: Session, process: str) -> datetime | None:
    return session.scalar(sa.select(Heartbeat.beat_at).where(Heartbeat.process == process))


def _rows(result: sa.Result[tuple[()]]) -> int:
    count = getattr(result, "rowcount", 0)
    return int(count)
