"""What a danger sign in an answer sets off, in the transaction that stores the answer."""

from datetime import datetime

from sqlalchemy.orm import Session

from server.assessment import scoring
from server.assessment.models import Care
from server.assessment.parts import FlagLevel
from server.assessment.policy import is_minor
from server.assessment.progress import Progress
from server.crisis import service as crisis
from server.crisis.models import SourceKind
from server.risk.grades import Grade

# `caution` raises none: it is an offer on the result page.
_GRADES = {FlagLevel.EMERGENCY: Grade.HIGH, FlagLevel.URGENT: Grade.SERIOUS}


def raise_alerts(session: Session, progress: Progress, item_id: str, code: int, now: datetime) -> bool:
    """The alerts of the red flags that this answer sets off; the red-flag screen is due then. True when there was one."""
    response = progress.response
    flags = scoring.flags_raised_by(progress.instrument, item_id, code, progress.answers)
    red = [flag for flag in flags if flag.level.is_red]
    for flag in red:
        crisis.raise_alert(
            session,
            source_kind=SourceKind.RESPONSE,
            source_public_id=response.public_id,
            rule=flag.id,
            rule_version=f"{response.instrument_id}-{response.instrument_version}",
            grade=_GRADES[flag.level],
            organisation_id=response.organisation_id,
            is_reachable=response.is_contact_left,
            is_minor=is_minor(response.age_band),
            now=now,
        )
    if red:
        response.care = Care.DUE
    return bool(red)
