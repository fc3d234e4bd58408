"""A sandbox with a callback of its own, driven through its HTTP doors."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from server.wechat.sandbox.app import SandboxSettings, create_sandbox

from .callback import Callback

APP_ID, SECRET, TOKEN = "wx2f7d6b5fb8a30001", "s3cret-of-the-account", "sandboxtoken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
RESIDENT = "chen-jing"


class Driver:
    """Speaks to a sandbox as the server does (`call`) and as a test or the page does (`get`, `post`, `delete`)."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.app = create_sandbox(settings)
        self.app.testing = True
        self.client: FlaskClient = self.app.test_client()

    def close(self) -> None:
        self.app.extensions["sandbox"].close()

    def get(self, path: str, /, **query: object) -> Any:
        return self.client.get(f"/sandbox{path}", query_string=query).json

    def post(self, path: str, /, **body: object) -> Any:
        return self.client.post(f"/sandbox{path}", json=body).json

    def token(self) -> str:
        body = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
        return str(self.client.post("/cgi-bin/stable_token", json=body).get_json(force=True)["access_token"])

    def call(self, method: str, path: str, *, token: str | None = None, **kwargs: Any) -> Any:
        """One call of the API with a good token; the answer's JSON, whatever its content type says."""
        return self.respond(method, path, token=token, **kwargs).get_json(force=True)

    def respond(self, method: str, path: str, *, token: str | None = None, **kwargs: Any) -> TestResponse:
        query = {"access_token": self.token() if token is None else token, **kwargs.pop("query", {})}
        return self.client.open(f"/cgi-bin/{path}", method=method, query_string=query, **kwargs)

    def say(self, text: str, resident: str = RESIDENT) -> Any:
        return self.post("/text", resident=resident, content=text)["push"]

    def chat(self, resident: str = RESIDENT) -> list[Any]:
        return list(self.get(f"/residents/{resident}/messages")["messages"])

    def make_code(self, scene: str, **more: object) -> Any:
        """A permanent QR code of the account."""
        body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}} | more
        return self.call("POST", "qrcode/create", json=body)


@pytest.fixture
def callback() -> Iterator[Callback]:
    callback = Callback()
    yield callback
    callback.close()


@pytest.fixture
def make_sandbox(callback: Callback) -> Iterator[Callable[..., Driver]]:
    """Builds sandboxes that push to `callback`; settings by keyword."""
    drivers: list[Driver] = []

    def make(**overrides: Any) -> Driver:
        usual: dict[str, Any] = {
            "app_id": APP_ID,
            "secret": SECRET,
            "token": TOKEN,
            "aes_key": AES_KEY,
            "callback_url": callback.url,
            "web_base": "http://127.0.0.1:8000",
        }
        driver = Driver(SandboxSettings(**usual | overrides))
        callback.settings = driver.settings
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        driver.close()


@pytest.fixture
def sandbox(make_sandbox: Callable[..., Driver]) -> Driver:
    return make_sandbox()


@pytest.fixture
def follower(sandbox: Driver) -> str:
    """A resident who follows; nobody has said anything since."""
    sandbox.post("/follow", resident=RESIDENT)
    return RESIDENT


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing: a phone asks once a second."""


@pytest.fixture
def serve() -> Iterator[Callable[[Driver], str]]:
    """Puts a sandbox on a real port; the address."""
    running: list[tuple[Any, threading.Thread]] = []

    def start(driver: Driver) -> str:
        server = make_server("127.0.0.1", 0, driver.app, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
