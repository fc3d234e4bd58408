"""How much one may ask for in a minute, and what is never counted."""

import re

import pytest

from server import create_app
from server.blueprints.miniapp import limits
from tests.api.conftest import HALF, Phone
from tests.canaries import PHONE


@pytest.fixture
def few(app, monkeypatch):
    """Three calls a minute for an address."""
    limiter = app.extensions["xinqiao_limiter"]
    monkeypatch.setattr(limits, "PER_ADDRESS", "3/minute")
    monkeypatch.setattr(limits, "PER_PERSON", "2/minute")
    limiter.reset()
    yield limiter
    limiter.reset()


def test_who_is_too_fast_is_told_for_how_long(few, phone):
    statuses = [phone.get("/organisations").status_code for _ in range(4)]
    answer = phone.get("/entry-points/garbage")

    assert statuses == [200, 200, 200, 429]
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "too_many")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert f"请等 {answer.headers['Retry-After']} 秒" in answer.json["error"]["message"]


def test_one_person_is_counted_apart_from_the_school_they_sit_in(few, app, world, monkeypatch):
    monkeypatch.setattr(limits, "PER_ADDRESS", "9/minute")
    for access, expected in (("one", [401, 401, 429]), ("two", [401])):
        somebody = Phone(app)
        somebody.access = access
        assert [somebody.get("/me").status_code for _ in expected] == expected


def test_each_address_is_counted_for_itself(few, phone):
    def ask(address):
        return phone.client.get("/api/v1/organisations", environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [ask("203.0.113.7") for _ in range(4)] == [200, 200, 200, 429]
    assert ask("203.0.113.8") == 200


def test_nobody_names_another_address_unless_a_proxy_of_ours_does(few, phone):
    def ask(forwarded):
        return phone.get("/organisations", X_Forwarded_For=forwarded).status_code

    assert [ask(f"203.0.113.{number}") for number in range(4)] == [200, 200, 200, 429]


def test_beyond_every_limit_a_danger_sign_is_heard_and_numbers_are_told(few, phone, world):
    for _ in range(5):
        phone.get("/organisations")
    assert phone.get("/organisations").status_code == 429

    for _ in range(5):
        assert phone.get("/hotlines").status_code == 200
        assert phone.begin().status_code == 201
        assert phone.answer("phq9_9", HALF).json["care"]
        assert phone.post("/contacts", {"phone": PHONE}).status_code == 200
        assert phone.client.get("/h5/").status_code == 200
    assert len([alert for alert in world.alerts() if alert.rule != "asked_to_be_called"]) == 5


def test_where_redis_fails_limits_open(app, world, database, monkeypatch):
    parts = app.extensions["xinqiao"]
    settings = parts.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    away = create_app(settings, database=database)
    monkeypatch.setattr(limits, "PER_ADDRESS", "1/minute")
    phone = Phone(away)

    assert [phone.get("/organisations").status_code for _ in range(3)] == [200, 200, 200]


def test_neither_address_nor_token_stands_in_what_is_counted(few, app, phone):
    phone.access = "the-token-itself"
    phone.get("/me")
    counted = " ".join(few.storage.storage)

    assert "address" in counted
    assert "person" in counted
    assert not re.search(r"127\.0\.0\.1|the-token-itself", counted)
