"""Record acts and verify the chain."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a walk along the chain has come: the rows that are whole, and the digest of the last of them."""

    rows: int = 0
    digest: bytes = _GENESIS


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
    entry = Entry(now, actor[0], actor[1], str(action), object_kind, object_id, reason)
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
    in_utc = replace(entry, at=entry.at.astimezone(UTC))  # as it is read back: the digest covers the instant's text
    fields = [seq, *(str(getattr(in_utc, name)) for name in Entry.__slots__)]
    return hmac.digest(key, previous + json.dumps(fields).encode(), hashlib.sha256)


def verify(session: Session, *, known_heads: Iterable[tuple[int, str]] = (), page_size: int = _PAGE) -> Verdict:
    """Walk the whole chain. `known_heads` are (seq, digest) copied elsewhere: they betray a chain rewritten with its key."""
    known, progress = list(known_heads), Progress()
    while True:
        progress, verdict = verify_next(session, progress=progress, known_heads=known, page_size=page_size)
        if verdict is not None:
            return verdict


def verify_next(
    session: Session, *, progress: Progress, known_heads: Iterable[tuple[int, str]] = (), page_size: int = _PAGE
) -> tuple[Progress, Verdict | None]:
    """One page of the walk, on from `progress`; a verdict at the first fault or at the end.

    The chain may grow meanwhile: each page is read after the head, and head and rows are stored in one transaction, so
    where no row follows the last one the head read before must be that row.
    """
    known: dict[int, set[str]] = {}
    for seq, digest in known_heads:
        known.setdefault(seq, set()).add(digest)
    rows, previous = progress.rows, progress.digest
    head = session.get(AuditHead, _HEAD, populate_existing=True)
    page = session.scalars(
        sa.select(AuditEvent).where(AuditEvent.seq > rows).order_by(AuditEvent.seq).limit(page_size)
    ).all()
    if head is None:
        return progress, Verdict(0, 0, _GENESIS.hex(), "head_missing" if page or known else None)
    try:
        key = _chain_key(session, head)
    except CannotOpen:
        return progress, Verdict(rows, head.seq, head.digest.hex(), "key_unreadable")
    if not page:
        return progress, Verdict(rows, head.seq, head.digest.hex(), _fault_at_end(head, rows, previous, known))
    for row in page:
        fault = _fault_of(key, row, rows + 1, previous, known)
        if fault:
            return Progress(rows, previous), Verdict(rows, head.seq, head.digest.hex(), fault)
        rows, previous = row.seq, row.digest
        session.expunge(row)
    return Progress(rows, previous), None


def _fault_of(key: bytes, row: AuditEvent, expected: int, previous: bytes, known: Mapping[int, set[str]]) -> str | None:
    if row.seq != expected:
        return f"missing_{expected}"
    entry = Entry(*(getattr(row, name) for name in Entry.__slots__))
    if row.previous != previous or not hmac.compare_digest(row.digest, _digest(key, row.seq, entry, previous)):
        return f"changed_{row.seq}"
    if known.get(row.seq, set()) - {row.digest.hex()}:
        return f"rewritten_before_{row.seq}"
    return None


def _fault_at_end(head: AuditHead, rows: int, last: bytes, known: Mapping[int, set[str]]) -> str | None:
    if head.seq != rows or not hmac.compare_digest(head.digest, last):
        return f"truncated_after_{rows}"
    if known and max(known) > rows:
        return f"shorter_than_known_{max(known)}"
    return None


def head_of(session: Session) -> tuple[int, str]:
    """(seq, digest) of the newest act, to be copied to another store."""
    head = session.get(AuditHead, _HEAD)
    return (head.seq, head.digest.hex()) if head else (0, _GENESIS.hex())
