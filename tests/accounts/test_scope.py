"""What a colleague sees: area, line and team, whatever the query. The oracle below says it once more, without SQL."""

import contextlib
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, aliased

from server.accounts import staff as accounts
from server.accounts.policy import PERMISSIONS, Permission, Role
from server.accounts.scope import EVERYWHERE, seen_by
from server.accounts.staff import Post, Staff
from server.accounts.staff_models import StaffMember, StaffPost, Team
from server.crisis import desk
from server.crisis.models import Alert, SourceKind
from server.db import Database
from server.errors import NotFound
from server.ids import new_public_id
from server.organisations import service as organisations
from server.organisations.models import Department, Level, Organisation
from server.risk.grades import Grade
from tests.conftest import NOW

WATCHING = [role for role in Role if Permission.WATCH_ALERTS in PERMISSIONS[role]]


@dataclass(frozen=True)
class Record:
    node: int
    department: int | None
    team: int | None


@dataclass(frozen=True)
class Held:
    role: Role
    node: int
    department: int | None
    team: int | None


@st.composite
def worlds(draw):
    parents = [draw(st.integers(0, number - 1)) for number in range(1, draw(st.integers(2, 9)))]
    node, some = st.integers(0, len(parents)), st.none() | st.integers(0, 1)
    records = draw(st.lists(st.builds(Record, node, some, some), max_size=12))
    posts = draw(st.lists(st.builds(Held, st.sampled_from([*WATCHING, Role.EDITOR]), node, some, some), max_size=3))
    return parents, records, posts


def is_below(parents: list[int], node: int, above: int) -> bool:
    while node != above and node:
        node = parents[node - 1]
    return node == above


def expected(parents: list[int], records: list[Record], posts: list[Held]) -> set[int]:
    return {
        number
        for number, record in enumerate(records)
        if any(
            post.role in WATCHING
            and is_below(parents, record.node, post.node)
            and post.department in (None, record.department)
            and post.team in (None, record.team)
            for post in posts
        )
    }


class Tree:
    """The drawn world as rows."""

    def __init__(self, session: Session, parents: list[int], records: list[Record], posts: list[Held]) -> None:
        self.nodes = [self._node(session, 0, None)]
        for number, parent in enumerate(parents, start=1):
            self.nodes.append(self._node(session, number, self.nodes[parent]))
        self.departments = [
            Department(public_id=new_public_id(), code=f"D{number}", name=f"D{number}", is_active=True)
            for number in range(2)
        ]
        self.teams = [
            Team(public_id=new_public_id(), organisation_id=self.nodes[0].id, name=f"T{number}", is_active=True)
            for number in range(2)
        ]
        session.add_all([*self.departments, *self.teams])
        session.flush()
        self.alerts = [self._alert(record, number) for number, record in enumerate(records)]
        session.add_all(self.alerts)
        member = accounts.create_staff(session, login_name="somebody", display_name="somebody", password=None, now=NOW)
        session.add_all(self._post(member, post) for post in posts)
        session.flush()
        self.staff = accounts.as_staff(session, member, now=NOW)

    @staticmethod
    def _node(session, number, parent):
        return organisations.add_organisation(
            session, code=f"N{number}", name=f"N{number}", level=Level.STREET, parent=parent
        )

    def _id(self, rows, number):
        return None if number is None else rows[number].id

    def _alert(self, record, number):
        return Alert(
            public_id=new_public_id(),
            organisation_id=self.nodes[record.node].id,
            department_id=self._id(self.departments, record.department),
            team_id=self._id(self.teams, record.team),
            source_kind=SourceKind.RESPONSE,
            source_public_id=f"source-{number}",
            rule="rule",
            rule_version="1",
            grade=Grade.SERIOUS,
            urgency=2,
            is_minor=False,
            is_reachable=False,
            raised_at=NOW,
        )

    def _post(self, member, held):
        return StaffPost(
            public_id=new_public_id(),
            staff_id=member.id,
            organisation_id=self.nodes[held.node].id,
            department_id=self._id(self.departments, held.department),
            team_id=self._id(self.teams, held.team),
            role=held.role,
            starts_on=(NOW - timedelta(days=9)).date(),
        )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_no_way_to_ask_shows_a_row_outside_the_scope(database: Database, world):
    parents, records, posts = world
    wanted = expected(parents, records, posts)

    def work(session: Session) -> None:
        tree = Tree(session, parents, records, posts)
        ids = {alert.id: number for number, alert in enumerate(tree.alerts)}
        session.expunge_all()  # what is loaded already is not asked for again
        other = aliased(Alert)
        with seen_by(session, tree.staff, Permission.WATCH_ALERTS):
            listed = {ids[alert.id] for alert in session.scalars(sa.select(Alert))}
            columns = {ids[number] for number in session.scalars(sa.select(Alert.id))}
            counted = session.scalar(sa.select(sa.func.count()).select_from(Alert))
            renamed = {ids[number] for number in session.scalars(sa.select(other.id))}
            below = {ids[number] for number in session.scalars(sa.select(sa.select(Alert.id).subquery().c.id))}
            grouped = session.execute(sa.select(Alert.grade, sa.func.count()).group_by(Alert.grade)).all()
            joined = session.scalars(
                sa.select(Alert.id).join(Organisation, Organisation.id == Alert.organisation_id)
            ).all()
            found = {number for key, number in ids.items() if session.get(Alert, key) is not None}
            details = {number for number in ids.values() if is_shown(session, tree, number)}
            changed = session.execute(sa.update(Alert).values(rule_version="2"))
        assert listed == columns == renamed == below == found == details == wanted
        assert {ids[number] for number in joined} == wanted
        assert counted == sum(count for _, count in grouped) == changed.rowcount == len(wanted)
        session.rollback()

    database.write(work)


def is_shown(session: Session, tree: Tree, number: int) -> bool:
    try:
        desk.get_alert(session, public_id=tree.alerts[number].public_id, staff=tree.staff)
    except NotFound:
        return False
    return True


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_of_the_tree_one_sees_what_lies_below_ones_posts(database: Database, world):
    parents, _, posts = world

    def work(session: Session) -> None:
        tree = Tree(session, parents, [], posts)
        numbers = {node.id: number for number, node in enumerate(tree.nodes)}
        with seen_by(session, tree.staff, Permission.WATCH_ALERTS):
            seen = {numbers[key] for key in session.scalars(sa.select(Organisation.id))}
        watching = [post.node for post in posts if post.role in WATCHING]
        assert seen == {node for node in numbers.values() if any(is_below(parents, node, above) for above in watching)}
        session.rollback()

    database.write(work)


def test_colleagues_are_seen_by_their_posts(session: Session):
    tree = Tree(session, [0, 0], [], [])
    here = accounts.create_staff(session, login_name="here", display_name="here", password=None, now=NOW)
    there = accounts.create_staff(session, login_name="there", display_name="there", password=None, now=NOW)
    for member, node in ((here, 1), (there, 2)):
        session.add(tree._post(member, Held(Role.CLERK, node, None, None)))
    session.flush()
    asker = Staff(0, "x", "x", (Post(Role.SUPERVISOR, tree.nodes[1].path),))
    with seen_by(session, asker, Permission.SEE_STAFF):
        assert session.scalars(sa.select(StaffMember.login_name)).all() == ["here"]
        everybody = sa.select(StaffMember.login_name).execution_options(**EVERYWHERE)
        assert set(session.scalars(everybody)) >= {"here", "there"}


def test_after_the_block_the_session_is_as_before(session: Session):
    tree = Tree(session, [0], [Record(0, None, None)], [])
    nobody, everywhere = Staff(0, "x", "x", ()), Staff(0, "x", "x", (Post(Role.DUTY_OFFICER, "/", True),))

    def count() -> int:
        return len(session.scalars(sa.select(Alert)).all())

    with seen_by(session, nobody, Permission.WATCH_ALERTS):
        assert count() == 0
        with contextlib.suppress(ZeroDivisionError), seen_by(session, everywhere, Permission.WATCH_ALERTS):
            assert count() == 1
            raise ZeroDivisionError
        assert count() == 0

    assert session.scalars(sa.select(Alert)).all() == tree.alerts
