"""What all tests share: settings, a database of their own, no network beyond the loopback, and the hunt for canaries."""

import contextlib
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server.config import ROOT, Settings, load_settings
from server.db import Database, make_engine, run_before_commit
from server.logs import configure_logs
from server.migrations import alembic_config
from server.migrations.models import METADATA
from server.parts import Parts
from server.vault import Vault
from tests import canaries

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, noon in Shanghai
SERVER_URL = os.environ.get("TEST_DATABASE_URL", "")
LOG_FOLDER = Path(os.environ.get("XINQIAO_TEST_LOGS", ROOT / "test-artifacts" / "logs"))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(LOG_FOLDER, ignore_errors=True)
    LOG_FOLDER.mkdir(parents=True, exist_ok=True)
    configure_logs((LOG_FOLDER / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl").open("a", encoding="utf-8"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Everything that the suite logged is searched for what nobody may log."""
    if hasattr(session.config, "workerinput"):
        return
    found = canaries.search(LOG_FOLDER)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nCANARIES IN THE LOG:", *found, sep="\n  ")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket to anywhere but this machine is a bug of the test or of the code."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = address[0] if isinstance(address, tuple) else ""
            assert host in {"127.0.0.1", "::1", "localhost"}, f"a test called {host}"
        real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault.from_text(Vault.new_key_text("test"))


# --- databases --------------------------------------------------------------------------------------------------------


def _on_server(statement: str) -> None:
    engine = sa.create_engine(sa.make_url(SERVER_URL).set(drivername="mysql+pymysql", database=None))
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


@contextlib.contextmanager
def empty_database_url(folder: Path) -> Iterator[str]:
    """The address of a database without tables: a file, or a new database on the server under test."""
    if not SERVER_URL:
        yield f"sqlite:///{folder / f'{uuid.uuid4().hex}.sqlite3'}"
        return
    name = f"xq_{uuid.uuid4().hex[:20]}"
    _on_server(f"CREATE DATABASE {name}")
    try:
        yield str(sa.make_url(SERVER_URL).set(database=name).render_as_string(hide_password=False))
    finally:
        _on_server(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def migrated_url() -> Iterator[str]:
    """A database at head, made once for this process and emptied between tests."""
    with tempfile.TemporaryDirectory() as folder, empty_database_url(Path(folder)) as url:
        command.upgrade(alembic_config(url), "head")
        yield url


@pytest.fixture(scope="session")
def _engine(migrated_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(_engine: sa.Engine, vault: Vault) -> Iterator[Database]:
    """A real database with committed transactions; its tables are emptied afterwards."""
    yield Database(_engine, vault)
    _empty(_engine)


def _empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        connection.execute(sa.text("PRAGMA defer_foreign_keys=ON" if is_sqlite else "SET FOREIGN_KEY_CHECKS=0"))
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
        if not is_sqlite:
            connection.execute(sa.text("SET FOREIGN_KEY_CHECKS=1"))


@pytest.fixture
def session(_engine: sa.Engine, vault: Vault) -> Iterator[Session]:
    """A session inside a transaction that is rolled back: for services, which flush and never commit."""
    with _engine.connect() as connection:
        outer = connection.begin()
        with Session(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False, info={"xinqiao_vault": vault}
        ) as session:
            yield session
        outer.rollback()


@pytest.fixture
def flush(session: Session) -> None:
    """Run what a commit would run last."""
    run_before_commit(session)


# --- the application --------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, migrated_url: str) -> Settings:
    return load_settings(
        {
            "XINQIAO_ENV": "development",
            "XINQIAO_INSTANCE": str(tmp_path / "instance"),
            "DATABASE_URL": migrated_url,
            "HOTLINE_LOCAL": "020-55550000|08:00-22:00",
        }
    )


@pytest.fixture
def app(settings: Settings, database: Database) -> Flask:
    from server import create_app

    return create_app(settings, database=database)


@pytest.fixture
def parts(app: Flask) -> Parts:
    found = app.extensions["xinqiao"]
    assert isinstance(found, Parts)
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
