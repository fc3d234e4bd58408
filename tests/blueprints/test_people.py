"""Colleagues, posts and teams over HTTP: who is shown, what each act does, and that it is told what it does."""

import re
from datetime import timedelta

import pytest

from server.accounts.policy import Role
from server.accounts.staff_models import StaffPost
from server.clock import local_day
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.visitor import Page
from tests.conftest import NOW

TODAY = local_day(NOW)
DAY = timedelta(days=1)
LINK = re.compile(r"/console/invitation/([\w-]+)")


@pytest.fixture
def security(app, world) -> Colleague:
    world.hire("security1", role=Role.SECURITY_ADMINISTRATOR, name="安全甲")
    return Colleague(app).sign_in("security1")


def words(answer) -> str:
    return Page(answer, "").words


def test_smoke(app, world, security):
    staff_id = world.hire("duty1", name="值班员甲", at=world.streets[0])
    place = world.streets[0].public_id
    for address in (
        "/console/staff",
        f"/console/staff/{staff_id}",
        "/console/staff/new",
        f"/console/staff/new?place={place}",
        f"/console/staff/{staff_id}/posts/new",
        f"/console/staff/{staff_id}/posts/new?place={place}",
        "/console/teams",
        "/console/teams/new",
        f"/console/teams/new?place={place}",
        "/console/roles",
        f"/console/posts/{world.only(StaffPost, StaffPost.role == Role.DUTY_OFFICER).public_id}/end",
    ):
        answer = security.get(address)
        assert answer.status_code == 200, (address, text_of(answer)[:2000])
