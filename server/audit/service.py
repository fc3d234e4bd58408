"""Record acts and verify the chain."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.audit.models import AuditEvent, AuditHead
from server.db import before_commit, vault_of
from server.vault import CannotOpen, Place

_HEAD = 1
_PENDING = "xinqiao_audit_pending"
_GENESIS = bytes(32)
_PAGE = 1000
SYSTEM = ("system", "-")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, before it has a place in the chain."""

    at: datetime
    actor_kind: str
    actor_id: str
    action: str
    object_kind: str
    object_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: the rows that were read, and the first fault, if there is one."""

    rows: int
    head_seq: int
    head_digest: str
    fault: str | None


def record(
    session: Session,
    *,
    actor: tuple[str, str],
    action: str,
    object_kind: str,
    object_id: str,
    now: datetime,
    reason: str = "-",
) -> None:
    """Add an act to the trail. It is written just before this transaction commits, and only if it does."""
    entry = Entry(now, actor[0], actor[1], action, object_kind, object_id, reason)
    session.info.setdefault(_PENDING, []).append(entry)
    before_commit(session, "audit", _append_pending)


def _append_pending(session: Session) -> None:
    entries: list[Entry] = session.info.pop(_PENDING, [])
    head = _lock_head(session)
    key = _chain_key(session, head)
    seq, previous = head.seq, head.digest
    for entry in entries:
        seq += 1
        digest = _digest(key, seq, entry, previous)
        values = {name: getattr(entry, name) for name in Entry.__slots__}
        session.execute(sa.insert(AuditEvent).values(seq=seq, previous=previous, digest=digest, **values))
        previous = digest
    session.execute(sa.update(AuditHead).where(AuditHead.id == _HEAD).values(seq=seq, digest=previous))


def _lock_head(session: Session) -> AuditHead:
    head = session.scalar(
        sa.select(AuditHead).where(AuditHead.id == _HEAD).with_for_update().execution_options(populate_existing=True)
    )
    if head is not None:
        return head
    sealed = vault_of(session).seal(secrets.token_bytes(32), _key_place())
    try:
        with session.begin_nested():
            session.add(AuditHead(id=_HEAD, seq=0, digest=_GENESIS, key_sealed=sealed))
    except IntegrityError:
        pass  # another process wrote the first act of all in the same instant
    return session.scalars(
        sa.select(AuditHead).where(AuditHead.id == _HEAD).with_for_update().execution_options(populate_existing=True)
    ).one()


def _key_place() -> Place:
    return Place("audit_head", str(_HEAD), "key_sealed")


def _chain_key(session: Session, head: AuditHead) -> bytes:
    return vault_of(session).open(head.key_sealed, _key_place())


def _digest(key: bytes, seq: int, entry: Entry, previous: bytes) -> bytes:
    fields = [seq, *(str(getattr(entry, name)) for name in Entry.__slots__)]
    return hmac.digest(key, previous + json.dumps(fields).encode(), hashlib.sha256)


def verify(session: Session, *, known_heads: list[tuple[int, str]] | None = None) -> Verdict:
    """Walk the whole chain. `known_heads` are (seq, digest) copied elsewhere: they betray a chain rewritten with its key."""
    head = session.get(AuditHead, _HEAD)
    if head is None:
        rows = session.scalar(sa.select(sa.func.count()).select_from(AuditEvent)) or 0
        fault = "head_missing" if rows or known_heads else None
        return Verdict(rows, 0, _GENESIS.hex(), fault)
    try:
        key = _chain_key(session, head)
    except CannotOpen:
        return Verdict(0, head.seq, head.digest.hex(), "key_unreadable")
    fault, rows, previous = None, 0, _GENESIS
    wanted = dict(known_heads or [])
    while fault is None:
        page = session.scalars(
            sa.select(AuditEvent).where(AuditEvent.seq > rows).order_by(AuditEvent.seq).limit(_PAGE)
        ).all()
        if not page:
            break
        for row in page:
            fault = _fault_of(key, row, rows + 1, previous, wanted)
            if fault:
                break
            rows, previous = row.seq, row.digest
        session.expunge_all()
    if fault is None and (head.seq != rows or not hmac.compare_digest(head.digest, previous)):
        fault = f"truncated_after_{rows}"
    if fault is None and any(seq > rows for seq in wanted):
        fault = f"shorter_than_known_{max(wanted)}"
    return Verdict(rows, head.seq, head.digest.hex(), fault)


def _fault_of(key: bytes, row: AuditEvent, expected: int, previous: bytes, wanted: dict[int, str]) -> str | None:
    if row.seq != expected:
        return f"missing_{expected}"
    entry = Entry(*(getattr(row, name) for name in Entry.__slots__))
    if row.previous != previous or not hmac.compare_digest(row.digest, _digest(key, row.seq, entry, previous)):
        return f"changed_{row.seq}"
    if row.seq in wanted and wanted[row.seq] != row.digest.hex():
        return f"rewritten_before_{row.seq}"
    return None


def head_of(session: Session) -> tuple[int, str]:
    """(seq, digest) of the newest act, to be copied to another store."""
    head = session.get(AuditHead, _HEAD)
    return (head.seq, head.digest.hex()) if head else (0, _GENESIS.hex())
