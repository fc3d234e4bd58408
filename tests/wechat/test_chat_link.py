"""我的, asked for in the chat: a plain link where WeChat tells the page who opened it, a link of one's own elsewhere."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from server.accounts.holdings import Holding, Holdings
from server.accounts.models import Resident, ResidentCode, ResidentSession
from server.config import AccountKind
from tests.blueprints.visitor import Visitor
from tests.wechat.helpers import WeChat, event, make_district, new_openid, text_message

WITHOUT_WEB_LOGIN = [kind for kind in AccountKind if kind is not AccountKind.SERVICE]


def wechat_of(app, database, kind: AccountKind) -> WeChat:
    make_district(database)
    parts = app.extensions["xinqiao"]
    settings = parts.settings.model_copy(update={"wechat_oa_kind": kind})
    app.extensions["xinqiao"] = replace(parts, settings=settings)
    return WeChat.of(app.test_client(), settings)


def link_in(content: str) -> str:
    return re.search(r'href="http://[^/]+(/h5/me[^"]*)"', content)[1]


def rows(database, model):
    return database.read(lambda session: session.scalars(sa.select(model)).all())


@pytest.mark.parametrize("words", ["我的", " 我的。", "登录"])
def test_a_certified_service_account_answers_with_the_same_link_for_everybody(app, database, words):
    wechat = wechat_of(app, database, AccountKind.SERVICE)
    content = wechat.push(text_message(words)).content

    assert link_in(content) == "/h5/me"
    assert "12356" in content
    assert rows(database, Resident) == [], "who only asks for the way is not written down"
    assert wechat.push(event("CLICK", EventKey="ME")).content == content


@pytest.mark.parametrize("kind", WITHOUT_WEB_LOGIN)
def test_any_other_account_gives_a_link_of_ones_own(app, database, kind):
    wechat = wechat_of(app, database, kind)
    content = wechat.push(text_message("我的")).content
    visitor = Visitor(app)
    visitor.open(link_in(content))

    assert "10 分钟" in content
    assert visitor.press("在这部手机上登录").path == "/h5/me"
    assert rows(database, ResidentSession)[0].resident_id == rows(database, Resident)[0].id


def test_whoever_asks_twice_is_one_resident_with_two_links(app, database):
    wechat = wechat_of(app, database, AccountKind.SUBSCRIPTION)
    openid = new_openid()
    links = {link_in(wechat.push(text_message("我的", openid=openid)).content) for _ in range(2)}

    assert len(links) == len(rows(database, ResidentCode)) == 2
    assert len(rows(database, Resident)) == 1


def test_a_message_that_wechat_sends_again_gets_the_same_link(app, database):
    wechat = wechat_of(app, database, AccountKind.SUBSCRIPTION)
    message = text_message("我的")

    assert wechat.push(message).content == wechat.push(message).content
    assert len(rows(database, ResidentCode)) == 1


def test_the_links_secret_is_not_in_the_store(app, database):
    wechat = wechat_of(app, database, AccountKind.SUBSCRIPTION)
    code = link_in(wechat.push(text_message("我的")).content).rsplit("/", 1)[1]

    assert code not in {row.code_hash for row in rows(database, ResidentCode)}


class Listener(Holding):
    """A domain that would send messages."""

    def __init__(self) -> None:
        self.ended: list[int] = []

    def unfollowed(self, session, *, resident_id, now):
        self.ended.append(resident_id)


def test_whoever_unfollows_is_sent_nothing_from_that_moment_on(app, database):
    listener = Listener()
    app.extensions["xinqiao"] = replace(app.extensions["xinqiao"], holdings=Holdings([listener]))
    wechat = wechat_of(app, database, AccountKind.SERVICE)
    wechat.push(event("subscribe", EventKey=""))
    wechat.push(event("unsubscribe", EventKey=""))

    assert listener.ended == [resident.id for resident in rows(database, Resident)]


def test_a_stranger_who_unfollows_ends_nothing(app, database):
    listener = Listener()
    app.extensions["xinqiao"] = replace(app.extensions["xinqiao"], holdings=Holdings([listener]))
    wechat_of(app, database, AccountKind.SERVICE).push(event("unsubscribe", EventKey=""))

    assert listener.ended == []
