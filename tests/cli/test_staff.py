"""Accounts from the command line: the first security administrator, codes for trials, and the trial's colleagues."""

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from server.accounts import second_factor
from server.accounts.policy import Role, needs_second_factor
from server.accounts.staff import check_password
from server.accounts.staff_models import StaffMember, StaffPost
from server.cli import demo
from server.config import ROOT, Environment
from server.db import Database
from server.organisations import service as organisations
from server.organisations.models import Level
from tests import authenticator
from tests.canaries import PASSWORD

ROWS: list[dict[str, str]] = yaml.safe_load((ROOT / "content" / "demo" / "setup.yaml").read_text(encoding="utf-8"))[
    "staff"
]


@pytest.fixture
def runner(app: Flask, database: Database) -> FlaskCliRunner:
    def work(session: Session) -> None:
        root = organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)
        organisations.add_organisation(session, code="S01", name="云岭街道", level=Level.STREET, parent=root)

    database.write(work)
    return app.test_cli_runner()


def create(runner: FlaskCliRunner, *more: str) -> Any:
    given = ["--login-name", "chen", "--display-name", "Chen", "--password", PASSWORD, *more]
    return runner.invoke(args=["staff", "create", *given])


def test_the_first_account_is_the_security_administrators_who_is_told_of_the_second_factor(
    runner: FlaskCliRunner, database: Database
) -> None:
    done = create(runner)

    assert "An authenticator is set up at the first sign-in" in done.output
    with database.engine.connect() as connection:
        assert connection.scalars(sa.select(StaffPost.role)).all() == [Role.SECURITY_ADMINISTRATOR]


def test_who_needs_no_second_factor_is_told_of_none(runner: FlaskCliRunner) -> None:
    assert "authenticator" not in create(runner, "--role", "clerk").output


def test_without_a_tree_nobody_is_created(app: Flask, database: Database) -> None:
    done = create(app.test_cli_runner())

    assert (done.exit_code, "Load the tree first" in done.output) == (1, True)


def test_the_code_of_a_trial_is_printed_and_opens(runner: FlaskCliRunner, database: Database) -> None:
    demo._load_staff(runner.app.extensions["xinqiao"], ROWS)
    printed = runner.invoke(args=["staff", "code", "duty1"]).output.strip()

    def work(session: Session) -> None:
        member = session.scalars(sa.select(StaffMember).where(StaffMember.login_name == "duty1")).one()
        second_factor.check_code(session, who=member, code=printed, now=demo.utc_now())

    database.write(work)


@pytest.mark.parametrize("name", ["nobody", "clerk"])
def test_who_has_no_authenticator_has_no_code_to_print(runner: FlaskCliRunner, name: str) -> None:
    demo._load_staff(runner.app.extensions["xinqiao"], ROWS)
    done = runner.invoke(args=["staff", "code", name])

    assert (done.exit_code, "has no authenticator" in done.output) == (1, True)


def test_outside_development_no_code_is_printed(runner: FlaskCliRunner, app: Flask) -> None:
    parts = app.extensions["xinqiao"]
    demo._load_staff(parts, ROWS)
    settings = parts.settings.model_copy(update={"xinqiao_env": Environment.PRODUCTION})
    app.extensions["xinqiao"] = replace(parts, settings=settings)
    done = runner.invoke(args=["staff", "code", "duty1"])

    assert done.exit_code == 1
    assert not any(character.isdigit() for character in done.output)


def test_the_trials_colleagues_get_log_ins_that_stay_when_they_are_loaded_again(
    runner: FlaskCliRunner, database: Database
) -> None:
    parts = runner.app.extensions["xinqiao"]
    first, second = (demo._load_staff(parts, ROWS) for _ in range(2))
    file = parts.settings.xinqiao_instance / "demo-logins.json"

    assert first == second == json.loads(file.read_text(encoding="utf-8"))
    assert file.stat().st_mode & 0o077 == 0
    for row in ROWS:
        login = first[row["login_name"]]
        assert bool(login["secret"]) == needs_second_factor([Role(row["role"])])
        assert database.write(
            lambda session, name=row["login_name"], login=login: check_password(
                session, login_name=name, password=login["password"]
            )
        )


def test_a_trial_of_before_there_were_authenticators_gets_them(runner: FlaskCliRunner, database: Database) -> None:
    parts = runner.app.extensions["xinqiao"]
    file = parts.settings.xinqiao_instance / "demo-logins.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"duty1": "an-old-password-of-then"}), encoding="utf-8")
    logins = demo._load_staff(parts, ROWS)

    assert logins["duty1"]["password"] == "an-old-password-of-then"
    code = runner.invoke(args=["staff", "code", "duty1"]).output.strip()
    secret = second_factor.from_text(logins["duty1"]["secret"])
    assert code in {authenticator.code(secret=secret, steps=step) for step in (-1, 0)}


def test_every_page_of_the_console_has_a_trial_colleague_who_may_open_it() -> None:
    wanted = {
        Role.SECURITY_ADMINISTRATOR, Role.DISTRICT_MANAGER, Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR, Role.CLERK,
        Role.RESPONSIBLE_PERSON, Role.DUTY_OFFICER, Role.SUPERVISOR,
    }  # fmt: skip

    assert wanted <= {Role(row["role"]) for row in ROWS}
