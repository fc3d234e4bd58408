"""What the tests of alerts stand on: a district with two streets, colleagues at each, and a few alerts."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.accounts import staff as accounts
from server.accounts.policy import Role
from server.accounts.posts import Wanted, give_post
from server.accounts.staff import Staff
from server.accounts.staff_models import SessionKind
from server.crisis import service as crisis
from server.crisis.models import Alert, CallWhen, SourceKind
from server.ids import new_public_id
from server.organisations import service as organisations
from server.organisations.models import Level, Organisation
from server.risk.grades import Grade
from tests.canaries import PASSWORD, PHONE
from tests.conftest import NOW

EVERY_DAY = [(day, 8 * 60, 22 * 60) for day in range(7)]


class District:
    """D with the streets S1, which has the community S1-1, and S2."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.root = organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)
        self.street = self._add("S1", self.root)
        self.community = self._add("S1-1", self.street)
        self.other_street = self._add("S2", self.root)
        crisis.set_duty_hours(session, organisation=self.root, hours=EVERY_DAY, now=NOW - timedelta(days=30))

    def _add(self, code: str, parent: Organisation) -> Organisation:
        return organisations.add_organisation(self.session, code=code, name=code, level=Level.STREET, parent=parent)

    def hire(
        self,
        name: str,
        at: Organisation | None = None,
        role: Role = Role.DUTY_OFFICER,
        also: Organisation | None = None,
    ) -> Staff:
        member = accounts.create_staff(
            self.session, login_name=name, display_name=name, password=PASSWORD, now=NOW - timedelta(days=60)
        )
        for node in filter(None, (at or self.root, also)):
            give_post(self.session, member=member, wanted=Wanted(role, node), by=None, now=NOW - timedelta(days=60))
        token = accounts.open_session(self.session, member=member, kind=SessionKind.SCREEN, now=NOW, proven_at=NOW)
        found = accounts.find_by_session(self.session, token=token, kind=SessionKind.SCREEN, now=NOW)
        assert found is not None
        return found

    def alert(self, at: Organisation | None = None, **changes) -> Alert:
        given = {
            "source_kind": SourceKind.RESPONSE,
            "source_public_id": new_public_id(),
            "rule": "phq9_item9",
            "rule_version": "phq9-1.0.0",
            "grade": Grade.SERIOUS,
            "is_reachable": False,
            "now": NOW,
        }
        return crisis.raise_alert(self.session, organisation_id=(at or self.root).id, **(given | changes))

    def leave_number(self, alert: Alert, *, phone: str = PHONE, now: datetime = NOW, **changes) -> datetime | None:
        given = {"call_when": CallWhen.ANY, "is_minor": False}
        return crisis.leave_contact(
            self.session,
            source_kind=alert.source_kind,
            source_public_id=alert.source_public_id,
            organisation_id=alert.organisation_id,
            phone=phone,
            now=now,
            **(given | changes),
        )
