"""Use cases of residents and of domains that hear a danger sign: raise an alert, leave a number, ask who is on duty."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.audit.actions import Action
from server.clock import local_day
from server.crisis import duty
from server.crisis.models import Alert, AlertWords, CallWhen, ContactRequest, DutyWindow, SourceKind
from server.db import vault_of
from server.errors import Invalid
from server.ids import new_public_id
from server.organisations.models import Organisation
from server.risk.grades import Grade
from server.vault import Place

# Asked for on its own page or by a keyword, with no danger sign behind it.
RULE_ASKED = "asked_to_be_called"
_NUMBERS = "contact_requests.phone"
# WeChat lets the account answer for 48 hours after a message; so long, messages of one person are one talk.
_ONE_TALK = timedelta(hours=48)
# The same form sent again: a double tap, or a page that was reloaded.
_SAME_WISH = timedelta(minutes=10)
# Mainland numbers without what people put between the digits: a mobile, or a landline with its area code.
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"0[0-9]{9,11}")
_COUNTRY_CODE = re.compile(r"(?:\+|00)?86")
_LANDLINE_FROM_ABROAD = re.compile(r"(?:10|2[0-9]|[3-9][0-9]{2})[0-9]{7,8}")
_BETWEEN_DIGITS = "-‐–—−()./·"


class BadPhone(Invalid):
    code = "crisis.bad_phone"


def raise_alert(
    session: Session,
    *,
    source_kind: SourceKind,
    source_public_id: str,
    rule: str,
    rule_version: str,
    grade: Grade,
    organisation_id: int,
    is_reachable: bool,
    now: datetime,
    is_minor: bool = False,
    resident_id: int | None = None,
) -> Alert:
    """Raise an alert in the caller's transaction. The same source and rule again returns the alert that stands."""
    public_id = new_public_id()
    alert = Alert(
        public_id=public_id,
        organisation_id=organisation_id,
        source_kind=source_kind,
        source_public_id=source_public_id,
        rule=rule,
        rule_version=rule_version,
        grade=grade,
        urgency=grade.rank,
        is_minor=is_minor,
        is_reachable=is_reachable,
        raised_at=now,
        rings_since=now if is_reachable else None,
        acknowledged_at=None,
        acknowledged_by=None,
        resident_id=resident_id,
    )
    try:
        with session.begin_nested():
            session.add(alert)
    except IntegrityError:
        return session.scalars(sa.select(Alert).where(_of(source_kind, source_public_id), Alert.rule == rule)).one()
    audit.record(
        session,
        actor=audit.SYSTEM,
        action=Action.ALERT_RAISED,
        object_kind="alert",
        object_id=public_id,
        reason=str(grade),
        now=now,
    )
    if is_reachable:
        _hasten_promise(session, alert, now)
    return alert


def _of(source_kind: SourceKind, source_public_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(Alert.source_kind == source_kind, Alert.source_public_id == source_public_id)


def _hasten_promise(session: Session, alert: Alert, now: datetime) -> None:
    """Somebody who had left a number has now given a sign of danger: what they were promised comes nearer."""
    request = _newest_contact(session, alert.source_kind, alert.source_public_id)
    if request is not None:
        request.promised_by = _promise(session, alert, now)


def _newest_contact(session: Session, source_kind: SourceKind, source_public_id: str) -> ContactRequest | None:
    return session.scalar(
        sa.select(ContactRequest)
        .join(Alert, Alert.id == ContactRequest.alert_id)
        .where(_of(source_kind, source_public_id))
        .order_by(ContactRequest.created_at.desc(), ContactRequest.id.desc())
        .limit(1)
    )


def _promise(session: Session, alert: Alert, now: datetime) -> datetime | None:
    """By when somebody on duty calls: what the roster allows, and no later than what is still promised."""
    windows = duty_windows(session, organisation_id=alert.organisation_id, now=now)
    by = duty.promised_by(windows, grade=alert.grade, is_minor=alert.is_minor, now=now)
    standing = session.scalar(
        sa.select(sa.func.min(ContactRequest.promised_by))
        .join(Alert, Alert.id == ContactRequest.alert_id)
        .where(_of(alert.source_kind, alert.source_public_id), ContactRequest.promised_by > now)
    )
    return min((instant for instant in (by, standing) if instant is not None), default=None)


def hear_distress(
    session: Session,
    *,
    resident_id: int,
    organisation_id: int,
    grade: Grade,
    rule_version: str,
    words: str,
    now: datetime,
) -> None:
    """Somebody wrote in the chat that they are in danger. What they write before anybody took the alert over joins it."""
    alert = session.scalar(
        sa.select(Alert)
        .where(Alert.resident_id == resident_id, Alert.acknowledged_at.is_(None))
        .order_by(Alert.id.desc())
        .limit(1)
        .with_for_update()
    )
    if alert is None:
        alert = raise_alert(
            session,
            source_kind=SourceKind.CHAT,
            source_public_id=recent_chat_source(session, resident_id=resident_id, now=now) or new_public_id(),
            rule=f"chat.{new_public_id()}",
            rule_version=rule_version,
            grade=grade,
            organisation_id=organisation_id,
            is_reachable=True,
            resident_id=resident_id,
            now=now,
        )
    elif grade.rank > alert.urgency:
        # A machine only raises. It rings anew, for it has become more urgent.
        alert.grade, alert.urgency, alert.rule_version, alert.rings_since = grade, grade.rank, rule_version, now
    public_id = new_public_id()
    sealed = vault_of(session).seal_text(words, Place("alert_words", public_id, "words"))
    session.add(AlertWords(public_id=public_id, alert_id=alert.id, words_sealed=sealed, said_at=now))
    session.flush()


def recent_chat_source(session: Session, *, resident_id: int, now: datetime) -> str | None:
    """The talk that is still going on with this resident: what they send now belongs to it."""
    return session.scalar(
        sa.select(Alert.source_public_id)
        .where(
            Alert.resident_id == resident_id, Alert.source_kind == SourceKind.CHAT, Alert.raised_at > now - _ONE_TALK
        )
        .order_by(Alert.id.desc())
        .limit(1)
    )


def read_phone(typed: str) -> str:
    """The digits of a number as people type it (spaces, dashes, full width, +86). Raises BadPhone."""
    compact = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in unicodedata.normalize("NFKC", typed)
        # Cf: phones wrap a number that is copied from their contacts in marks of direction, which nobody sees.
        if not letter.isspace() and letter not in _BETWEEN_DIGITS and unicodedata.category(letter) != "Cf"
    )
    code = _COUNTRY_CODE.match(compact)
    national = compact[code.end() :] if code else compact
    if code and _LANDLINE_FROM_ABROAD.fullmatch(national):
        return f"0{national}"
    if _MOBILE.fullmatch(national) or _LANDLINE.fullmatch(national):
        return national
    raise BadPhone


def leave_contact(
    session: Session,
    *,
    source_kind: SourceKind,
    source_public_id: str,
    organisation_id: int,
    phone: str,
    call_when: CallWhen,
    is_minor: bool,
    now: datetime,
    resident_id: int | None = None,
) -> datetime | None:
    """The person asks to be called: every alert of this source rings from now on; without one, a new one is raised.

    One that was taken over rings again: somebody who writes the number once more was not reached. Returns the time by
    which somebody on duty calls, or None when no duty hours are known. Raises BadPhone.
    """
    digits = read_phone(phone)
    alerts = list(
        session.scalars(
            sa.select(Alert)
            .where(_of(source_kind, source_public_id))
            .order_by(Alert.urgency.desc(), Alert.id)
            .with_for_update()
        )
    )
    if not alerts:
        alerts = [
            raise_alert(
                session,
                source_kind=source_kind,
                source_public_id=source_public_id,
                rule=RULE_ASKED,
                rule_version="1",
                grade=Grade.GENERAL,
                organisation_id=organisation_id,
                is_reachable=True,
                is_minor=is_minor,
                resident_id=resident_id,
                now=now,
            )
        ]
    for alert in alerts:
        alert.is_minor = alert.is_minor or is_minor
        if not alert.is_reachable:
            # Also when somebody had already seen it silent: now there is something to do.
            alert.is_reachable = True
            _ring_anew(alert, now)
    return _keep_number(session, alerts[0], digits, call_when, now)


def _ring_anew(alert: Alert, now: datetime) -> None:
    alert.rings_since = now
    alert.acknowledged_at = alert.acknowledged_by = None
    alert.closed_at = alert.closed_by = alert.outcome = None


def _keep_number(session: Session, alert: Alert, digits: str, call_when: CallWhen, now: datetime) -> datetime | None:
    """Store the number and the promise that goes with it. A double tap changes nothing but the wished time of day."""
    public_id = new_public_id()
    request = _find_number(session, alert, digits) or _add_number(session, alert, digits, public_id, now)
    request.call_when = call_when
    if request.public_id != public_id and abs(now - request.created_at) < _SAME_WISH:
        return request.promised_by
    # A new number, or the same one because nobody has called yet.
    request.created_at, request.promised_by = now, _promise(session, alert, now)
    if alert.acknowledged_at is not None:
        _ring_anew(alert, now)
    audit.record(
        session, actor=audit.SYSTEM, action=Action.CONTACT_LEFT, object_kind="alert", object_id=alert.public_id, now=now
    )
    session.flush()
    return request.promised_by


def _find_number(session: Session, alert: Alert, digits: str) -> ContactRequest | None:
    indexes = vault_of(session).blind_indexes(_NUMBERS, digits)
    return session.scalar(
        sa.select(ContactRequest)
        .join(Alert, Alert.id == ContactRequest.alert_id)
        .where(_of(alert.source_kind, alert.source_public_id), ContactRequest.phone_index.in_(indexes))
        .limit(1)
    )


def _add_number(session: Session, alert: Alert, digits: str, public_id: str, now: datetime) -> ContactRequest:
    vault = vault_of(session)
    request = ContactRequest(
        public_id=public_id,
        alert_id=alert.id,
        phone_index=vault.blind_index(_NUMBERS, digits),
        phone_sealed=vault.seal_text(digits, Place("contact_requests", public_id, "phone")),
        call_when=CallWhen.ANY,
        created_at=now,
        promised_by=None,
    )
    try:
        with session.begin_nested():
            session.add(request)
    except IntegrityError:  # the other half of a double tap was faster
        found = _find_number(session, alert, digits)
        assert found is not None
        return found
    return request


def duty_windows(session: Session, *, organisation_id: int, now: datetime) -> list[duty.Window]:
    """The duty hours that hold for a place: its own, or those of the nearest node above that has any."""
    node = session.get_one(Organisation, organisation_id)
    ancestors = [int(part) for part in node.path.strip("/").split("/")]
    today = local_day(now)
    rows = session.scalars(
        sa.select(DutyWindow).where(
            DutyWindow.organisation_id.in_(ancestors),
            sa.or_(DutyWindow.valid_until.is_(None), DutyWindow.valid_until > today),
        )
    ).all()
    for ancestor in reversed(ancestors):
        own = [row for row in rows if row.organisation_id == ancestor]
        if own:
            return [
                duty.Window(row.weekday, row.opens_minute, row.closes_minute, row.valid_from, row.valid_until)
                for row in own
            ]
    return []


def set_duty_hours(
    session: Session, *, organisation: Organisation, hours: Sequence[tuple[int, int, int]], now: datetime
) -> None:
    """Replace a node's hours from today on: (weekday, opens minute, closes minute). Older rows stay with their dates."""
    today = local_day(now)
    session.execute(
        sa.update(DutyWindow)
        .where(
            DutyWindow.organisation_id == organisation.id,
            sa.or_(DutyWindow.valid_until.is_(None), DutyWindow.valid_until > today),
        )
        .values(valid_until=today)
    )
    session.add_all(
        DutyWindow(
            organisation_id=organisation.id,
            weekday=weekday,
            opens_minute=opens,
            closes_minute=closes,
            valid_from=today,
            valid_until=None,
        )
        for weekday, opens, closes in hours
    )
    session.flush()


def promise_for(session: Session, *, source_kind: SourceKind, source_public_id: str) -> datetime | None:
    """What the person of this source was told last; None when nothing was promised."""
    request = _newest_contact(session, source_kind, source_public_id)
    return request.promised_by if request else None
