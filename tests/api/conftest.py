"""A district, a clock that stands still, and somebody with the mini program."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.blueprints.conftest import clock, lose_store, world  # noqa: F401 - fixtures
from tests.blueprints.world import World

ZERO, SOME_DAYS, HALF, NEARLY_DAILY = range(4)


class Phone:
    """One mini program: no cookies, JSON both ways. `token` is the response's, `access` the log-in's."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client(use_cookies=False)
        self.token = self.access = self.refresh = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("X-Response-Token", self.token)
        if self.access:
            sent.setdefault("Authorization", f"Bearer {self.access}")
        more = {} if body is None else {"json": body}
        return self.client.open(f"/api/v1{path}", method=method, headers=sent, **more)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.call("POST", path, body, **headers)

    def begin(self, instrument_id: str = "phq9", *, age: str = "age_18_59", **more: Any) -> TestResponse:
        wanted = {"age_band": age, "consent_version": "assessment-1"} | more
        answer = self.post(f"/instruments/{instrument_id}/responses", wanted)
        if answer.status_code == 201:
            self.token = answer.json["token"]
        return answer

    def answer(self, item_id: str, code: int, *, revision: int = 0, instrument_id: str = "phq9") -> TestResponse:
        return self.call(
            "PUT", f"/instruments/{instrument_id}/response/answers/{item_id}", {"code": code, "revision": revision}
        )

    def finish(self, codes: list[int], instrument_id: str = "phq9") -> TestResponse:
        """Answer whatever comes next until nothing does; care is passed on the way."""
        for number, code in enumerate(codes, start=1):
            self.answer(f"{instrument_id}_{number}", code, instrument_id=instrument_id)
        return self.post(f"/instruments/{instrument_id}/response/submission")


@pytest.fixture
def phone(app: Flask, world: World) -> Phone:  # noqa: F811
    return Phone(app)
