"""Guesses at log-ins hold up nobody: what takes long is done while nothing of the store is held."""

import pytest
from argon2 import PasswordHasher

from server.accounts import passwords
from tests.blueprints.staff import Colleague
from tests.canaries import PASSWORD


@pytest.fixture
def held(app, monkeypatch) -> list[int]:
    """How many connections of the store were in use each time a password was compared."""
    pool, found, hasher = app.extensions["xinqiao"].database.engine.pool, [], passwords._hasher

    class Watched(PasswordHasher):
        def verify(self, hash, password):
            found.append(pool.checkedout())
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Watched(hasher.time_cost, hasher.memory_cost, hasher.parallelism))
    return found


@pytest.mark.parametrize("login_name", ["duty1", "nobody.at.all"])
def test_a_wrong_password_is_found_out_while_nothing_is_held(app, world, held, login_name):
    world.hire("duty1")
    answer = Colleague(app).try_to_sign_in(login_name, "not this password")

    assert answer.status_code == 403
    assert held == [0]


def test_a_right_one_is_compared_before_and_under_the_lock(app, world, held):
    world.hire("duty1")
    answer = Colleague(app).try_to_sign_in("duty1", PASSWORD)

    assert answer.status_code == 303
    assert len(held) == 2
    assert held[0] == 0 < held[1]


def test_while_somebody_has_to_wait_nothing_is_compared(app, world, held):
    world.hire("duty1")
    colleague = Colleague(app)
    for _ in range(5):
        colleague.try_to_sign_in("duty1", "not this password")
    held.clear()
    answer = colleague.try_to_sign_in("duty1", PASSWORD)

    assert answer.status_code == 403
    assert held == []
