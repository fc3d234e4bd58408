"""Unionids are learnt from WeChat in batches, once a month, and one bad openid spoils nothing."""

import pytest
import sqlalchemy as sa

from server.accounts.models import WechatIdentity
from server.accounts.residents import follow, resident_of
from server.clock import utc_now
from server.wechat.client import WeChatError
from server.wechat.unions import learn_next
from tests.blueprints.wechat_login import platform_for

PEOPLE = ("chen-jing", "li-qiang", "wu-min")


@pytest.fixture
def platform(app):
    with platform_for(app) as found:
        yield found


def set_up(app, platform, *, bound: bool) -> None:
    platform.arrange("/account", is_bound=bound)
    parts = app.extensions["xinqiao"]
    app_id = parts.settings.wechat_oa_app_id
    for who in PEOPLE:
        openid = platform.openid(who)
        platform.follow(who)
        parts.database.write(
            lambda session, o=openid: follow(session, app_id=app_id, openid=o, sent_at=1, now=utc_now())
        )


def learn(app) -> bool:
    parts = app.extensions["xinqiao"]
    return learn_next(parts.database, parts.wechat_api, app_id=parts.settings.wechat_oa_app_id)


def identities(app) -> list[WechatIdentity]:
    return app.extensions["xinqiao"].database.read(lambda session: session.scalars(sa.select(WechatIdentity)).all())


def test_followers_of_a_bound_account_get_their_unionid_and_are_not_asked_about_again(app, platform):
    set_up(app, platform, bound=True)

    assert learn(app)
    assert len({one.union_index for one in identities(app)}) == len(PEOPLE)
    assert None not in {one.union_index for one in identities(app)}
    assert not learn(app)


def test_where_the_account_is_bound_to_nothing_it_is_asked_once(app, platform):
    set_up(app, platform, bound=False)

    assert learn(app)
    assert {one.union_index for one in identities(app)} == {None}
    assert not learn(app)


def test_an_openid_that_wechat_does_not_know_costs_the_others_nothing(app, platform):
    set_up(app, platform, bound=True)
    parts = app.extensions["xinqiao"]
    app_id = parts.settings.wechat_oa_app_id
    parts.database.write(lambda session: resident_of(session, app_id=app_id, openid="o-unknown", now=utc_now()))

    assert learn(app)
    assert sum(one.union_index is not None for one in identities(app)) == len(PEOPLE)
    assert not learn(app)


def test_when_wechat_does_not_answer_the_next_run_asks_again(app, platform):
    set_up(app, platform, bound=True)
    platform.arrange("/faults", kind="errcode", errcode=45009, path="/cgi-bin/user/info/batchget", count=1)
    with pytest.raises(WeChatError):
        learn(app)

    assert learn(app)
    assert None not in {one.union_index for one in identities(app)}
