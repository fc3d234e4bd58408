"""Peers for the API client: the sandbox on a real port, a server that misbehaves, and processes of their own."""

import itertools
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.serving import WSGIRequestHandler, make_server

from server.clock import utc_now
from server.db import Database, make_engine
from server.vault import Vault
from server.wechat.api_errors import WeChatError
from server.wechat.client import WeChatApi
from server.wechat.models import AccessToken
from server.wechat.sandbox.app import SandboxSettings, create_sandbox
from server.wechat.tokens import Issued, TokenStore

SECRET = "the-secret-of-the-account"
RID = "65f0c1a2-1b2c3d4e-5f607182"
TOKEN_PATH = "/cgi-bin/stable_token"


def new_app_id() -> str:
    return f"wx{secrets.token_hex(8)}"


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

    def api(self, database: Database, clock: Callable[[], datetime] = utc_now, **more: Any) -> WeChatApi:
        """A client of this sandbox, with its own store on the one row."""
        store = TokenStore(database, self.app_id, clock=clock)
        return WeChatApi(app_id=self.app_id, secret=SECRET, tokens=store, base=self.url, **more)


class _Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The requests' lines hold tokens, and the log is one of the things that are tested."""


@contextmanager
def running_sandbox(**settings: Any) -> Iterator[Peer]:
    app_id = new_app_id()
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
    """Hands out a token and gives every other call the raw bytes of `answer`; None hangs up."""

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

    def api(self, database: Database, **more: Any) -> WeChatApi:
        """A client of this gateway, of an account of its own."""
        app_id = new_app_id()
        return WeChatApi(app_id=app_id, secret=SECRET, tokens=TokenStore(database, app_id), base=self.url, **more)

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
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


def refuse(errcode: object, errmsg: str = "no") -> bytes:
    return ok(f'{{"errcode": {errcode}, "errmsg": "{errmsg}"}}'.encode())


def in_turn(*answers: bytes | None) -> Callable[[Heard], bytes | None]:
    """One answer after the other, the last one for ever."""
    row = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda heard: next(row)


# Answers that cannot come from WeChat, with the reason under which they are told.
NO_ANSWERS: list[tuple[str, bytes | None]] = [
    ("http_502", ok(b"<html>Bad Gateway</html>", "text/html", "502 Bad Gateway")),
    ("http_404", ok(b'{"errcode": 0}', status="404 Not Found")),
    ("not_json", ok(b"<html>Log in to the network</html>", "text/html")),
    ("not_an_object", ok(b'["ok"]')),
    ("errcode", ok(b'{"errcode": null}')),
    ("dropped", None),
    ("not_json", ok(b'{"errcode": 0, "errm')),
    ("not_json", ok(b"")),
    ("not_json", b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
    ("errcode", ok(b'{"errcode": 1e999}')),
    ("dropped", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}"),
    ("dropped", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
    ("dropped", b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}"),
    ("dropped", b"this is no HTTP\r\n\r\n"),
]


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            heard = Heard(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
            gateway.heard.append(heard)
            answer = gateway.reply(heard)
            if answer is not None:
                self.wfile.write(answer)
            self.close_connection = True

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


@contextmanager
def running_impostor(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A TLS server with a certificate that it signed itself: its address, and what a client told it nevertheless."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "impostor.pem"
    unlocked = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError), listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as wire:
            heard.append(wire.recv(1024))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join()


# --- the store ----------------------------------------------------------------------------------------------------


def read_row(database: Database, app_id: str) -> AccessToken:
    return database.read(lambda session: session.get_one(AccessToken, app_id))


def change_row(database: Database, app_id: str, **values: object) -> None:
    changing = sa.update(AccessToken).where(AccessToken.app_id == app_id).values(**values)
    database.write(lambda session: session.execute(changing))


class Platform:
    """WeChat's rule for the stable token, as far as the store can see it."""

    def __init__(self, seconds: int = 7200) -> None:
        self.seconds = seconds
        self.asked: list[bool] = []
        self.number = 1
        self.failure: WeChatError | None = None

    def __call__(self, force: bool) -> Issued:
        self.asked.append(force)
        if self.failure is not None:
            raise self.failure
        self.number += force
        return Issued(f"token-{self.number}", self.seconds)


def unwaiting(database: Database, app_id: str, clock: Clock) -> TokenStore:
    """A store that does not wait for others."""
    return TokenStore(database, app_id, clock=clock, wait_seconds=0, sleep=lambda seconds: None)


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


@dataclass(frozen=True)
class Elsewhere:
    """All that another process needs to be the same account."""

    database_url: str
    data_keys: str
    app_id: str
    base: str

    @contextmanager
    def api(self) -> Iterator[WeChatApi]:
        engine = make_engine(self.database_url)
        tokens = TokenStore(Database(engine, Vault.from_text(self.data_keys)), self.app_id)
        yield WeChatApi(app_id=self.app_id, secret=SECRET, tokens=tokens, base=self.base)
        engine.dispose()


def ask_from_a_process(elsewhere: Elsewhere, barrier: Barrier, results: "Queue[list[str]]") -> None:
    """The body of a process: five threads that ask for the callback's addresses at once."""
    with elsewhere.api() as api:
        barrier.wait(30)
        results.put([repr(one) for one in run_together(5, api.get_callback_ips)])


def ask_and_wait(elsewhere: Elsewhere) -> None:
    """The body of a process that is killed while WeChat is asked: no `finally` runs."""
    with elsewhere.api() as api:
        api.get_callback_ips()
