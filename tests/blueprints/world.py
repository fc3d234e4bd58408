"""A small district: two streets with a community each, duty from 8:00 to 22:00, and the colleagues who are on it."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from server.accounts import second_factor
from server.accounts import staff as accounts
from server.accounts.policy import DISTRICT_ROLES, Role, needs_second_factor
from server.accounts.posts import Wanted, give_post
from server.accounts.staff_models import StaffMember
from server.assessment.models import Answer, Response
from server.audit.models import AuditEvent
from server.clock import utc_now
from server.crisis import service as crisis
from server.crisis.models import Alert, CallWhen, SourceKind
from server.ids import new_public_id
from server.organisations import departments, service_points
from server.organisations import service as organisations
from server.organisations.models import EntryPoint, EntryPointDay, HostKind, Level, Organisation
from server.parts import Parts
from server.risk.grades import Grade
from tests.authenticator import SECRET
from tests.canaries import PASSWORD
from tests.conftest import NOW

EVERY_DAY = [(day, 8 * 60, 22 * 60) for day in range(7)]
NIGHT = NOW + timedelta(hours=11)  # 23:00 in Shanghai, nobody on duty


@dataclass
class World:
    parts: Parts
    root: Organisation
    streets: list[Organisation]
    communities: list[Organisation]

    @classmethod
    def build(cls, app: Flask, *, hours=EVERY_DAY) -> "World":
        parts = app.extensions["xinqiao"]

        def work(session):
            root = organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)
            streets, communities = [], []
            for number, name in enumerate(("云岭街道", "荷溪街道"), start=1):
                street = organisations.add_organisation(
                    session, code=f"S{number}", name=name, level=Level.STREET, parent=root
                )
                streets.append(street)
                communities.append(
                    organisations.add_organisation(
                        session, code=f"S{number}-1", name=f"{name}新庄社区", level=Level.COMMUNITY, parent=street
                    )
                )
            if hours:
                crisis.set_duty_hours(session, organisation=root, hours=hours, now=NOW - timedelta(days=30))
            return cls(parts, root, streets, communities)

        return parts.database.write(work)

    def hire(
        self,
        login_name: str,
        *,
        role=Role.DUTY_OFFICER,
        at: Organisation | None = None,
        name: str = "",
        has_factor: bool | None = None,
    ) -> str:
        """With the authenticator of tests/authenticator.py where the role needs one, or as `has_factor` says."""

        def work(session):
            member = accounts.create_staff(
                session, login_name=login_name, display_name=name or login_name, password=PASSWORD, now=NOW
            )
            # A role of the whole district is held at its root, wherever a test would like it.
            place = self.root if role in DISTRICT_ROLES else at or self.root
            give_post(session, member=member, wanted=Wanted(role, place), by=None, now=NOW - timedelta(days=60))
            if needs_second_factor([role]) if has_factor is None else has_factor:
                second_factor.set_factor(session, who=member, secret=SECRET, now=NOW)
            return member.public_id

        return self.parts.database.write(work)

    def add_post(self, login_name: str, role: Role, at: Organisation) -> None:
        def work(session):
            member = session.scalars(sa.select(StaffMember).where(StaffMember.login_name == login_name)).one()
            give_post(session, member=member, wanted=Wanted(role, at), by=None, now=NOW - timedelta(days=60))

        self.parts.database.write(work)

    def print_code(self, at: Organisation, *, door="assessment", target="phq9", **dates) -> str:
        def work(session):
            return organisations.make_entry_point(
                session, doors=self.parts.doors, organisation=at, door=door, target=target, now=NOW, **dates
            ).code

        return self.parts.database.write(work)

    def open_service_point(self, at: Organisation) -> str:
        wanted = service_points.Wanted(
            new_public_id(), "新村路 1 号", "020-88886666", "每天 9:00-17:00", HostKind.OTHER, True, True
        )

        def work(session):
            actor = ("cli", "-")
            return service_points.add_service_point(session, place=at, wanted=wanted, actor=actor, now=NOW).public_id

        return self.parts.database.write(work)

    def add_department(self) -> str:
        def work(session):
            code, actor = f"d{new_public_id().strip('-_')}", ("cli", "-")
            return departments.add_department(session, code=code, name="教育", actor=actor, now=NOW).public_id

        return self.parts.database.write(work)

    def raise_alert(self, at: Organisation | None = None, *, number: str = "", grade=Grade.SERIOUS) -> str:
        """As an anonymous response would; with a number it can be reached and rings. Returns its public id."""
        source = {
            "source_kind": SourceKind.RESPONSE,
            "source_public_id": new_public_id(),
            "organisation_id": (at or self.root).id,
            "now": utc_now(),
        }

        def work(session):
            alert = crisis.raise_alert(
                session, rule="phq9_item9", rule_version="1", grade=grade, is_reachable=False, **source
            )
            if number:
                crisis.leave_contact(session, phone=number, call_when=CallWhen.ANY, is_minor=False, **source)
            return alert.public_id

        return self.parts.database.write(work)

    # --- what the tests look up -----------------------------------------------------------------------------------

    def all(self, model, *where):
        return self.parts.database.read(lambda session: session.scalars(sa.select(model).where(*where)).all())

    def only(self, model, *where):
        [row] = self.all(model, *where)
        return row

    def acts(self, action: str) -> list[AuditEvent]:
        return self.all(AuditEvent, AuditEvent.action == action)

    def alerts(self) -> list[Alert]:
        return self.all(Alert)

    def responses(self) -> list[Response]:
        return self.all(Response)

    def answers(self) -> dict[str, int]:
        return {row.item_id: row.code for row in self.all(Answer)}

    def uses(self, code: str) -> tuple[int, int, int]:
        """(scans, starts, finishes) of a code over all days."""
        point = self.only(EntryPoint, EntryPoint.code == code)
        days = self.all(EntryPointDay, EntryPointDay.entry_point_id == point.id)
        return sum(day.scans for day in days), sum(day.starts for day in days), sum(day.finishes for day in days)
