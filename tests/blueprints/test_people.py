"""Colleagues, posts and teams over HTTP: who is shown, what each act does, and that it says what it does."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts.factor_models import FactorReset, Invitation
from server.accounts.policy import PERMISSIONS, Permission, Role, needs_second_factor
from server.accounts.staff_models import StaffMember, StaffPost, StaffSession, Team
from server.clock import local_day
from server.crisis.models import Alert
from server.ids import new_public_id
from server.texts import text
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.visitor import Page
from tests.canaries import PHONE
from tests.conftest import NOW

TODAY = local_day(NOW)
DAY = timedelta(days=1)
LINK = re.compile(r"http://[^/\s]+/console/invitation/([\w-]+)")


@pytest.fixture
def security(app, world) -> Colleague:
    world.hire("security1", role=Role.SECURITY_ADMINISTRATOR, name="安全甲")
    return Colleague(app).sign_in("security1")


def words(answer) -> str:
    return " ".join(Page(answer, "").words.split())


def sent(place, **changes) -> dict[str, str]:
    return {"place": place.public_id, "role": "clerk", "display_name": "周文员", "login_name": "Zhou.Wy"} | changes


# --- invited ------------------------------------------------------------------------------------------------------


def test_who_invites_sees_the_link_once_and_the_colleague_gets_in_with_it(app, world, security):
    answer = security.post("/console/staff/new", **sent(world.streets[0]))
    token = LINK.search(text_of(answer))[1]
    member = world.only(StaffMember, StaffMember.login_name == "zhou.wy")
    page = text_of(security.get(f"/console/staff/{member.public_id}"))

    assert answer.status_code == 201
    assert token not in page
    assert "等待首次登录" in page
    assert token not in str([vars(row) for row in world.all(Invitation)])
    for action in ("staff.created", "post.given", "staff.invited"):
        assert [act.actor_kind for act in world.acts(action)][-1:] == ["staff"]
    theirs = Colleague(app)
    chosen = "七巧板 与 三轮车 在 桥上"
    theirs.post(f"/console/invitation/{token}", new=chosen, again=chosen)
    Colleague(app).sign_in("zhou.wy", chosen)
    assert "正常" in text_of(security.get(f"/console/staff/{member.public_id}"))


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"login_name": "security1"}, 409, "已经"),
        ({"login_name": "周"}, 422, "登录名"),
        ({"login_name": ""}, 422, "这一项要填"),
        ({"display_name": "长" * 41}, 422, "最多 40 个字"),
        ({"role": "volunteer"}, 422, "请从列出的选项里选一个"),
        ({"role": "auditor"}, 422, "面向全区"),
        ({"ends_on": "2026-11-01"}, 422, "结束日期"),
        ({"ends_on": "yesterday"}, 422, "请填一个日期"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused_beside_its_field_and_leaves_nobody(
    world, security, changes, status, said
):
    answer = security.post("/console/staff/new", **sent(world.streets[0], **changes))

    assert answer.status_code == status
    assert said in words(answer)
    assert 'aria-invalid="true"' in text_of(answer)
    assert f'value="{sent(world.streets[0], **changes)["display_name"]}"' in text_of(answer)
    assert [row.login_name for row in world.all(StaffMember)] == ["security1"]
    assert world.all(Invitation) == []


def test_a_new_link_ends_the_one_before(app, world, security):
    tokens = [LINK.search(text_of(security.post("/console/staff/new", **sent(world.streets[0]))))[1]]
    member = world.only(StaffMember, StaffMember.login_name == "zhou.wy")
    tokens.append(LINK.search(text_of(security.post(f"/console/staff/{member.public_id}/invite-again")))[1])

    assert [Colleague(app).get(f"/console/invitation/{token}").status_code for token in tokens] == [404, 200]


# --- posts --------------------------------------------------------------------------------------------------------


def test_roles_that_stay_apart_are_refused_with_both_names(world, security):
    staff_id = world.hire("duty1")
    answer = security.post(f"/console/staff/{staff_id}/posts/new", place=world.root.public_id, role="auditor")

    assert answer.status_code == 409
    assert "“审计员”不能和这位同事已有的“值班员”由同一人担任" in words(answer)
    assert len(world.all(StaffPost)) == 2


def test_a_post_is_given_and_told_and_shown(world, security):
    staff_id = world.hire("clerk1", role=Role.CLERK, at=world.streets[0])
    ends_on = (TODAY + 9 * DAY).isoformat()
    given = security.post(
        f"/console/staff/{staff_id}/posts/new", place=world.streets[1].public_id, role="editor", ends_on=ends_on
    )
    page = security.get(given.headers["Location"])

    assert given.status_code == 303
    assert "岗位已经授予" in words(page)
    assert re.search("内容编辑 荷溪街道.*到期", words(page))
    assert world.acts("post.given")[-1].reason == "editor"
    assert "clerk1" in words(security.get("/console/staff?ends_soon=true"))
    assert "没有符合条件的同事" in words(security.get("/console/staff?ends_soon=true&role=clerk"))


def test_the_manager_of_the_district_may_not_forge_a_role_that_is_not_theirs_to_give(app, world):
    world.hire("manager", role=Role.DISTRICT_MANAGER)
    staff_id, manager = world.hire("clerk1", role=Role.CLERK), Colleague(app).sign_in("manager")
    form = text_of(manager.get(f"/console/staff/{staff_id}/posts/new?place={world.root.public_id}"))
    answer = manager.post(
        f"/console/staff/{staff_id}/posts/new", place=world.root.public_id, role="security_administrator"
    )

    assert 'value="editor"' in form
    assert "security_administrator" not in form
    assert answer.status_code == 403
    assert "不能由您授予" in words(answer)


def test_who_manages_posts_at_a_street_reaches_no_other(app, world, database):
    """The table puts nobody there; should it change, the scope holds."""
    staff_id, far_id = (world.hire(f"c{number}", role=Role.CLERK, at=world.streets[number]) for number in range(2))
    world.hire("local", role=Role.DISTRICT_MANAGER)
    move = sa.update(StaffPost).where(StaffPost.role == Role.DISTRICT_MANAGER)
    database.write(lambda session: session.execute(move.values(organisation_id=world.streets[0].id)))
    local = Colleague(app).sign_in("local")
    far_post = world.only(StaffPost, StaffPost.organisation_id == world.streets[1].id)
    before = world.all(StaffPost)
    missing = Colleague.without_request_id(local.get(f"/console/staff/{new_public_id()}"))

    assert Colleague.without_request_id(local.get(f"/console/staff/{far_id}")) == missing
    for address, fields in (
        (f"/console/staff/{staff_id}/posts/new", {"place": world.streets[1].public_id, "role": "editor"}),
        (f"/console/staff/{far_id}/posts/new", {"place": world.streets[0].public_id, "role": "editor"}),
        (f"/console/posts/{far_post.public_id}/end", {"on": TODAY.isoformat()}),
        ("/console/teams/new", {"place": world.streets[1].public_id, "name": "组"}),
    ):
        assert local.post(address, **fields).status_code == 404, address
    assert [(row.id, row.ends_on) for row in world.all(StaffPost)] == [(row.id, row.ends_on) for row in before]
    here = local.post(f"/console/staff/{staff_id}/posts/new", place=world.communities[0].public_id, role="editor")
    assert here.status_code == 303


def test_what_lay_with_a_post_that_ends_today_rings_at_once(app, world, security):
    staff_id, alert_id = world.hire("duty1"), world.raise_alert(number=PHONE)
    Colleague(app).sign_in("duty1").post(f"/console/duty/alerts/{alert_id}/acknowledge")
    post = world.only(StaffPost, StaffPost.role == Role.DUTY_OFFICER)
    assert "重新等人接手" in words(security.get(f"/console/posts/{post.public_id}/end"))
    security.post(f"/console/posts/{post.public_id}/end", on=TODAY.isoformat())

    alert = world.only(Alert)
    assert (alert.acknowledged_by, alert.rings_since) == (None, NOW)
    assert len(world.acts("alert.handed_over")) == len(world.acts("post.ended")) == 1
    assert "以前的岗位" in words(security.get(f"/console/staff/{staff_id}"))


@pytest.mark.parametrize(("on", "status"), [("", 422), ("2026-11-01", 422), ("2026-12-01", 303)])
def test_a_post_ends_today_or_later(world, security, on, status):
    world.hire("duty1")
    post = world.only(StaffPost, StaffPost.role == Role.DUTY_OFFICER)

    assert security.post(f"/console/posts/{post.public_id}/end", on=on).status_code == status


# --- switched off, put out ----------------------------------------------------------------------------------------


def test_who_is_switched_off_is_out_at_once_and_leaves_nothing_lying(app, world, security):
    staff_id, alert_id = world.hire("duty1"), world.raise_alert(number=PHONE)
    duty = Colleague(app).sign_in("duty1")
    duty.post(f"/console/duty/alerts/{alert_id}/acknowledge")
    refused = security.post(f"/console/staff/{staff_id}/switch-off")
    assert (refused.status_code, duty.get("/console/duty").status_code) == (422, 200)
    security.post(f"/console/staff/{staff_id}/switch-off", off_reason="device_lost")
    page = words(security.get(f"/console/staff/{staff_id}"))

    assert "已停用" in page
    assert duty.get("/console/duty").status_code == 303
    assert world.only(Alert).acknowledged_by is None
    assert world.acts("staff.switched_off")[0].reason == "device_lost"
    security.post(f"/console/staff/{staff_id}/switch-on")
    Colleague(app).sign_in("duty1")


def test_open_screens_are_counted_and_ended(app, world, security):
    staff_id = world.hire("duty1", name="值班员甲")
    duty = Colleague(app).sign_in("duty1")
    page = words(security.get(f"/console/staff/{staff_id}"))
    security.post(f"/console/staff/{staff_id}/end-sessions")

    assert re.search("登录中 ?1 处", page)
    assert re.search("最近登录 ?11月23日 周一", page)
    assert duty.get("/console/duty").status_code == 303
    assert re.search("登录中 ?0 处", words(security.get(f"/console/staff/{staff_id}")))


def test_a_reset_of_the_second_factor_is_asked_for_once_and_waits(world, security):
    staff_id = world.hire("duty1")
    answers = [
        security.post(f"/console/staff/{staff_id}/reset-factor", reset_reason=why) for why in ("", "丢了", "丢了")
    ]

    assert [answer.status_code for answer in answers] == [422, 303, 409]
    assert len(world.all(FactorReset)) == 1
    assert len(world.acts("factor_reset.asked")) == 1
    assert "已设置" in words(security.get(f"/console/staff/{staff_id}"))


def test_nobody_changes_themselves(world, security):
    me = world.only(StaffMember)
    post = world.only(StaffPost)
    page = text_of(security.get(f"/console/staff/{me.public_id}"))
    base = f"/console/staff/{me.public_id}"

    assert f"{base}/" not in page
    for address, fields in (
        (f"{base}/posts/new", {"place": world.root.public_id, "role": "clerk"}),
        (f"/console/posts/{post.public_id}/end", {"on": TODAY.isoformat()}),
        (f"{base}/switch-off", {"off_reason": "other"}),
        (f"{base}/switch-on", {}),
        (f"{base}/end-sessions", {}),
        (f"{base}/invite-again", {}),
        (f"{base}/reset-factor", {"reset_reason": "x"}),
    ):
        assert security.post(address, **fields).status_code in {403, 409}, address
    assert world.all(StaffPost)[0].ends_on is None
    assert world.only(StaffMember).is_active
    assert all(row.ended_at is None for row in world.all(StaffSession, StaffSession.second_factor_at.is_not(None)))


# --- who sees whom ------------------------------------------------------------------------------------------------


def test_a_supervisor_sees_colleagues_of_the_area_and_no_way_to_change_them(app, world):
    near = world.hire("near", role=Role.CLERK, at=world.communities[0], name="近处")
    far = world.hire("far", role=Role.CLERK, at=world.streets[1], name="远处")
    world.hire("looks", role=Role.SUPERVISOR, at=world.streets[0])
    colleague = Colleague(app).sign_in("looks")
    listed = words(colleague.get("/console/staff"))
    page = text_of(colleague.get(f"/console/staff/{near}"))
    missing = Colleague.without_request_id(colleague.get(f"/console/staff/{new_public_id()}"))

    assert "近处" in listed
    assert "远处" not in listed
    assert "远处" not in words(colleague.get(f"/console/staff?place={world.streets[1].public_id}"))
    assert 'method="post" action="/console/staff' not in page
    assert "posts/new" not in page
    assert "登录中" not in page
    assert "验证器" not in page
    assert Colleague.without_request_id(colleague.get(f"/console/staff/{far}")) == missing


def test_names_are_shown_as_they_are_written(world, security):
    markup = "<b>x</b>"
    staff_id = world.hire("clerk1", role=Role.CLERK, name=markup)
    security.post("/console/teams/new", place=world.root.public_id, name=markup)
    team = world.only(Team)
    for address in (
        "/console/staff",
        f"/console/staff/{staff_id}",
        "/console/teams",
        f"/console/teams/{team.public_id}",
    ):
        assert markup not in text_of(security.get(address))
        assert "&lt;b&gt;" in text_of(security.get(address))


# --- teams --------------------------------------------------------------------------------------------------------


def test_a_team_is_added_renamed_and_switched_off_and_shows_who_is_in_it(world, security):
    place = world.streets[0]
    team_page = security.post("/console/teams/new", place=place.public_id, name="青苗").headers["Location"]
    again = security.post("/console/teams/new", place=place.public_id, name="青苗")
    team = world.only(Team)
    staff_id = world.hire("clerk1", role=Role.CLERK, at=place, name="周文员")
    offer = f"/console/staff/{staff_id}/posts/new"
    security.post(offer, place=place.public_id, role="counsellor", team=team.public_id)
    security.post(f"{team_page}/rename", name="新苗")
    page = words(security.get(team_page))

    assert (again.status_code, "已经有同名的小组" in words(again)) == (409, True)
    assert re.search("新苗.*周文员.*咨询师 云岭街道 · 新苗", page)
    security.post(f"{team_page}/switch-off")
    assert "已停用" in words(security.get(team_page))
    assert team.public_id not in text_of(security.get(f"{offer}?place={place.public_id}"))
    refused = security.post(offer, place=place.public_id, role="editor", team=team.public_id)
    assert (refused.status_code, "这个小组已经停用" in words(refused)) == (422, True)
    security.post(f"{team_page}/switch-on")
    assert [len(world.acts(f"team.{what}")) for what in ("added", "renamed", "switched_off", "switched_on")] == [1] * 4


# --- the map ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_the_map_shows_what_each_role_may_do_and_marks_ones_own(app, world, role):
    world.hire("somebody", role=role)
    html = text_of(Colleague(app).sign_in("somebody").get("/console/roles"))
    head, *rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    columns = re.findall(r"<th scope=\"col\"(.*?)>", head)[1:]
    cells = {
        re.sub(r"<.*", "", re.search(r"<th scope=\"row\">(.*?)</th>", row, re.DOTALL)[1]).strip(): [
            "✓" in cell for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
        ]
        for row in rows
    }

    assert ["mine" in column for column in columns] == [one is role for one in Role]
    for permission in Permission:
        expected = [permission in PERMISSIONS[one] for one in Role]
        assert cells[text(f"permissions.{permission}")] == expected
    assert cells["登录要用验证器"] == [needs_second_factor([one]) for one in Role]
