"""The way of a new colleague: a link, a password, an authenticator, the first page. And nothing for anybody else."""

from datetime import timedelta

import pytest

from server.accounts import invitations
from server.accounts.policy import Role
from server.accounts.posts import Wanted
from server.accounts.staff import as_staff
from server.accounts.staff_models import StaffMember
from server.clock import utc_now
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.test_second_factor import enrol
from tests.canaries import PASSWORD


@pytest.fixture
def invite(world):
    world.hire("admin", role=Role.SECURITY_ADMINISTRATOR)

    def work(session, role):
        admin = as_staff(session, world.only(StaffMember, StaffMember.login_name == "admin"), now=utc_now())
        wanted = Wanted(role, world.root)
        return invitations.invite(
            session, login_name="li.new", display_name="<b>李新</b>", wanted=wanted, by=admin, now=utc_now()
        )[1]

    return lambda role=Role.DUTY_OFFICER: world.parts.database.write(lambda session: work(session, role))


def take(colleague: Colleague, token: str, new: str = PASSWORD, again: str | None = None):
    return colleague.post(f"/console/invitation/{token}", new=new, again=new if again is None else again)


def test_from_the_link_to_the_first_page(app, invite):
    token, newcomer = invite(), Colleague(app)
    page = text_of(newcomer.get(f"/console/invitation/{token}"))
    assert "&lt;b&gt;李新&lt;/b&gt;" in page
    assert 'value="li.new"' in page

    assert take(newcomer, token).headers["Location"] == "/console/second-factor"
    assert enrol(newcomer)[1].status_code == 200
    assert newcomer.get("/console/duty").status_code == 200


def test_who_needs_no_second_factor_is_in_at_once(app, invite):
    token, newcomer = invite(Role.SUPERVISOR), Colleague(app)

    assert take(newcomer, token).headers["Location"] == "/console/"
    assert newcomer.get("/console/duty").status_code == 200


def test_the_link_alone_opens_nothing_else(app, invite):
    token, newcomer = invite(), Colleague(app)
    newcomer.get(f"/console/invitation/{token}")

    assert newcomer.get("/console/duty").headers["Location"] == "/console/sign-in?over=1"
    assert newcomer.try_to_sign_in("li.new", "").status_code == 403


@pytest.mark.parametrize(
    ("new", "again", "says"),
    [("short", None, "至少 12 个字符"), (PASSWORD, "another", "不一样"), ("li.newli.newli.new", None, "太容易猜到")],
)
def test_a_password_that_will_not_do_is_explained_and_the_link_stays(app, invite, new, again, says):
    token, newcomer = invite(), Colleague(app)
    answer = take(newcomer, token, new, again)

    assert answer.status_code == 422
    assert says in text_of(answer)
    assert take(newcomer, token).status_code == 303


def test_a_link_that_is_over_is_one_and_the_same_page_whatever_the_reason(app, invite, clock):
    token = invite()
    take(Colleague(app), token)
    visitor = Colleague(app)
    for call in (lambda token: visitor.get(f"/console/invitation/{token}"), lambda token: take(visitor, token)):
        seen = [visitor.without_request_id(call(link)) for link in (token, "x" * 43, "%E8%80%81", "a%00b")]
        assert seen[0][0] == 404
        assert "这个链接打不开了" in seen[0][1]
        assert all(other == seen[0] for other in seen)


def test_an_old_link_is_over_too(app, invite, clock):
    token = invite()
    clock.shift(timedelta(hours=72, seconds=1))
    visitor = Colleague(app)

    assert visitor.without_request_id(visitor.get(f"/console/invitation/{token}")) == visitor.without_request_id(
        visitor.get(f"/console/invitation/{'x' * 43}")
    )
