"""What accounts itself holds about a resident: identities, log-ins, links, age."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.holdings import Holding
from server.accounts.models import Resident, ResidentCode, ResidentSession, WechatIdentity
from server.accounts.residents import openid_place
from server.db import vault_of
from server.texts import text


class AccountHolding(Holding):
    """Identities go with the resident's own row, at the very end: see forgetting.py."""

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        identities = session.scalars(
            sa.select(WechatIdentity).where(WechatIdentity.resident_id == resident.id).order_by(WechatIdentity.id)
        )
        days = session.scalars(
            sa.select(ResidentSession.created_on)
            .where(ResidentSession.resident_id == resident.id)
            .order_by(ResidentSession.created_on)
        )
        account = {
            text("data.known_since"): resident.created_on.isoformat(),
            text("data.age"): text(f"h5.age_{resident.age_band.removeprefix('age_')}") if resident.age_band else None,
            text("data.identities"): [self._describe(session, resident, identity) for identity in identities],
            text("data.log_ins"): [day.isoformat() for day in days],
        }
        return {text("data.account"): account}

    @staticmethod
    def _describe(session: Session, resident: Resident, identity: WechatIdentity) -> dict[str, Any]:
        def said(day: Any) -> str | None:
            return day.isoformat() if day else None

        return {
            text("data.app"): identity.app_id,
            text("data.openid"): vault_of(session).open_text(identity.openid_sealed, openid_place(resident)),
            text("data.is_following"): identity.is_following,
            text("data.followed_on"): said(identity.followed_on),
            text("data.unfollowed_on"): said(identity.unfollowed_on),
        }

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        for table in (ResidentSession, ResidentCode):
            session.execute(sa.delete(table).where(table.resident_id == resident.id))
        resident.age_band = None

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        vault = vault_of(session)
        for identity in session.scalars(sa.select(WechatIdentity).where(WechatIdentity.resident_id == emptied.id)):
            # An openid is sealed for one resident alone: it has to be sealed anew.
            openid = vault.open_text(identity.openid_sealed, openid_place(emptied))
            identity.openid_sealed = vault.seal_text(openid, openid_place(survivor))
            identity.resident_id = survivor.id
        for table in (ResidentSession, ResidentCode):
            session.execute(sa.update(table).where(table.resident_id == emptied.id).values(resident_id=survivor.id))
        survivor.age_band = survivor.age_band or emptied.age_band
        survivor.deletion_asked_on = survivor.deletion_asked_on or emptied.deletion_asked_on
        survivor.created_on = min(survivor.created_on, emptied.created_on)
