"""Who left or asked for it is forgotten in time, but not while a colleague may still have to reach them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.forgetting import coarsen_events, delete_account, erase_unfollowed, finish_deletions
from server.accounts.models import Resident, WechatIdentity
from server.accounts.residents import follow, resident_of, unfollow
from server.audit.models import AuditEvent
from server.clock import local_day
from server.crisis import service as crisis
from server.crisis.models import Alert, AlertWords, CallWhen, ContactRequest, SourceKind
from server.db import run_before_commit
from server.organisations import service as organisations
from server.organisations.models import Level
from server.parts import make_holdings
from server.risk.grades import Grade
from tests.conftest import NOW

APP, DAY = "wxoa", timedelta(days=1)
SENT = int(NOW.timestamp())


@pytest.fixture
def holdings():
    return make_holdings()


@pytest.fixture
def resident(session: Session) -> Resident:
    return follow(session, app_id=APP, openid="o-1", sent_at=SENT, now=NOW)


@pytest.fixture
def alert(session: Session, resident: Resident) -> Alert:
    """They wrote that they are in danger, and left a number."""
    root = organisations.add_organisation(session, code="D", name="区", level=Level.DISTRICT, parent=None)
    more = {"organisation_id": root.id, "resident_id": resident.id, "now": NOW}
    crisis.hear_distress(session, grade=Grade.SERIOUS, rule_version="1", words="金丝雀", **more)
    found = session.scalars(sa.select(Alert)).one()
    crisis.leave_contact(
        session,
        source_kind=SourceKind.CHAT,
        source_public_id=found.source_public_id,
        phone="13812345678",
        call_when=CallWhen.ANY,
        is_minor=False,
        **more,
    )
    return found


def count(session: Session, model: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def leave(session: Session, now=NOW) -> None:
    unfollow(session, app_id=APP, openid="o-1", sent_at=SENT + 60, now=now)
    session.flush()


def erase(session: Session, holdings, days: int) -> None:
    erase_unfollowed(session, holdings=holdings, kept_days=30, now=NOW + days * DAY)


def test_thirty_days_after_leaving_the_identity_is_erased_and_with_the_last_one_the_resident(
    session, resident, holdings
):
    leave(session)
    erase(session, holdings, 29)
    assert count(session, WechatIdentity) == 1

    erase(session, holdings, 30)
    erase(session, holdings, 31)
    assert (count(session, WechatIdentity), count(session, Resident)) == (0, 0)


def test_whoever_follows_again_in_time_is_kept(session, resident, holdings):
    leave(session)
    follow(session, app_id=APP, openid="o-1", sent_at=SENT + 90, now=NOW + DAY)
    session.flush()
    erase(session, holdings, 60)

    assert count(session, WechatIdentity) == 1


def test_whoever_still_logs_in_on_the_pages_has_their_time_anew(session, resident, holdings):
    leave(session)
    resident_of(session, app_id=APP, openid="o-1", is_follower=False, now=NOW + 20 * DAY)
    session.flush()
    erase(session, holdings, 40)
    assert count(session, WechatIdentity) == 1

    erase(session, holdings, 50)
    assert count(session, WechatIdentity) == 0


def test_who_is_known_elsewhere_too_loses_the_one_identity_alone(session, holdings):
    follow(session, app_id=APP, openid="o-1", sent_at=SENT, now=NOW)
    resident_of(session, app_id=APP, openid="o-1", union_id="o-union", now=NOW)
    resident_of(session, app_id="wxmp", openid="m-1", union_id="o-union", now=NOW)
    leave(session)
    erase(session, holdings, 30)

    assert session.scalars(sa.select(WechatIdentity.app_id)).all() == ["wxmp"]
    assert count(session, Resident) == 1
    run_before_commit(session)
    assert session.scalars(sa.select(AuditEvent.action)).all() == ["resident.identity_erased"]


def test_an_open_alert_keeps_the_identity_until_somebody_has_dealt_with_it(session, resident, alert, holdings):
    leave(session)
    erase(session, holdings, 60)
    assert count(session, WechatIdentity) == 1

    alert.acknowledged_at = NOW + 60 * DAY
    session.flush()
    erase(session, holdings, 61)
    assert count(session, WechatIdentity) == 1, "whoever took it over a day ago may be calling"

    erase(session, holdings, 70)
    assert (count(session, WechatIdentity), count(session, Resident)) == (0, 0)


def test_an_account_without_anything_open_is_deleted_at_once(session, resident, holdings):
    assert delete_account(session, holdings=holdings, resident=resident, now=NOW)

    assert (count(session, Resident), count(session, WechatIdentity)) == (0, 0)


def test_with_an_alert_open_the_deletion_waits_and_then_ends_by_itself(session, resident, alert, holdings):
    assert not delete_account(session, holdings=holdings, resident=resident, now=NOW)
    assert resident.deletion_asked_on == local_day(NOW)
    assert (count(session, AlertWords), count(session, ContactRequest)) == (1, 1)
    finish_deletions(session, holdings=holdings, now=NOW + DAY)
    assert count(session, Resident) == 1

    alert.acknowledged_at = NOW + DAY
    session.flush()
    for days in (9, 10):
        finish_deletions(session, holdings=holdings, now=NOW + days * DAY)

    assert count(session, Resident) == 0
    assert (count(session, AlertWords), count(session, ContactRequest)) == (0, 0)
    assert count(session, Alert) == 1, "it happened; to whom is forgotten"
    session.refresh(alert)
    assert alert.resident_id is None


def test_the_trail_names_nobody(database, parts):
    public_id = database.write(
        lambda session: follow(session, app_id=APP, openid="o-1", sent_at=SENT, now=NOW)
    ).public_id

    def delete(session: Session) -> None:
        resident = session.scalars(sa.select(Resident)).one()
        delete_account(session, holdings=parts.holdings, resident=resident, now=NOW)

    database.write(delete)
    [act] = database.read(lambda session: session.scalars(sa.select(AuditEvent)).all())

    assert (act.action, act.object_kind, act.object_id, act.reason) == ("resident.deleted", "resident", public_id, "-")


# --- the second at which somebody followed ------------------------------------------------------------------------


def changed(session: Session) -> int:
    session.expire_all()
    return session.scalars(sa.select(WechatIdentity.changed_at_wechat)).one()


def test_after_an_hour_only_the_day_of_the_following_is_left(session, resident):
    coarsen_events(session, NOW + timedelta(minutes=59))
    assert changed(session) == SENT

    for _ in range(2):
        coarsen_events(session, NOW + timedelta(minutes=61))
    assert changed(session) == SENT - 12 * 3600, "midnight in Shanghai"


def test_a_later_event_still_counts_and_an_earlier_days_does_not(session, resident):
    coarsen_events(session, NOW + timedelta(hours=2))
    session.expire_all()
    unfollow(session, app_id=APP, openid="o-1", sent_at=SENT - 86400, now=NOW)
    assert session.scalars(sa.select(WechatIdentity)).one().is_following

    unfollow(session, app_id=APP, openid="o-1", sent_at=SENT + 7200, now=NOW)
    assert not session.scalars(sa.select(WechatIdentity)).one().is_following
