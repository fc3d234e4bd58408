"""The authenticator that every colleague of the tests carries: one secret for all, by the same RFC as a phone's."""

import base64
import hashlib
import hmac
from datetime import datetime

import sqlalchemy as sa

from server.accounts.factor_models import SecondFactor
from server.clock import utc_now
from server.db import Database
from tests.canaries import FACTOR

SECRET = base64.b32decode(FACTOR)


def code(*, secret: bytes = SECRET, now: datetime | None = None, steps: int = 0) -> str:
    """What the phone shows now, or some steps of thirty seconds later."""
    step = int((now or utc_now()).timestamp()) // 30 + steps
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def forget_used(database: Database) -> None:
    """A code opens once, and the clock of a test stands still: let the present one open again."""
    database.write(lambda session: session.execute(sa.update(SecondFactor).values(last_step=-1)))
