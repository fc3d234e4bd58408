"""One application for all of these tests: to load the lexicon takes a second. What they store is emptied after each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from server import create_app
from server.config import load_settings
from server.db import Database, make_engine
from server.parts import Parts
from server.vault import Vault
from tests.blueprints.visitor import Visitor
from tests.blueprints.world import World
from tests.conftest import NOW


@pytest.fixture(scope="session")
def _built(migrated_url: str, _engine: sa.Engine, vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    settings = load_settings(
        {
            "XINQIAO_ENV": "development",
            "XINQIAO_INSTANCE": str(tmp_path_factory.mktemp("instance")),
            "DATABASE_URL": migrated_url,
            "HOTLINE_LOCAL": "020-55550000|08:00-22:00",
        }
    )
    return create_app(settings, database=Database(_engine, vault))


@pytest.fixture
def app(_built: Flask, database: Database) -> Iterator[Flask]:
    parts = _built.extensions["xinqiao"]
    yield _built
    _built.extensions["xinqiao"] = parts  # a test may have taken the store away


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A Monday at noon in Shanghai; `clock.shift` and `clock.move_to` move it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(app: Flask, clock: time_machine.Traveller) -> World:
    return World.build(app)


@pytest.fixture
def visitor(app: Flask, world: World) -> Visitor:
    return Visitor(app)


def dead_database(vault: Vault, folder: Path) -> Database:
    """A store that answers nothing: on disk where nobody may write, or at a port where nobody listens."""
    return Database(make_engine(f"sqlite:///{folder / 'missing' / 'xinqiao.sqlite3'}"), vault)


@pytest.fixture
def lose_store(app: Flask, vault: Vault, tmp_path: Path):
    """Take the store away, and give it back by calling what this returns."""

    def lose():
        parts: Parts = app.extensions["xinqiao"]
        app.extensions["xinqiao"] = replace(parts, database=dead_database(vault, tmp_path))

        def give_back() -> None:
            app.extensions["xinqiao"] = parts

        return give_back

    return lose
