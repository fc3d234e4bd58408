"""What operators type: each command does its work, and says what is wrong in one sentence without a stack trace."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner

from server.accounts.staff_models import StaffMember, StaffPost
from server.audit.models import AuditEvent
from server.cli import wants_offline_command
from server.config import ROOT
from server.crisis.models import DutyWindow
from server.db import Database
from server.organisations import service as organisations
from server.organisations.models import Level, Organisation, ServicePoint
from tests.canaries import NAME, PASSWORD


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def district(database: Database) -> Organisation:
    return database.write(
        lambda session: organisations.add_organisation(
            session, code="D", name="榕江区", level=Level.DISTRICT, parent=None
        )
    )


def create_staff(runner: FlaskCliRunner, **changed: str) -> tuple[int, str]:
    given = {"login-name": "canary.li", "display-name": NAME, "role": "duty_officer", "password": PASSWORD} | changed
    arguments = [part for name, value in given.items() for part in (f"--{name}", value)]
    done = runner.invoke(args=["staff", "create", *arguments])
    return done.exit_code, done.output


def test_a_colleague_is_created_with_a_post_and_a_row_in_the_trail(
    runner: FlaskCliRunner, database: Database, district: Organisation
) -> None:
    assert create_staff(runner)[0] == 0
    with database.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(StaffPost)) == 1
        stored = connection.scalar(sa.select(StaffMember.password_hash))
        acts = connection.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.seq)).all()
        assert acts == ["staff.created", "post.given"]
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"password": "short"}, "密码至少 12 个字符"),
        ({"login-name": "老李"}, "账号名用小写字母"),
        ({"organisation": "NOWHERE"}, "no such organisation"),
    ],
    ids=["password", "login name", "organisation"],
)
def test_a_colleague_that_cannot_be_created_is_explained(
    runner: FlaskCliRunner, district: Organisation, changed: dict[str, str], says: str
) -> None:
    code, output = create_staff(runner, **changed)
    assert code == 1
    assert says in output
    assert "Traceback" not in output


def test_the_same_login_name_twice_is_refused(runner: FlaskCliRunner, district: Organisation) -> None:
    create_staff(runner)
    code, output = create_staff(runner)
    assert (code, "已经有人用了" in output) == (1, True)


def test_duty_hours_are_set_and_set_anew(runner: FlaskCliRunner, database: Database, district: Organisation) -> None:
    assert runner.invoke(args=["duty", "set", "mon-fri 8:30-17:30, sat 9:00-12:00"]).exit_code == 0
    assert runner.invoke(args=["duty", "set", "0:00-24:00"]).exit_code == 0
    with database.engine.connect() as connection:
        in_force = connection.execute(sa.select(DutyWindow.opens_minute).where(DutyWindow.valid_until.is_(None))).all()
    assert [row.opens_minute for row in in_force] == [0] * 7


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mon-fri", "Not understood: mon-fri"),
        ("xyz 8:00-9:00", "Not understood: xyz"),
        ("sat 12:00-9:00", "Not understood: 12:00-9:00"),
        ("mon-fri 8:30-17:30, 节假日休息", "Duty hours know no holidays"),
    ],
)
def test_duty_hours_that_are_no_hours_are_named(runner: FlaskCliRunner, spec: str, says: str) -> None:
    done = runner.invoke(args=["duty", "set", spec])
    assert (done.exit_code, says in done.output) == (1, True)


def test_demo_data_is_loaded_once(runner: FlaskCliRunner, database: Database) -> None:
    """The part without WeChat: tree, colleagues and duty hours. Codes of the account need the sandbox (browser tests)."""
    from server.cli import demo

    tree = demo.yaml.safe_load((ROOT / "content" / "demo" / "organisations.yaml").read_text(encoding="utf-8"))
    for _ in range(2):
        database.write(lambda session: demo._load_tree(session, tree))
    with database.engine.connect() as connection:
        rows = connection.execute(sa.select(Organisation.level, sa.func.count()).group_by(Organisation.level)).all()
    assert {str(level): count for level, count in rows} == {"district": 1, "street": 24, "community": 403}


def test_demo_service_points_are_loaded_once_and_in_order(database: Database, runner: FlaskCliRunner) -> None:
    from server.cli import demo

    folder = ROOT / "content" / "demo"
    tree = demo.yaml.safe_load((folder / "organisations.yaml").read_text(encoding="utf-8"))
    rows = demo.yaml.safe_load((folder / "setup.yaml").read_text(encoding="utf-8"))["service_points"]
    database.write(lambda session: demo._load_tree(session, tree))
    for _ in range(2):
        database.write(lambda session: demo._load_service_points(session, rows))
    with database.engine.connect() as connection:
        hours = connection.scalars(sa.select(ServicePoint.hours).order_by(ServicePoint.id)).all()
    assert hours == [row["hours"] for row in rows]


def test_all_below_a_node_is_one_indexed_query(database: Database, runner: FlaskCliRunner) -> None:
    from server.cli import demo

    tree = demo.yaml.safe_load((ROOT / "content" / "demo" / "organisations.yaml").read_text(encoding="utf-8"))
    database.write(lambda session: demo._load_tree(session, tree))
    street = database.read(lambda session: organisations.get_by_code(session, "S03"))
    found = database.read(lambda session: organisations.list_below(session, [street.path]))
    assert found[0].code == "S03"
    assert len(found) == 1 + len(tree["streets"][2]["communities"])
    query = sa.select(Organisation.id).where(organisations.below(street.path))
    with database.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        sql = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{sql}").all()
    assert "ix_organisations_path" in str(plan)


def test_the_trail_is_verified_and_a_break_is_told(
    runner: FlaskCliRunner, database: Database, district: Organisation
) -> None:
    create_staff(runner)
    assert runner.invoke(args=["audit", "verify"]).output.startswith("whole: 2 rows")
    with database.engine.begin() as connection:
        connection.execute(sa.update(AuditEvent).values(reason="nothing"))
    broken = runner.invoke(args=["audit", "verify"])
    assert broken.exit_code == 1
    assert broken.output.startswith("BROKEN: changed_1")


@pytest.mark.parametrize(
    ("line", "is_offline"),
    [
        ("flask --app wsgi instruments check", True),
        ("flask --app wsgi risk grade", True),
        ("/x/bin/flask -A wsgi instruments score", True),
        ("flask --app wsgi db upgrade", False),
        ("flask instruments", True),
        ("gunicorn wsgi:app", False),
        ("gunicorn risk", False),
    ],
)
def test_only_commands_on_handed_data_run_without_settings(line: str, is_offline: bool) -> None:
    assert wants_offline_command(line.split()) is is_offline


@pytest.mark.parametrize(
    ("command", "given", "wanted"),
    [
        (
            ["instruments", "score"],
            '{"id": "a", "instrument": "phq9", "context": {}, "answers": [0,0,0,0,0,0,0,0,1]}\n',
            '"red_flag": true',
        ),
        (["risk", "grade"], '{"text": "我不想活了"}\n', '"grade": "'),
        (["instruments", "check"], "", "phq9"),
    ],
    ids=["score", "grade", "check"],
)
def test_offline_commands_need_neither_secrets_nor_database(
    command: list[str], given: str, wanted: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("flask"), "--app", "wsgi", *command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        input=given,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert wanted in done.stdout


def test_a_start_without_settings_says_all_that_misses_and_stops_gunicorn(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("gunicorn"), "-b", "127.0.0.1:0", "wsgi:app"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode != 0
    for name in ("SECRET_KEY", "DATA_KEYS", "PUBLIC_BASE_URL", "WECHAT_OA_APP_ID", "WECHAT_OA_AES_KEY"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
