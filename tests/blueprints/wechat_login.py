"""A phone in WeChat: the sandbox on a port, the way there and back, and the pages that open then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from server.wechat.sandbox.app import SandboxSettings, create_sandbox
from tests.blueprints.visitor import Page, Visitor

WHO = "chen-jing"


class _Quiet(WSGIRequestHandler):
    def log(self, type, message, *args):
        """Nothing."""


@dataclass
class Platform:
    """WeChat, as the app under test meets it."""

    url: str

    def arrange(self, path: str, /, **body: object) -> dict:
        answer = requests.post(f"{self.url}/sandbox{path}", json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def openid(self, who: str = WHO) -> str:
        found = requests.get(f"{self.url}/sandbox/residents", timeout=5).json()["residents"]
        return next(one["openid"] for one in found if one["id"] == who)

    def follow(self, who: str) -> None:
        """The account has nobody who answers here: what counts is that WeChat knows of the following."""
        self.arrange("/follow", resident=who)

    def send_back(self, address: str, who: str = WHO) -> str:
        """What WeChat's page does with whoever holds the phone: the address that the browser is sent to."""
        answer = requests.get(address, cookies={"xq_sandbox_phone": who}, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@contextmanager
def platform_for(app: Flask) -> Iterator[Platform]:
    """A sandbox of the app's own account, to which the app's calls go."""
    parts = app.extensions["xinqiao"]
    settings = parts.settings
    box = create_sandbox(
        SandboxSettings(
            app_id=settings.wechat_oa_app_id,
            secret=settings.wechat_oa_secret,
            token=settings.wechat_oa_token,
            aes_key=settings.wechat_oa_aes_key[0],
            callback_url="http://127.0.0.1:1/wechat/callback",
            web_base=settings.public_base_url,
            push_deadline_seconds=0.2,
            push_deliveries=1,
        )
    )
    server = make_server("127.0.0.1", 0, box, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    app.extensions["xinqiao"] = replace(parts, settings=settings.model_copy(update={"wechat_api_base": url}))
    try:
        yield Platform(url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Phone(Visitor):
    """A visitor whose browser is WeChat's."""

    def __init__(self, app: Flask, platform: Platform, who: str = WHO) -> None:
        super().__init__(app)
        self.platform, self.who = platform, who

    def depart(self, place: str = "me") -> str:
        """Tap the log-in; WeChat's address."""
        answer = self._client.get(f"/h5/me/wechat?next={place}")
        assert answer.status_code == 303
        return answer.headers["Location"]

    def back_path(self, address: str) -> str:
        there = urlsplit(self.platform.send_back(address, self.who))
        return f"{there.path}?{there.query}"

    def log_in(self, place: str = "me") -> Page:
        return self.open(self.back_path(self.depart(place)))

    def cookie_of(self, name: str) -> object:
        return next(cookie for cookie in self._client._cookies.values() if cookie.key == name)


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]
