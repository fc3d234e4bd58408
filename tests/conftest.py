"""What all tests share: settings, a database of their own, no network beyond the loopback, and the hunt for canaries."""

import contextlib
import os
import shutil
import socket
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import hypothesis
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
from tests.chromium import browser  # noqa: F401 - a fixture for all
from tests.counters import COUNTERS

# No test asserts a time: a loaded machine is no fault of the code.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, noon in Shanghai
SECRET_KEY = "a key that only the tests know, long enough"
DATA_KEYS = Vault.new_key_text("test")
SERVER_URL = os.environ.get("TEST_DATABASE_URL", "")
T = TypeVar("T")
LOG_FOLDER = Path(os.environ.get("XINQIAO_TEST_LOGS", ROOT / "test-artifacts" / "logs"))
LOG_FILE = LOG_FOLDER / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(LOG_FOLDER, ignore_errors=True)
    LOG_FOLDER.mkdir(parents=True, exist_ok=True)
    stream = LOG_FILE.open("a", encoding="utf-8")
    config.add_cleanup(stream.close)
    configure_logs(stream)
    config.addinivalue_line("markers", "sqlite: a promise of the embedded database alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is said of the other database alone is no part of this run."""
    others = "sqlite" if SERVER_URL else "mariadb"
    elsewhere = [item for item in items if item.get_closest_marker(others)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Everything that the suite logged is searched for what nobody may log."""
    if hasattr(session.config, "workerinput"):
        return
    _refuse_skips(session)
    found = canaries.search(LOG_FOLDER)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nCANARIES IN THE LOG:", *found, sep="\n  ")


def _refuse_skips(session: pytest.Session) -> None:
    """Where everything is installed, a skipped test is a hole. Only the notes beside the project may be missing."""
    if not os.environ.get("XINQIAO_NO_SKIPS"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [
        report
        for report in getattr(reporter, "stats", {}).get("skipped", [])
        if not any(word in str(report.longrepr) for word in ("shared", "beside this checkout"))
    ]
    if skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nSKIPPED WHERE NOTHING MAY BE:", *(report.longrepr for report in skipped), sep="\n  ")


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
    return Vault.from_text(DATA_KEYS)


def run_together(count: int, work: Callable[[int], T]) -> list[T]:
    """`work(number)` in so many threads that start at once; their results in order. The first fault is raised."""
    barrier, results, faults = threading.Barrier(count), {}, []

    def run(number: int) -> None:
        try:
            barrier.wait(10)
            results[number] = work(number)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return [results[number] for number in range(count)]


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


@pytest.fixture
def empty_url(tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, without tables."""
    with empty_database_url(tmp_path) as url:
        yield url


@pytest.fixture
def own_database(empty_url: str, vault: Vault) -> Iterator[Database]:
    """A database at head of this test's own, for tests that hurt it or read every byte of it."""
    command.upgrade(alembic_config(empty_url), "head")
    engine = make_engine(empty_url)
    yield Database(engine, vault)
    engine.dispose()


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


@pytest.fixture
def counters(database: Database) -> Iterator[Database]:
    """The same database with two counters at zero: see tests/counters.py."""
    COUNTERS.create(database.engine)
    try:
        with database.engine.begin() as connection:
            connection.execute(COUNTERS.insert(), [{"id": 1, "n": 0}, {"id": 2, "n": 0}])
        yield database
    finally:
        COUNTERS.drop(database.engine)


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


def settings_for(instance: Path, database_url: str) -> Settings:
    return load_settings(
        {
            "XINQIAO_ENV": "development",
            "XINQIAO_INSTANCE": str(instance),
            "DATABASE_URL": database_url,
            "SECRET_KEY": SECRET_KEY,
            "DATA_KEYS": DATA_KEYS,
            "HOTLINE_LOCAL": "020-55550000|08:00-22:00",
        }
    )


@pytest.fixture
def settings(tmp_path: Path, migrated_url: str) -> Settings:
    return settings_for(tmp_path / "instance", migrated_url)


@pytest.fixture(scope="session")
def _built_app(migrated_url: str, _engine: sa.Engine, vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Built once for this process: the scanner's lexicon takes a second to load."""
    from server import create_app

    settings = settings_for(tmp_path_factory.mktemp("instance"), migrated_url)
    return create_app(settings, database=Database(_engine, vault))


@pytest.fixture
def app(_built_app: Flask, settings: Settings, database: Database) -> Iterator[Flask]:
    """The application with this test's instance folder; its store is emptied afterwards."""
    built = _built_app.extensions["xinqiao"]
    _built_app.extensions["xinqiao"] = replace(built, settings=settings, database=database)
    yield _built_app
    _built_app.extensions["xinqiao"] = built


@pytest.fixture
def parts(app: Flask) -> Parts:
    found = app.extensions["xinqiao"]
    assert isinstance(found, Parts)
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
