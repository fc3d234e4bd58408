"""The worker's ticks for residents, as the worker runs them: each does what is due, and nothing when run again."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts.log_ins import make_code
from server.accounts.models import CodeKind, Resident, ResidentCode, WechatIdentity
from server.accounts.residents import follow, resident_of, unfollow
from server.clock import utc_now
from server.scheduler import Worker
from tests.blueprints.wechat_login import WHO, platform_for


@pytest.fixture
def worker(app) -> Worker:
    return Worker(app.extensions["xinqiao"])


def rows(database, model):
    return database.read(lambda session: session.scalars(sa.select(model)).all())


def test_a_unionid_that_is_learnt_late_makes_one_of_two(app, database):
    with platform_for(app) as platform:
        parts = app.extensions["xinqiao"]
        app_id, openid = parts.settings.wechat_oa_app_id, platform.openid()
        platform.arrange("/account", is_bound=True)
        platform.follow(WHO)
        database.write(lambda session: follow(session, app_id=app_id, openid=openid, sent_at=1, now=utc_now()))
        worker = Worker(parts)
        for _ in range(2):
            worker.learn_unions()
        [identity] = rows(database, WechatIdentity)
        assert identity.union_index is not None

        def come_by_mini_program(session):
            resident = resident_of(session, app_id="wxmp", openid="m-1", now=utc_now())
            found = session.scalars(sa.select(WechatIdentity).where(WechatIdentity.app_id == "wxmp")).one()
            found.union_index = identity.union_index
            return resident.id

        database.write(come_by_mini_program)
        for _ in range(2):
            worker.join_residents()

    assert len(rows(database, Resident)) == 1
    assert len(rows(database, WechatIdentity)) == 2


def test_who_left_long_ago_is_forgotten(worker, database):
    long_ago = utc_now() - timedelta(days=31)

    def come_and_go(session):
        follow(session, app_id="wx", openid="o-1", sent_at=1, now=long_ago)
        unfollow(session, app_id="wx", openid="o-1", sent_at=2, now=long_ago)

    database.write(come_and_go)
    for _ in range(2):
        worker.forget_residents()

    assert rows(database, Resident) == []


def test_more_than_a_page_of_people_is_forgotten_in_one_go(worker, database):
    long_ago = utc_now() - timedelta(days=31)

    def come_and_go(session):
        for number in range(130):
            follow(session, app_id="wx", openid=f"o-{number}", sent_at=1, now=long_ago)
            unfollow(session, app_id="wx", openid=f"o-{number}", sent_at=2, now=long_ago)

    database.write(come_and_go)
    worker.forget_residents()

    assert rows(database, Resident) == []


def test_tidying_drops_links_whose_time_is_over_and_the_second_of_a_following(worker, database):
    hours_ago = utc_now() - timedelta(hours=2)

    def come(session):
        resident = follow(session, app_id="wx", openid="o-1", sent_at=int(hours_ago.timestamp()), now=hours_ago)
        make_code(session, resident=resident, kind=CodeKind.LOG_IN, now=hours_ago)

    database.write(come)
    for _ in range(2):
        worker.tidy()

    assert rows(database, ResidentCode) == []
    [identity] = rows(database, WechatIdentity)
    assert (identity.changed_at_wechat + 8 * 3600) % 86400 == 0
