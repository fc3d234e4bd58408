"""A district, a clock that stands still, somebody with a browser, and a store that can be taken away."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from server.db import Database, make_engine
from server.parts import Parts
from server.vault import Vault
from tests.blueprints.visitor import Visitor
from tests.blueprints.world import World
from tests.conftest import NOW, SERVER_URL


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


@pytest.fixture
def lose_store(app: Flask, vault: Vault, tmp_path: Path):
    """Take the store away (a file that cannot be opened, a server that does not listen); what this returns gives it back."""
    nowhere = (
        "mysql://root@127.0.0.1:1/xinqiao" if SERVER_URL else f"sqlite:///{tmp_path / 'missing' / 'xinqiao.sqlite3'}"
    )

    def lose():
        parts: Parts = app.extensions["xinqiao"]
        app.extensions["xinqiao"] = replace(parts, database=Database(make_engine(nowhere), vault))

        def give_back() -> None:
            app.extensions["xinqiao"] = parts

        return give_back

    return lose
