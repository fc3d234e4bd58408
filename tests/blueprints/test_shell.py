"""The console's frame: a menu of what one may open, what waits on the first page, sentences that survive a redirect."""

import re
from datetime import timedelta

import pytest
from flask import Flask, render_template_string

from server.accounts.policy import PERMISSIONS, Role
from server.accounts.posts import Wanted, give_post
from server.accounts.staff_models import StaffMember
from server.blueprints.console import flashes, navigation
from server.clock import local_day
from server.config import ROOT
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.visitor import Page
from tests.canaries import PHONE
from tests.conftest import NOW

ICONS = set(re.findall(r'"([a-z]+)": "M', (ROOT / "server/templates/console/pieces.html").read_text(encoding="utf-8")))


def sign_in(app: Flask, world, role: Role, **place) -> Colleague:
    world.hire("somebody", role=role, name="同事甲", **place)
    return Colleague(app).sign_in("somebody")


def words_of(answer) -> str:
    return re.sub(r"\s+", " ", Page(answer, "").words)


def links_of(answer) -> set[str]:
    return set(re.findall(r'class="menu-link" href="([^"]+)"', text_of(answer)))


# --- the menu -----------------------------------------------------------------------------------------------------------


def test_the_menu_leads_only_to_pages_that_exist_under_their_own_permission(app):
    guards = {name: getattr(view, "guarded_by", None) for name, view in app.view_functions.items()}

    assert {entry.endpoint: guards.get(entry.endpoint) for entry in navigation.ENTRIES} == {
        entry.endpoint: entry.permission for entry in navigation.ENTRIES
    }
    assert len({entry.endpoint for entry in navigation.ENTRIES}) == len(navigation.ENTRIES)
    assert {entry.icon for entry in navigation.ENTRIES} <= ICONS


@pytest.mark.parametrize("role", Role)
def test_the_menu_shows_what_a_role_may_open_and_nothing_else_and_every_link_opens(app, world, role):
    colleague = sign_in(app, world, role)
    shown = links_of(colleague.get("/console/"))
    with app.test_request_context():
        wanted = {app.url_for(entry.endpoint) for entry in navigation.ENTRIES if entry.permission in PERMISSIONS[role]}

    assert shown == wanted
    assert all(colleague.get(address).status_code == 200 for address in shown)


def test_the_page_that_is_open_is_marked(app, world):
    html = text_of(sign_in(app, world, Role.DUTY_OFFICER).get("/console/"))

    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == ["/console/"] * 2  # at the desk and on a phone


def test_the_frame_says_who_is_here_under_which_posts(app, world):
    words = words_of(sign_in(app, world, Role.DUTY_OFFICER, at=world.streets[0]).get("/console/"))

    assert "同事甲" in words
    assert "值班员 · 云岭街道" in words


def test_a_duty_screen_leads_back_into_the_console(app, world):
    assert 'href="/console/"' in text_of(sign_in(app, world, Role.DUTY_OFFICER).get("/console/duty"))


# --- what waits ---------------------------------------------------------------------------------------------------------


def test_what_rings_stands_first_with_its_clock(app, world, clock):
    world.raise_alert(number=PHONE)
    world.raise_alert()
    clock.shift(12 * 60)
    words = words_of(sign_in(app, world, Role.DUTY_OFFICER).get("/console/"))

    assert re.search(r"正在响铃的求助 1 最久的已等 12 分钟", words)
    assert words.index("正在响铃的求助") < words.index("联系不上、等人看一眼的")


def test_what_i_took_over_waits_for_me_alone(app, world):
    world.hire("other", name="同事乙")
    colleague, other = sign_in(app, world, Role.DUTY_OFFICER), Colleague(app).sign_in("other")
    alert = world.raise_alert(number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")

    assert f'href="/console/duty/alerts/{alert}"' in text_of(colleague.get("/console/"))
    assert "我接手" not in text_of(other.get("/console/"))
    colleague.post(f"/console/duty/alerts/{alert}/close", outcome="reached")
    assert "我接手" not in text_of(colleague.get("/console/"))


def test_alerts_of_another_street_wait_for_somebody_else(app, world):
    world.raise_alert(world.communities[1], number=PHONE)

    assert "正在响铃" not in text_of(sign_in(app, world, Role.DUTY_OFFICER, at=world.streets[0]).get("/console/"))


@pytest.mark.parametrize(("days", "is_near"), [(1, True), (14, True), (15, False)])
def test_posts_that_end_within_two_weeks_wait_for_who_gives_posts(app, world, days, is_near):
    world.hire("leaver", name="同事乙", role=Role.CLERK)

    def add(session):
        member = session.query(StaffMember).filter_by(login_name="leaver").one()
        until = local_day(NOW) + timedelta(days=days)
        give_post(session, member=member, wanted=Wanted(Role.EDITOR, world.root, ends_on=until), by=None, now=NOW)

    world.parts.database.write(add)
    manager, officer = Colleague(app), Colleague(app)
    world.hire("manager", role=Role.DISTRICT_MANAGER)
    world.hire("officer")

    assert ("同事乙 · 内容编辑（榕江区）" in words_of(manager.sign_in("manager").get("/console/"))) is is_near
    assert "同事乙" not in text_of(officer.sign_in("officer").get("/console/"))


def test_with_nothing_to_do_it_says_so(app, world):
    assert "现在没有等您处理的事" in text_of(sign_in(app, world, Role.EDITOR).get("/console/"))


def test_the_cards_refresh_without_keeping_the_session_awake(app, world, clock):
    colleague = sign_in(app, world, Role.EDITOR)
    for _ in range(16):
        assert colleague.get("/console/todo").status_code == 200
        clock.shift(60)

    assert colleague.get("/console/todo").status_code == 401


# --- sentences that survive a redirect ----------------------------------------------------------------------------------


def close_one(world, colleague: Colleague):
    alert = world.raise_alert(number=PHONE)
    colleague.post(f"/console/duty/alerts/{alert}/acknowledge")
    return colleague.post(f"/console/duty/alerts/{alert}/close", outcome="reached")


def test_what_was_done_is_said_once_by_the_next_page(app, world):
    colleague = sign_in(app, world, Role.DUTY_OFFICER)
    answer = close_one(world, colleague)

    assert "这一条已经处理完" in text_of(colleague.get(answer.headers["Location"]))
    assert "这一条已经处理完" not in text_of(colleague.get(answer.headers["Location"]))


def test_neither_a_poll_nor_an_error_page_nor_a_page_that_never_came_uses_it_up(app, world):
    colleague = sign_in(app, world, Role.DUTY_OFFICER)
    close_one(world, colleague)
    colleague.poll()
    colleague.get("/console/no-such-page")
    before = colleague.client.get_cookie("xq_form").value
    colleague.get("/console/")  # and the answer was lost on the way
    colleague.client.set_cookie("xq_form", before)

    assert "这一条已经处理完" in text_of(colleague.get("/console/"))


def test_only_sentences_by_their_key_can_be_said(app):
    with app.test_request_context(), pytest.raises(ValueError, match="no text"):
        flashes.say("您好，" + PHONE)


def test_a_cookie_of_an_older_version_says_nothing(app):
    with app.test_request_context():
        flashes.session["said"] = ["long_gone"]

        assert flashes.take() == []


# --- pieces -------------------------------------------------------------------------------------------------------------


def test_the_frame_stands_without_the_vendors_assets(app, world, monkeypatch):
    monkeypatch.setitem(app.jinja_env.globals, "static_url", lambda name: "" if "vendor" in name else f"/static/{name}")
    html = text_of(sign_in(app, world, Role.EDITOR).get("/console/"))

    assert "vendor" not in html
    assert 'src=""' not in html
    assert 'href=""' not in html


def test_a_sort_keeps_the_filters_and_leaves_the_page_of_the_old_order(app):
    with app.test_request_context("/console/x?place=A&page=cursor&sort=name"):
        assert navigation.address_with(sort="-name", page="") == "/console/x?place=A&sort=-name"


def show(app: Flask, template: str, **values) -> str:
    with app.test_request_context("/console/x"):
        imported = '{% import "console/pieces.html" as pieces with context %}' + template
        return re.sub(r"\s+", " ", render_template_string(imported, **values))


def test_a_state_has_its_word_and_its_shape(app):
    for kind in ("good", "calm", "warn", "danger"):
        assert re.search(r'aria-hidden="true">[✓○▲◆]</span> 好', show(app, f'{{{{ pieces.state("{kind}", "好") }}}}'))


@pytest.mark.parametrize(
    ("minutes", "kind", "words"),
    [(-90, "since", "1 小时 30 分钟前"), (12, "until", "还有 12 分钟"), (-8, "until", "已超时 8 分钟")],
)
def test_a_moment_stands_beside_how_far_it_is(app, clock, minutes, kind, words):
    html = show(app, f'{{{{ pieces.moment(at, "{kind}") }}}}', at=NOW + timedelta(minutes=minutes))

    assert words in html
    assert 'datetime="2026-11-23T' in html


def test_a_confirmation_names_what_will_happen_and_keeps_the_reason_that_was_typed(app):
    with app.test_request_context("/console/x"):
        html = show(
            app,
            '{{ pieces.confirm("/console/x", "会收回 <b> 的岗位", "收回", "/console/", form, "为什么收回") }}',
            form={"typed": {"reason": '离职"'}, "faults": {"reason": "这一项要填。"}},
        )

    assert "会收回 &lt;b&gt; 的岗位" in html
    assert 'value="离职&#34;"' in html
    assert re.search(r'aria-invalid="true" aria-describedby="\s?fault-reason"', html)
    assert 'name="csrf_token"' in html
