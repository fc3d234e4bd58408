"""Who looked, my data, delete my account: complete, for nobody else's eyes, and honest about what stays."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts.models import Resident, ResidentConsent, ResidentSession, WechatIdentity
from server.accounts.residents import resident_of
from server.accounts.staff_models import StaffMember
from server.assessment.models import KeptResult, Response
from server.clock import utc_now
from server.crisis import service as crisis
from server.crisis.models import Alert, AlertWords
from server.migrations.models import METADATA
from server.risk.grades import Grade
from tests.blueprints.staff import Colleague
from tests.blueprints.test_me_keep import keep_one
from tests.blueprints.wechat_login import Phone, Platform, platform_for
from tests.canaries import NAME, WORDS


@pytest.fixture
def platform(app, world):
    with platform_for(app) as found:
        yield found


@pytest.fixture
def phone(app, platform: Platform) -> Phone:
    found = Phone(app, platform)
    found.log_in()
    return found


@pytest.fixture
def alert_id(app, world, phone, database) -> str:
    """The person wrote in the chat that they are in danger."""
    app_id = app.extensions["xinqiao"].settings.wechat_oa_app_id

    def work(session) -> str:
        resident = resident_of(session, app_id=app_id, openid=phone.platform.openid(), now=utc_now())
        crisis.hear_distress(
            session,
            resident_id=resident.id,
            organisation_id=world.root.id,
            grade=Grade.SERIOUS,
            rule_version="1",
            words=WORDS,
            now=utc_now(),
        )
        return session.scalars(sa.select(Alert.public_id)).one()

    return database.write(work)


def rows(database, model):
    return database.read(lambda session: session.scalars(sa.select(model)).all())


def look(app, world, alert_id: str) -> Colleague:
    world.hire("duty1", name=NAME)
    colleague = Colleague(app).sign_in("duty1")
    colleague.call("POST", f"/console/duty/alerts/{alert_id}/acknowledge")
    answer = colleague.call("POST", f"/console/duty/alerts/{alert_id}/contact", purpose="call")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return colleague


# --- who looked ---------------------------------------------------------------------------------------------------


def test_who_looked_is_told_by_role_and_day_and_never_by_name(phone, app, world, alert_id):
    assert "还没有人看过" in phone.open("/h5/me/looks").words
    look(app, world, alert_id)
    page = phone.open("/h5/me/looks")

    assert "值班老师" in page.words
    assert "11月23日 周一看了您的联系方式和原话" in page.words
    assert NAME not in page.html
    assert "duty1" not in page.html


def test_looks_at_others_are_not_told(app, world, platform, phone, alert_id):
    look(app, world, alert_id)
    stranger = Phone(app, platform, "li-qiang")
    stranger.log_in()

    assert "还没有人看过" in stranger.open("/h5/me/looks").words


def test_a_colleague_who_has_left_is_still_counted(phone, app, world, alert_id, database):
    look(app, world, alert_id)
    database.write(lambda session: session.execute(sa.update(StaffMember).values(is_active=False)))

    assert "值班老师" in phone.open("/h5/me/looks").words


# --- my data ------------------------------------------------------------------------------------------------------


def test_the_file_holds_everything_that_is_mine(phone, alert_id):
    keep_one(phone)
    answer = phone._client.get("/h5/me/data.json")
    whole = json.loads(answer.data)

    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert set(whole) == {"账号", "存下的自测结果", "同意记录", "在公众号里求助的记录"}
    assert whole["账号"]["微信编号"][0]["编号"] == phone.platform.openid()
    assert whole["存下的自测结果"][0]["日期"] == "2026-11-23"
    assert whole["存下的自测结果"][0]["instrument"] == "phq9"
    assert whole["在公众号里求助的记录"][0]["原话"] == [WORDS]


def test_the_file_holds_nothing_of_anybody_else(phone, app, platform, alert_id):
    keep_one(phone)
    stranger = Phone(app, platform, "li-qiang")
    stranger.log_in()
    said = stranger._client.get("/h5/me/data.json").get_data(as_text=True)

    assert set(json.loads(said)) == {"账号"}
    assert WORDS not in said
    assert phone.platform.openid() not in said


def test_taking_the_file_is_in_the_trail(phone, world):
    phone._client.get("/h5/me/data.json")

    assert [act.object_kind for act in world.acts("resident.exported")] == ["resident"]


# --- delete -------------------------------------------------------------------------------------------------------


def delete(phone):
    phone.open("/h5/me/delete")
    return phone.press("删除账号", sure="1")


def test_deleting_takes_everything_and_ends_every_log_in(phone, app, platform, database, world):
    keep_one(phone)
    other = Phone(app, platform)
    other.log_in()
    page = delete(phone)

    assert "已经删除" in page.words
    for model in (Resident, WechatIdentity, ResidentSession, ResidentConsent, KeptResult):
        assert rows(database, model) == []
    assert other.open("/h5/me").path == "/h5/me/sign-in"
    assert "xq_me" not in phone.cookies()
    assert len(rows(database, Response)) == 1, "the anonymous answers were never theirs to find"
    assert len(world.acts("resident.deleted")) == 1


def test_it_has_to_be_said_twice(phone, database):
    phone.open("/h5/me/delete")

    assert phone.press("删除账号").status == 422
    assert len(rows(database, Resident)) == 1


def test_while_a_cry_for_help_is_open_it_stays_and_the_page_says_so_before_and_after(
    phone, app, world, alert_id, database
):
    keep_one(phone)
    assert "还没有办完" in phone.open("/h5/me/delete").words
    assert "办完" in phone.press("删除账号", sure="1").words
    assert rows(database, KeptResult) == []
    assert len(rows(database, AlertWords)) == len(rows(database, WechatIdentity)) == 1

    look(app, world, alert_id)
    phone.log_in()
    assert "申请了删除" in phone.page.words
    assert len(world.acts("resident.deletion_asked")) == 1


def test_whoever_comes_back_after_the_deletion_is_somebody_new(phone, database):
    [before] = rows(database, Resident)
    delete(phone)
    phone.log_in()
    [after] = rows(database, Resident)

    assert after.public_id != before.public_id
    assert after.created_on == (utc_now() + timedelta(hours=8)).date()


def test_every_table_that_points_to_a_resident_is_emptied_by_some_domain():
    """A new table has to join the port, or an account with a row in it could not be deleted."""
    pointing = {
        key.parent.table.name
        for table in METADATA.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "residents"
    }

    assert pointing == {
        "alerts",
        "api_devices",
        "kept_results",
        "resident_codes",
        "resident_consents",
        "resident_phones",
        "resident_sessions",
        "wechat_identities",
    }
