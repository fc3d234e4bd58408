"""The duty desk: what staff do with alerts. List, take over, read a number; everything within the asker's scope."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from server.accounts.policy import Permission, Role
from server.accounts.scope import seen_by
from server.accounts.staff import Staff, as_staff, names_of
from server.accounts.staff_models import StaffMember
from server.audit import service as audit
from server.audit.actions import Action
from server.crisis.models import Alert, AlertWords, CallWhen, ContactRequest, Outcome, SourceKind
from server.db import vault_of
from server.errors import Conflict, NotFound
from server.organisations import service as organisations
from server.organisations.models import Organisation
from server.risk.grades import Grade
from server.vault import Place

PAGE = 50


class AlreadyAcknowledged(Conflict):
    """Somebody was first; `by` and `at` say who and when."""

    code = "crisis.already_acknowledged"

    def __init__(self, by: str, at: datetime) -> None:
        super().__init__(by=by, at=at)
        self.by = by
        self.at = at


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert as the duty screen lists it: no words and no number."""

    public_id: str
    grade: Grade
    source_kind: SourceKind
    place: str | None  # None in the lane of those whom nobody can reach: nobody goes looking by place and time
    is_minor: bool
    is_reachable: bool
    raised_at: datetime
    rings_since: datetime | None
    promised_by: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    is_mine: bool  # taken over by whoever is asking
    closed_at: datetime | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Board:
    """The duty screen: who rings, who cannot be reached, and what was taken over lately."""

    ringing: list[AlertRow]
    unreachable: list[AlertRow]
    taken: list[AlertRow]
    ringing_count: int
    unreachable_count: int
    newest: str


@dataclass(frozen=True, slots=True)
class Contact:
    """What a colleague needs for the call."""

    phone: str
    call_when: CallWhen
    left_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One message of somebody's, as they wrote it."""

    words: str
    said_at: datetime


def board(session: Session, *, staff: Staff) -> Board:
    """What this colleague may see: open alerts within their scope, the most urgent and oldest first."""
    with seen_by(session, staff, Permission.WATCH_ALERTS):
        waiting = Alert.acknowledged_at.is_(None)
        urgent_first = (Alert.urgency.desc(), Alert.raised_at)
        ringing = _rows(session, staff, sa.and_(waiting, Alert.is_reachable.is_(True)), urgent_first)
        unreachable = _rows(session, staff, sa.and_(waiting, Alert.is_reachable.is_(False)), urgent_first)
        taken = _rows(session, staff, sa.and_(~waiting, Alert.closed_at.is_(None)), (Alert.acknowledged_at.desc(),))
        return Board(ringing, unreachable, taken, *count_waiting(session, staff=staff))


def count_waiting(session: Session, *, staff: Staff) -> tuple[int, int, str]:
    """How many ring, how many wait in the silent lane, and a mark that changes when a new one begins to ring.

    This is all that the bell may know. The mark is an instant and names nobody.
    """
    with seen_by(session, staff, Permission.WATCH_ALERTS):
        rows = session.execute(
            sa.select(Alert.is_reachable, sa.func.count(), sa.func.max(Alert.rings_since))
            .where(Alert.acknowledged_at.is_(None))
            .group_by(Alert.is_reachable)
        ).all()
    counts = {bool(reachable): count for reachable, count, _ in rows}
    newest = max((str(since) for _, _, since in rows if since is not None), default="")
    return counts.get(True, 0), counts.get(False, 0), newest


def _rows(
    session: Session,
    staff: Staff,
    where: sa.ColumnElement[bool],
    order: tuple[sa.ColumnElement[object] | object, ...],
) -> list[AlertRow]:
    # The earliest promise to the same person that was still open when the alert began to ring.
    sibling = aliased(Alert)
    promised = (
        sa.select(sa.func.min(ContactRequest.promised_by))
        .join(sibling, sibling.id == ContactRequest.alert_id)
        .where(
            sibling.source_kind == Alert.source_kind,
            sibling.source_public_id == Alert.source_public_id,
            ContactRequest.promised_by >= Alert.rings_since,
        )
        .correlate(Alert)
        .scalar_subquery()
    )
    found = session.execute(
        sa.select(Alert, Organisation.name, promised)
        .join(Organisation, Organisation.id == Alert.organisation_id)
        .where(where)
        .order_by(*order)  # type: ignore[arg-type]
        .limit(PAGE)
    ).all()
    names = names_of(session, {alert.acknowledged_by for alert, _, _ in found if alert.acknowledged_by})
    return [as_row(alert, place, promise, names, staff) for alert, place, promise in found]


def as_row(alert: Alert, place: str | None, promise: datetime | None, names: dict[int, str], staff: Staff) -> AlertRow:
    return AlertRow(
        public_id=alert.public_id,
        grade=alert.grade,
        source_kind=alert.source_kind,
        place=place if alert.is_reachable else None,
        is_minor=alert.is_minor,
        is_reachable=alert.is_reachable,
        raised_at=alert.raised_at,
        rings_since=alert.rings_since,
        promised_by=promise,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=names.get(alert.acknowledged_by) if alert.acknowledged_by else None,
        is_mine=alert.acknowledged_by == staff.id,
        closed_at=alert.closed_at,
        outcome=alert.outcome,
    )


def acknowledge(session: Session, *, public_id: str, staff: Staff, now: datetime) -> None:
    """Take an alert over. Raises NotFound, or AlreadyAcknowledged naming who was first; repeating one's own is harmless."""
    alert = _get_alert(session, public_id, staff, Permission.ACKNOWLEDGE_ALERT)
    taken = session.execute(
        sa.update(Alert)
        .where(Alert.id == alert.id, Alert.acknowledged_at.is_(None))
        .values(acknowledged_at=now, acknowledged_by=staff.id)
    )
    if getattr(taken, "rowcount", 0):
        audit.record(
            session,
            actor=staff.actor,
            action=Action.ALERT_ACKNOWLEDGED,
            object_kind="alert",
            object_id=public_id,
            now=now,
        )
        return
    session.refresh(alert)
    if alert.acknowledged_by is None or alert.acknowledged_at is None:
        acknowledge(session, public_id=public_id, staff=staff, now=now)  # it rang anew in this very moment
    elif alert.acknowledged_by != staff.id:
        by = names_of(session, {alert.acknowledged_by})[alert.acknowledged_by]
        raise AlreadyAcknowledged(by=by, at=alert.acknowledged_at)


def close(session: Session, *, public_id: str, staff: Staff, outcome: Outcome, now: datetime) -> None:
    """Say how it ended: whoever took it over, or who supervises them. Raises NotFound; the first outcome stays."""
    alert = _get_alert(session, public_id, staff, Permission.CLOSE_ALERT)
    is_supervisor = Role.SUPERVISOR in staff.roles
    if alert.acknowledged_by is None or (alert.acknowledged_by != staff.id and not is_supervisor):
        raise NotFound(alert=public_id)
    closed = session.execute(
        sa.update(Alert)
        .where(Alert.id == alert.id, Alert.closed_at.is_(None), Alert.acknowledged_at.is_not(None))
        .values(closed_at=now, closed_by=staff.id, outcome=outcome)
    )
    if getattr(closed, "rowcount", 0):
        audit.record(
            session,
            actor=staff.actor,
            action=Action.ALERT_CLOSED,
            object_kind="alert",
            object_id=public_id,
            reason=str(outcome),
            now=now,
        )


def hand_over(session: Session, *, staff_id: int, organisation_id: int, now: datetime) -> None:
    """A post ended: what its holder had taken over below that node and not closed waits for somebody again.

    Alerts that another post of theirs still covers stay with them.
    """
    member = session.get_one(StaffMember, staff_id)
    staff = as_staff(session, member, now=now)
    with seen_by(session, staff, Permission.ACKNOWLEDGE_ALERT):
        covered = set(session.scalars(sa.select(Alert.id).where(*_open_of(staff_id))))
    node = session.get_one(Organisation, organisation_id)
    lying = session.scalars(
        sa.select(Alert)
        .join(Organisation, Organisation.id == Alert.organisation_id)
        .where(*_open_of(staff_id), organisations.below(node.path))
    ).all()
    for alert in lying:
        if alert.id in covered:
            continue
        alert.acknowledged_at = alert.acknowledged_by = None
        if alert.is_reachable:
            alert.rings_since = now
        audit.record(
            session,
            actor=audit.SYSTEM,
            action=Action.ALERT_HANDED_OVER,
            object_kind="alert",
            object_id=alert.public_id,
            now=now,
        )
    session.flush()


def _open_of(staff_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return Alert.acknowledged_by == staff_id, Alert.closed_at.is_(None)


def get_alert(session: Session, *, public_id: str, staff: Staff) -> AlertRow:
    """One alert. Raises NotFound, alike for a foreign one."""
    with seen_by(session, staff, Permission.WATCH_ALERTS):
        found = _rows(session, staff, Alert.public_id == public_id, (Alert.id,))
    if not found:
        raise NotFound(alert=public_id)
    return found[0]


def read_contacts(
    session: Session, *, public_id: str, staff: Staff, purpose: str, now: datetime
) -> tuple[list[Contact], list[Said]]:
    """Numbers and chat words of the alert's source, newest first, for whoever took it over. Each look is audited."""
    alert = _get_alert(session, public_id, staff, Permission.READ_CONTACT)
    if alert.acknowledged_by != staff.id:
        raise NotFound(alert=public_id)
    audit.record(
        session,
        actor=staff.actor,
        action=Action.CONTACT_READ,
        object_kind="alert",
        object_id=public_id,
        reason=purpose,
        now=now,
    )
    return _contacts_of(session, alert), _words_of(session, alert)


def _same_source(alert: Alert) -> sa.ColumnElement[bool]:
    return sa.and_(Alert.source_kind == alert.source_kind, Alert.source_public_id == alert.source_public_id)


def _contacts_of(session: Session, alert: Alert) -> list[Contact]:
    vault = vault_of(session)
    requests = session.scalars(
        sa.select(ContactRequest)
        .join(Alert, Alert.id == ContactRequest.alert_id)
        .where(_same_source(alert))
        .order_by(ContactRequest.id.desc())
        .limit(PAGE)
    )
    return [
        Contact(
            vault.open_text(request.phone_sealed, Place("contact_requests", request.public_id, "phone")),
            request.call_when,
            request.created_at,
        )
        for request in requests
    ]


def _words_of(session: Session, alert: Alert) -> list[Said]:
    vault = vault_of(session)
    rows = session.scalars(
        sa.select(AlertWords)
        .join(Alert, Alert.id == AlertWords.alert_id)
        .where(_same_source(alert))
        .order_by(AlertWords.id.desc())
        .limit(PAGE)
    )
    return [
        Said(vault.open_text(row.words_sealed, Place("alert_words", row.public_id, "words")), row.said_at)
        for row in rows
    ]


def _get_alert(session: Session, public_id: str, staff: Staff, permission: Permission) -> Alert:
    with seen_by(session, staff, permission):
        alert = session.scalar(sa.select(Alert).where(Alert.public_id == public_id))
    if alert is None:
        raise NotFound(alert=public_id)
    return alert
