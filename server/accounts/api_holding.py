"""What the mini program's log-ins hold about a resident: devices that are signed in, and the number given by a tap."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.api_models import ApiDevice, ApiRefreshToken, ResidentPhone
from server.accounts.api_tokens import label_place
from server.accounts.holdings import Holding
from server.accounts.models import Resident
from server.accounts.phone_numbers import phone_place
from server.db import vault_of
from server.texts import text


class MiniProgramHolding(Holding):
    """Nothing of it is worth keeping against the resident's wish."""

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        vault = vault_of(session)
        devices = session.scalars(
            sa.select(ApiDevice).where(ApiDevice.resident_id == resident.id).order_by(ApiDevice.id)
        ).all()
        given = session.get(ResidentPhone, resident.id)
        if given is None and not devices:
            return {}
        held: dict[str, Any] = {
            text("data.devices"): [
                {
                    text("data.device"): vault.open_text(device.label_sealed, label_place(device.public_id)),
                    text("data.known_since"): device.created_on.isoformat(),
                }
                for device in devices
            ]
        }
        if given is not None:
            held[text("data.phone")] = {
                text("data.phone"): vault.open_text(given.phone_sealed, phone_place(resident.public_id)),
                text("data.text_version"): given.consent_version,
                text("data.given_on"): given.given_on.isoformat(),
            }
        return {text("data.mini_program"): held}

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        devices = sa.select(ApiDevice.id).where(ApiDevice.resident_id == resident.id)
        session.execute(sa.delete(ApiRefreshToken).where(ApiRefreshToken.device_id.in_(devices)))
        for table in (ApiDevice, ResidentPhone):
            session.execute(sa.delete(table).where(table.resident_id == resident.id))

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        session.execute(sa.update(ApiDevice).where(ApiDevice.resident_id == emptied.id).values(resident_id=survivor.id))
        given, own = session.get(ResidentPhone, emptied.id), session.get(ResidentPhone, survivor.id)
        if given is None:
            return
        if own is None or own.given_on < given.given_on:
            vault = vault_of(session)
            phone = vault.open_text(given.phone_sealed, phone_place(emptied.public_id))
            own = own or ResidentPhone(resident_id=survivor.id)
            own.phone_sealed = vault.seal_text(phone, phone_place(survivor.public_id))
            own.consent_version, own.given_on = given.consent_version, given.given_on
            session.add(own)
        session.delete(given)
        session.flush()
