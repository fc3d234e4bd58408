"""A colleague at the console: signs in through the form, keeps the form token, sends forms as the pages do."""

import re

from flask import Flask
from werkzeug.test import TestResponse

from tests import authenticator
from tests.canaries import PASSWORD

_FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def text_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


class Colleague:
    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        page = self.client.get("/console/sign-in").get_data(as_text=True)
        self.form_token = _FORM_TOKEN.search(page)[1]

    def sign_in(self, login_name: str, password: str = PASSWORD) -> "Colleague":
        """With password, and the code of the tests' authenticator where one is asked for."""
        answer = self.try_to_sign_in(login_name, password)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        if answer.headers["Location"] == "/console/second-factor":
            authenticator.forget_used(self.app.extensions["xinqiao"].database)
            answer = self.enter_code(authenticator.code())
            assert answer.status_code == 303, answer.get_data(as_text=True)
        return self

    def enter_code(self, code: str) -> TestResponse:
        return self.post("/console/second-factor", code=code)

    def try_to_sign_in(self, login_name: str, password: str) -> TestResponse:
        return self.call("POST", "/console/sign-in", login_name=login_name, password=password)

    def call(self, method: str, address: str, /, **fields: str) -> TestResponse:
        if method == "GET":
            return self.client.get(address)
        return self.client.open(address, method=method, data=fields | {"csrf_token": self.form_token})

    def get(self, address: str) -> TestResponse:
        return self.client.get(address)

    def post(self, address: str, /, **fields: str) -> TestResponse:
        return self.call("POST", address, **fields)

    def poll(self, address: str = "/console/duty/board") -> TestResponse:
        """As the page's script asks."""
        return self.client.get(address, headers={"X-Requested-With": "fetch"})

    def cookie(self, name: str) -> str:
        return self.client.get_cookie(name, path="/console").value

    @staticmethod
    def without_request_id(answer: TestResponse) -> tuple[int, str, list[tuple[str, str]]]:
        """All that somebody could tell two answers apart by."""
        request_id = answer.headers["X-Request-Id"]
        body = answer.get_data(as_text=True).replace(request_id, "-")
        headers = sorted((name, value.replace(request_id, "-")) for name, value in answer.headers)
        return answer.status_code, body, headers
