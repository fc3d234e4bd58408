"""Uploads between preview and consent.

Kept sealed for half an hour, instead of asking for the file a second time: what is imported is what was shown, byte by byte,
and a clerk need not find the file again. The clock and the next upload delete it.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.exchange_models import ImportDraft
from server.accounts.staff import Staff
from server.db import vault_of
from server.errors import NotFound
from server.ids import new_public_id
from server.vault import Place

LASTS = timedelta(minutes=30)


def keep_draft(session: Session, *, staff: Staff, kind: str, content: bytes, now: datetime) -> str:
    """Keep an upload in place of the colleague's last one. Returns its public id."""
    session.execute(sa.delete(ImportDraft).where(ImportDraft.staff_id == staff.id))
    public_id = new_public_id()
    session.add(
        ImportDraft(
            public_id=public_id,
            staff_id=staff.id,
            kind=kind,
            content_sealed=vault_of(session).seal(content, _place(public_id)),
            created_at=now,
        )
    )
    session.flush()
    return public_id


def open_draft(session: Session, *, staff: Staff, kind: str, public_id: str, now: datetime) -> bytes:
    """One's own upload. Raises NotFound, alike for a foreign one and one whose half hour is over."""
    draft = session.scalar(
        sa.select(ImportDraft).where(
            ImportDraft.public_id == public_id,
            ImportDraft.staff_id == staff.id,
            ImportDraft.kind == kind,
            ImportDraft.created_at > now - LASTS,
        )
    )
    if draft is None:
        raise NotFound(draft=public_id)
    return vault_of(session).open(draft.content_sealed, _place(public_id))


def purge_drafts(session: Session, now: datetime) -> None:
    session.execute(sa.delete(ImportDraft).where(ImportDraft.created_at <= now - LASTS))


def _place(public_id: str) -> Place:
    return Place("import_drafts", public_id, "content")
