"""What a load balancer is told, what an operator is told, and what nobody else is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server.db import Database, make_engine
from server.health import Readiness, State, check_readiness
from server.jobs import WORKER, WORKER_BEAT_SECONDS, beat
from server.parts import Parts
from server.vault import Vault
from server.wechat.models import AccessToken
from tests.conftest import NOW, SERVER_URL

STRANGER = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def unreachable(tmp_path: Path, vault: Vault) -> Database:
    nowhere = f"sqlite:///{tmp_path / 'no-such-folder' / 'x.sqlite3'}"
    return Database(make_engine("mysql://root@127.0.0.1:9/test" if SERVER_URL else nowhere), vault)


@pytest.fixture
def gone(app: Flask, parts: Parts, unreachable: Database) -> FlaskClient:
    """The application, whose database was taken away."""
    app.extensions["xinqiao"] = replace(parts, database=unreachable)
    return app.test_client()


def live(database: Database, parts: Parts, *, at: datetime, beaten: float = 0, token_left: float | None = 3600) -> None:
    """A worker that gave a sign of life so many seconds ago, and a token that lives for so many."""

    def work(session: Session) -> None:
        beat(session, process=WORKER, now=at - timedelta(seconds=beaten))
        if token_left is not None:
            expires = at + timedelta(seconds=token_left)
            session.add(
                AccessToken(
                    app_id=parts.settings.wechat_oa_app_id, token_sealed=b"x", expires_at=expires, forced_count=0
                )
            )

    database.write(work)


# --- is it alive --------------------------------------------------------------------------------------------------


def test_it_is_alive(client: FlaskClient) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok")


def test_it_is_alive_though_its_database_is_not(gone: FlaskClient) -> None:
    """Or it would be started again and again for a fault that no start mends."""
    assert gone.get("/healthz").status_code == 200


def test_whether_it_is_alive_anybody_may_ask(client: FlaskClient) -> None:
    assert client.get("/healthz", environ_base=STRANGER).status_code == 200


# --- is it ready --------------------------------------------------------------------------------------------------


def test_it_is_ready_when_everything_is_well(database: Database, parts: Parts) -> None:
    live(database, parts, at=NOW)

    checks = {"database": "ok", "migrations": "ok", "worker": "ok", "token": "ok"}
    assert check_readiness(parts, NOW) == Readiness(State.OK, checks)


def test_it_is_down_without_its_database(parts: Parts, unreachable: Database) -> None:
    found = check_readiness(replace(parts, database=unreachable), NOW)

    assert found == Readiness(State.DOWN, {"database": "unreachable"})


@pytest.mark.sqlite
def test_it_is_down_when_its_file_is_damaged(parts: Parts, tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "damaged.sqlite3").write_bytes(b"this is no database" * 1000)
    damaged = Database(make_engine(f"sqlite:///{tmp_path / 'damaged.sqlite3'}"), vault)

    assert check_readiness(replace(parts, database=damaged), NOW).state is State.DOWN


def test_it_is_down_before_the_first_migration(parts: Parts, empty_url: str, vault: Vault) -> None:
    engine = make_engine(empty_url)
    found = check_readiness(replace(parts, database=Database(engine, vault)), NOW)
    engine.dispose()

    assert found == Readiness(State.DOWN, {"database": "ok", "migrations": "none"})


@pytest.mark.parametrize(
    "statement", ["UPDATE alembic_version SET version_num = '0000'", "DELETE FROM alembic_version"]
)
def test_it_is_down_while_a_migration_misses(parts: Parts, own_database: Database, statement: str) -> None:
    with own_database.engine.begin() as connection:
        connection.exec_driver_sql(statement)

    found = check_readiness(replace(parts, database=own_database), NOW)

    assert found == Readiness(State.DOWN, {"database": "ok", "migrations": "behind"})


def test_old_code_serves_on_while_newer_code_is_rolled_out(parts: Parts, own_database: Database) -> None:
    with own_database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    found = check_readiness(replace(parts, database=own_database), NOW)

    assert (found.state, found.checks["migrations"]) == (State.DEGRADED, "ahead")


def test_people_are_served_while_no_worker_was_ever_seen(parts: Parts) -> None:
    found = check_readiness(parts, NOW)

    assert found.state is State.DEGRADED
    assert found.checks["worker"] == "never_seen"


@pytest.mark.parametrize(
    ("beaten", "state", "word"),
    [
        (WORKER_BEAT_SECONDS * 2.9, State.OK, "ok"),
        (WORKER_BEAT_SECONDS * 3, State.DEGRADED, "silent"),
        (86400, State.DEGRADED, "silent"),
    ],
)
def test_a_worker_that_missed_three_beats_is_silent(
    database: Database, parts: Parts, beaten: float, state: State, word: str
) -> None:
    live(database, parts, at=NOW, beaten=beaten)

    found = check_readiness(parts, NOW)

    assert (found.state, found.checks["worker"]) == (state, word)


@pytest.mark.parametrize(
    ("left", "state", "word"),
    [
        (1, State.OK, "ok"),
        (0, State.DEGRADED, "expired"),
        (-60, State.DEGRADED, "expired"),
        (None, State.DEGRADED, "none"),
    ],
)
def test_an_old_token_degrades(database: Database, parts: Parts, left: float | None, state: State, word: str) -> None:
    live(database, parts, at=NOW, token_left=left)

    found = check_readiness(parts, NOW)

    assert (found.state, found.checks["token"]) == (state, word)


# --- who is told what ---------------------------------------------------------------------------------------------


def test_a_process_that_is_ready_is_sent_people(client: FlaskClient, database: Database, parts: Parts) -> None:
    live(database, parts, at=datetime.now(UTC))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "worker": "ok", "token": "ok"},
    }


def test_a_degraded_process_is_still_sent_people(client: FlaskClient) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "degraded")


def test_a_process_that_is_down_is_sent_nobody(gone: FlaskClient) -> None:
    answer = gone.get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"status": "down", "checks": {"database": "unreachable"}})


def test_a_stranger_learns_the_state_and_no_details(gone: FlaskClient) -> None:
    answer = gone.get("/readyz", environ_base=STRANGER)

    assert (answer.status_code, answer.json) == (503, {"status": "down"})


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
@pytest.mark.parametrize("value", ["127.0.0.1", "for=127.0.0.1", ""])
def test_whoever_was_forwarded_is_a_stranger(client: FlaskClient, header: str, value: str) -> None:
    """Behind a proxy everybody comes from a listed address."""
    assert "checks" not in client.get("/readyz", headers={header: value}).json
    assert client.get("/metrics", headers={header: value}).status_code == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_listed_address_learns_the_details(client: FlaskClient, address: str) -> None:
    answer = client.get("/readyz", environ_base={"REMOTE_ADDR": address})

    assert set(answer.json["checks"]) == {"database", "migrations", "worker", "token"}


@pytest.mark.parametrize("address", ["127.0.0.2", "::2", "", "unix:", "10.0.0.1"])
def test_any_other_address_does_not(client: FlaskClient, address: str) -> None:
    assert "checks" not in client.get("/readyz", environ_base={"REMOTE_ADDR": address}).json


def test_a_network_may_be_listed(app: Flask, parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"detail_addresses": ("10.0.0.0/8",)})
    app.extensions["xinqiao"] = replace(parts, settings=settings)

    inside = app.test_client().get("/readyz", environ_base={"REMOTE_ADDR": "10.200.3.4"})
    outside = app.test_client().get("/readyz", environ_base={"REMOTE_ADDR": "127.0.0.1"})

    assert "checks" in inside.json
    assert "checks" not in outside.json


# --- figures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def figures(client: FlaskClient) -> str:
    client.get("/healthz")
    client.get("/h5/no-such-page-13812345678")
    return client.get("/metrics").text


def test_requests_are_counted_by_route_and_status(figures: str) -> None:
    assert 'xinqiao_requests_total{route="/healthz",status="200"}' in figures
    assert 'xinqiao_request_seconds_bucket{le="5.0",route="/healthz"}' in figures


def test_no_figure_bears_what_somebody_typed(figures: str) -> None:
    assert "no-such-page" not in figures


def test_strangers_find_no_figures(client: FlaskClient) -> None:
    answer = client.get("/metrics", environ_base=STRANGER)

    assert answer.status_code == 404
    assert "xinqiao_" not in answer.text
