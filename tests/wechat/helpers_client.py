"""Peers for the API client: the sandbox on a real port, a server that misbehaves, and processes of their own."""

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import sqlalchemy as sa
from werkzeug.serving import WSGIRequestHandler, make_server

from server.db import Base, Database, make_engine
from server.vault import Vault
from server.wechat.client import WeChatApi
from server.wechat.models import AccessToken
from server.wechat.sandbox.app import SandboxSettings, create_sandbox
from server.wechat.tokens import TokenStore

SECRET = "the-secret-of-the-account"
TOKEN_PATH = "/cgi-bin/stable_token"
DATA_KEYS = Vault.new_key_text()


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **length: float) -> None:
        self.now += timedelta(**length)


# --- peers --------------------------------------------------------------------------------------------------------


@dataclass
class Peer:
    """A sandbox on a port of its own; `calls` are the API's paths in the order in which they came."""

    url: str
    app_id: str
    calls: list[str] = field(default_factory=list)

    def arrange(self, path: str, /, **body: object) -> Any:
        answer = requests.post(f"{self.url}/sandbox{path}", json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def count(self, path: str) -> int:
        return self.calls.count(path)

    def api(self, database: Database, clock: Callable[[], datetime] | None = None, **more: Any) -> WeChatApi:
        """A client of this sandbox, with its own store on the one row."""
        store = TokenStore(database, self.app_id, **({"clock": clock} if clock else {}))
        return WeChatApi(app_id=self.app_id, secret=SECRET, tokens=store, base=self.url, **more)


class _Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The requests' lines hold tokens, and the log is one of the things that are tested."""


@contextmanager
def running_sandbox(**settings: Any) -> Iterator[Peer]:
    app_id = f"wx{secrets.token_hex(8)}"
    usual: dict[str, Any] = {
        "app_id": app_id,
        "secret": SECRET,
        "token": "sandboxtoken",
        "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        "callback_url": "http://127.0.0.1:9/wechat/callback",
        "web_base": "http://127.0.0.1:9",
    }
    app = create_sandbox(SandboxSettings(**usual | settings))
    peer = Peer("", app_id)

    def counting(environ: dict[str, Any], start: Any) -> Any:
        if not environ["PATH_INFO"].startswith("/sandbox"):
            peer.calls.append(environ["PATH_INFO"])
        return app(environ, start)

    server = make_server("127.0.0.1", 0, counting, threaded=True, request_handler=_Silent)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["sandbox"].close()


@dataclass(frozen=True)
class Heard:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Gateway:
    """Hands out a token and gives every other call the raw bytes of `answer`: None hangs up, `hang` never speaks."""

    url: str = ""
    answer: Callable[[Heard], bytes | None] = lambda heard: ok(b"{}")
    heard: list[Heard] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)
    token_answer: Callable[[Heard], bytes | None] | None = None
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def calls(self) -> list[Heard]:
        """All but those for a token."""
        return [one for one in self.heard if one.path != TOKEN_PATH]

    def reply(self, heard: Heard) -> bytes | None:
        if heard.path != TOKEN_PATH:
            return self.answer(heard)
        if self.token_answer is not None:
            return self.token_answer(heard)
        return ok(b'{"access_token": "token-%d", "expires_in": 7200}' % len(self.heard))

    def wait(self) -> None:
        """Say nothing until the test is over."""
        self.arrived.set()
        self.hang.wait(30)


def ok(body: bytes, content_type: str = "application/json; encoding=utf-8", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def refuse(errcode: object, errmsg: str = "no") -> bytes:
    return ok(f'{{"errcode": {errcode}, "errmsg": "{errmsg}"}}'.encode())


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            heard = Heard(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
            gateway.heard.append(heard)
            answer = gateway.reply(heard)
            if answer is not None:
                self.wfile.write(answer)
            self.close_connection = True

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    gateway.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield gateway
    finally:
        gateway.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


# --- the store ----------------------------------------------------------------------------------------------------


def database_url(folder: Path) -> str:
    return os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{folder / 'tokens.sqlite3'}"


@contextmanager
def open_database(url: str, data_keys: str = DATA_KEYS) -> Iterator[Database]:
    """Rows of the tests do not meet: each has an app id of its own."""
    engine = make_engine(url)
    Base.metadata.create_all(engine, tables=[Base.metadata.tables[AccessToken.__tablename__]])
    try:
        yield Database(engine, Vault.from_text(data_keys))
    finally:
        engine.dispose()


def read_row(database: Database, app_id: str) -> AccessToken:
    return database.read(lambda session: session.get_one(AccessToken, app_id))


def change_row(database: Database, app_id: str, **values: object) -> None:
    changing = sa.update(AccessToken).where(AccessToken.app_id == app_id).values(**values)
    database.write(lambda session: session.execute(changing))


# --- many at once -------------------------------------------------------------------------------------------------


def run_together(count: int, work: Callable[[], Any]) -> list[Any]:
    """Run `work` in so many threads that start together; what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def ask_from_a_process(
    url: str, data_keys: str, app_id: str, base: str, barrier: Barrier, results: "Queue[list[str]]"
) -> None:
    """The body of a process: five threads that ask for the callback's addresses at once."""
    with open_database(url, data_keys) as database:
        api = WeChatApi(app_id=app_id, secret=SECRET, tokens=TokenStore(database, app_id), base=base)
        barrier.wait(30)
        results.put([repr(one) for one in run_together(5, api.get_callback_ips)])


def die_while_asking(url: str, data_keys: str, app_id: str, base: str) -> None:
    """The body of a process that is killed while WeChat is asked: no `finally` runs."""
    with open_database(url, data_keys) as database:
        api = WeChatApi(app_id=app_id, secret=SECRET, tokens=TokenStore(database, app_id), base=base)
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGKILL)).start()
        api.get_callback_ips()
