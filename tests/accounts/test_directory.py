"""Who is shown to whom, and how they are found. The oracle below says it once more, without SQL."""

import itertools
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts import directory, leaving, teams
from server.accounts import staff as accounts
from server.accounts.directory import ENDS_SOON, State, Term, Wish
from server.accounts.leaving import Reason
from server.accounts.policy import DISTRICT_ROLES, PERMISSIONS, Permission, Role
from server.accounts.scope import seen_by
from server.accounts.staff import Post, Staff
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, Team
from server.clock import local_day
from server.db import Database
from server.errors import NotFound
from server.ids import new_public_id
from server.organisations import picking
from server.organisations import service as organisations
from server.organisations.models import Department, Level
from server.pagination import Asked
from tests.conftest import NOW

TODAY = local_day(NOW)
DAY = timedelta(days=1)
SEEING = [role for role in Role if Permission.SEE_STAFF in PERMISSIONS[role]]
NAMES = ("li.min", "li.na", "wang-9", "zh_chen", "a%b", "zhao")
SHOWN_NAMES = ("李敏", "李娜", "王 9", "陈_章", "Abe", "赵敏")


@dataclass(frozen=True)
class Held:
    role: Role
    node: int
    line: int | None
    team: int | None
    starts_on: date
    ends_on: date | None

    def is_over(self) -> bool:
        return self.ends_on is not None and self.ends_on <= TODAY


@dataclass(frozen=True)
class Person:
    number: int
    is_active: bool
    has_password: bool
    posts: tuple[Held, ...]

    @property
    def state(self) -> State:
        if not self.is_active:
            return State.OFF
        return State.ACTIVE if self.has_password else State.INVITED


@dataclass(frozen=True)
class World:
    parents: list[int]
    people: list[Person]
    asker: list[Held]

    def is_below(self, node: int, above: int) -> bool:
        while node != above and node:
            node = self.parents[node - 1]
        return node == above

    def shows_post(self, post: Held) -> bool:
        return any(
            mine.role in SEEING
            and self.is_below(post.node, mine.node)
            and mine.line in (None, post.line)
            and mine.team in (None, post.team)
            for mine in self.asker
        )

    def posts_shown(self, person: Person) -> list[Held]:
        return [post for post in person.posts if self.shows_post(post)]

    def shows(self, person: Person) -> bool:
        sees_all = any(
            mine.role in SEEING and mine.node == 0 and mine.line is None and mine.team is None for mine in self.asker
        )
        return sees_all or bool(self.posts_shown(person))


# From when until when, in days from today: each side of each border.
TERMS = [(-30, -1), (-30, 0), (-30, 1), (-3, 14), (-3, 15), (-3, None), (0, None), (1, None), (3, 20), (3, 0)]


def dates(draw) -> tuple[date, date | None]:
    starts, ends = draw(st.sampled_from(TERMS))
    return TODAY + starts * DAY, None if ends is None else TODAY + ends * DAY


@st.composite
def worlds(draw):
    parents = [draw(st.integers(0, number - 1)) for number in range(1, draw(st.integers(2, 7)))]
    node, some = st.integers(0, len(parents)), st.none() | st.integers(0, 1)

    def held(roles) -> Held:
        role = draw(st.sampled_from(roles))
        if role in DISTRICT_ROLES:
            return Held(role, 0, None, None, *dates(draw))
        return Held(role, draw(node), draw(some), draw(some), *dates(draw))

    people = []
    for number in range(draw(st.integers(3, len(NAMES)))):
        posts = tuple(held(list(Role)) for _ in range(draw(st.integers(0, 3))))
        people.append(Person(number, draw(st.booleans()), draw(st.booleans()), posts))
    asker = [held([*SEEING, Role.SUPERVISOR, Role.SUPERVISOR, Role.EDITOR]) for _ in range(draw(st.integers(1, 2)))]
    return World(parents, people, asker)


def every_wish(world: World) -> list[dict]:
    """Each filter with each value, and pairs that must hold of one and the same post. As numbers of the world."""
    posts = [post for person in world.people for post in person.posts]
    asked = [
        *({"named": named} for named in ("", "li", "LI.", "李", "敏", "%", "_", "abe", "zh", "无")),
        *({"state": state} for state in State),
        *({"role": role} for role in {post.role for post in posts}),
        *({"node": node} for node in range(len(world.parents) + 2)),
        *({"line": line} for line in range(2)),
        {"ends_soon": True},
        *({"role": post.role, "node": post.node} for post in posts),
        *({"role": one.role, "line": other.line} for one, other in itertools.pairwise(posts)),
        {"state": State.ACTIVE, "ends_soon": True},
    ]
    nothing = {"named": "", "state": None, "role": None, "node": None, "line": None, "ends_soon": False}
    return [nothing | one for one in asked]


def is_wanted(world: World, person: Person, wish: dict) -> bool:
    login, name, named = NAMES[person.number], SHOWN_NAMES[person.number].lower(), wish["named"].lower()
    if named and not (login.startswith(named) or named in name):
        return False
    if wish["state"] and person.state is not wish["state"]:
        return False
    if wish["role"] is None and wish["node"] is None and wish["line"] is None and not wish["ends_soon"]:
        return True
    return any(
        not post.is_over()
        and wish["role"] in (None, post.role)
        and (wish["node"] is None or (sees_node(world, wish["node"]) and world.is_below(post.node, wish["node"])))
        and wish["line"] in (None, post.line)
        and (not wish["ends_soon"] or (post.ends_on is not None and post.ends_on <= TODAY + ENDS_SOON))
        for post in world.posts_shown(person)
    )


def sees_node(world: World, node: int) -> bool:
    return node <= len(world.parents) and any(
        mine.role in SEEING and world.is_below(node, mine.node) for mine in world.asker
    )


class Rows:
    """The drawn world as rows."""

    def __init__(self, session: Session, world: World) -> None:
        self.nodes = [self._node(session, 0, None)]
        for number, parent in enumerate(world.parents, start=1):
            self.nodes.append(self._node(session, number, self.nodes[parent]))
        self.lines = [
            Department(public_id=new_public_id(), code=f"D{number}", name=f"D{number}", is_active=True)
            for number in range(2)
        ]
        self.teams = [
            Team(public_id=new_public_id(), organisation_id=self.nodes[-number].id, name=f"T{number}", is_active=True)
            for number in range(2)
        ]
        session.add_all([*self.lines, *self.teams])
        session.flush()
        self.members = [self._hire(session, person) for person in world.people]
        asker = accounts.create_staff(session, login_name="asker", display_name="问", password=None, now=NOW)
        # Handed in rather than held: what somebody sees hangs on the posts of today, and these all are.
        self.asker = Staff(asker.id, asker.public_id, "问", tuple(self._post(held) for held in world.asker))

    def _post(self, held: Held) -> Post:
        line, team = self._id(self.lines, held.line), self._id(self.teams, held.team)
        return Post(held.role, self.nodes[held.node].path, held.node == 0, line, team)

    @staticmethod
    def _node(session, number, parent):
        return organisations.add_organisation(
            session, code=f"N{number}", name=f"N{number}", level=Level.STREET, parent=parent
        )

    @staticmethod
    def _id(rows, number):
        return None if number is None else rows[number].id

    def _hire(self, session: Session, person: Person) -> StaffMember:
        member = accounts.create_staff(
            session, login_name=f"x{person.number}", display_name=SHOWN_NAMES[person.number], password=None, now=NOW
        )
        member.login_name = NAMES[person.number]  # also such as the form would not take
        member.is_active = person.is_active
        member.password_hash = "some" if person.has_password else ""
        session.add_all(
            StaffPost(
                public_id=new_public_id(),
                staff_id=member.id,
                organisation_id=self.nodes[held.node].id,
                department_id=self._id(self.lines, held.line),
                team_id=self._id(self.teams, held.team),
                role=held.role,
                starts_on=held.starts_on,
                ends_on=held.ends_on,
            )
            for held in person.posts
        )
        session.flush()
        return member

    def wish(self, wish: dict) -> Wish:
        node = wish["node"]
        place = "" if node is None else self.nodes[node].public_id if node < len(self.nodes) else new_public_id()
        line = "" if wish["line"] is None else self.lines[wish["line"]].public_id
        return Wish(wish["named"], wish["state"], wish["role"], place, line, wish["ends_soon"])


def list_all(session: Session, wish: Wish) -> list[str]:
    """Page by page, as somebody would walk through them."""
    found, cursor = [], ""
    while True:
        page = directory.list_colleagues(session, wish=wish, asked=Asked(cursor=cursor), now=NOW)
        found += [row.login_name for row in page.rows]
        if page.next is None:
            return found
        cursor = page.next


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_list_search_detail_and_teams_show_what_the_oracle_says(database: Database, world: World):
    shown = [person for person in world.people if world.shows(person)]

    def work(session: Session) -> None:
        rows = Rows(session, world)
        session.expunge_all()
        with seen_by(session, rows.asker, Permission.SEE_STAFF):
            for wish in every_wish(world):
                wanted = sorted(NAMES[person.number] for person in shown if is_wanted(world, person, wish))
                assert [name for name in list_all(session, rows.wish(wish)) if name != "asker"] == wanted, wish
            details = {person.number: detail(session, rows, person.number) for person in world.people}
            found = {number: team_names(session, team) for number, team in enumerate(rows.teams)}
        assert {number for number, one in details.items() if one} == {person.number for person in shown}
        for person in shown:
            expected = sorted((post.role, post.starts_on) for post in world.posts_shown(person))
            assert sorted((post.role, post.starts_on) for post in details[person.number].posts) == expected
        assert found == {number: members_of(world, number) for number in range(2)}
        session.rollback()

    database.write(work)


def detail(session: Session, rows: Rows, number: int):
    try:
        return directory.get_colleague(session, public_id=rows.members[number].public_id, now=NOW)
    except NotFound:
        return None


def team_names(session: Session, team: Team) -> list[str] | None:
    try:
        seen, _ = teams.get_team(session, public_id=team.public_id)
    except NotFound:
        return None
    return [colleague.login_name for colleague in directory.holders_of_team(session, team=seen, now=NOW)]


def members_of(world: World, number: int) -> list[str] | None:
    """The first team is the root's, the second the last node's."""
    if not sees_node(world, 0 if number == 0 else len(world.parents)):
        return None
    return sorted(
        NAMES[person.number]
        for person in world.people
        if any(post.team == number and not post.is_over() for post in world.posts_shown(person))
    )


# --- single cases -------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(session: Session) -> Rows:
    return Rows(session, World([0, 0], [], []))


def looking(rows: Rows, role: Role, node: int = 0) -> Staff:
    return Staff(rows.asker.id, rows.asker.public_id, "问", (Post(role, rows.nodes[node].path, node == 0),))


def test_many_colleagues_come_in_pages_and_each_once(session, rows):
    for number in range(120):
        accounts.create_staff(session, login_name=f"n{number:03}", display_name="n", password=None, now=NOW)
    with seen_by(session, looking(rows, Role.SECURITY_ADMINISTRATOR), Permission.SEE_STAFF):
        found = list_all(session, Wish(named="n"))

    assert found == [f"n{number:03}" for number in range(120)]


def test_a_post_that_ended_before_it_began_was_never_held(session, rows):
    post = Held(Role.CLERK, 1, None, None, TODAY + 3 * DAY, TODAY)
    member = rows._hire(session, Person(0, True, True, (post,)))
    [row] = directory.get_colleague(session, public_id=member.public_id, now=NOW).posts

    assert row.term is Term.ENDED


def test_factor_and_sessions_are_shown_to_who_looks_after_accounts_alone(session, rows):
    member = rows._hire(session, Person(0, True, True, (Held(Role.CLERK, 1, None, None, TODAY, None),)))
    for kind, now in (
        (SessionKind.SCREEN, NOW),
        (SessionKind.BELL, NOW),
        (SessionKind.SCREEN, NOW - accounts.IDLE - timedelta(minutes=1)),
    ):
        accounts.open_session(session, member=member, kind=kind, now=now)
    colleague = directory.get_colleague(session, public_id=member.public_id, now=NOW)

    def account(role: Role):
        return directory.find_account(session, colleague=colleague, by=looking(rows, role), now=NOW)

    assert account(Role.SECURITY_ADMINISTRATOR) == directory.Account(has_second_factor=False, open_sessions=1)
    for role in set(Role) - {Role.SECURITY_ADMINISTRATOR}:
        assert account(role) is None


def test_a_place_is_found_by_its_name_within_the_area_alone_and_says_what_lies_above(session, rows):
    def found(asker: Staff, named: str) -> list[tuple[str, tuple[str, ...]]]:
        with seen_by(session, asker, Permission.SEE_STAFF):
            return [(place.name, place.above) for place in picking.find_places(session, named=named)]

    everywhere, street = looking(rows, Role.SECURITY_ADMINISTRATOR), looking(rows, Role.SUPERVISOR, 1)
    assert found(everywhere, "") == [("N0", ()), ("N1", ("N0",)), ("N2", ("N0",))]
    assert found(everywhere, " N2 ") == [("N2", ("N0",))]
    assert found(everywhere, "%") == found(everywhere, "没有") == []
    assert found(street, "N") == [("N1", ())]
    with seen_by(session, street, Permission.SEE_STAFF), pytest.raises(NotFound):
        picking.get_place(session, public_id=rows.nodes[2].public_id)


def test_the_upper_places_of_a_list_are_ones_own_and_those_right_below(session, rows):
    deep = rows._node(session, 3, rows.nodes[1])
    rows._node(session, 4, deep)

    def names(asker: Staff) -> list[str]:
        with seen_by(session, asker, Permission.SEE_STAFF):
            return [node.name for node in picking.upper_places(session)]

    assert names(looking(rows, Role.SECURITY_ADMINISTRATOR)) == ["N0", "N1", "N2"]
    assert names(looking(rows, Role.SUPERVISOR, 1)) == ["N1", "N3"]
    assert names(Staff(0, "x", "x", ())) == []


def test_whoever_is_switched_off_keeps_their_posts_on_record_and_holds_none(session, rows):
    member = rows._hire(session, Person(0, True, True, (Held(Role.CLERK, 1, None, None, TODAY, None),)))
    security = looking(rows, Role.SECURITY_ADMINISTRATOR)
    leaving.switch_off(session, staff_public_id=member.public_id, reason=Reason.LEFT, by=security, domains=[], now=NOW)
    assert accounts.as_staff(session, member, now=NOW).posts == ()
    assert len(directory.get_colleague(session, public_id=member.public_id, now=NOW).posts_of(Term.HELD)) == 1
    leaving.switch_on(session, staff_public_id=member.public_id, by=security, now=NOW)

    assert len(accounts.as_staff(session, member, now=NOW).posts) == 1
