"""WeChat's side of the callback: pushes in each of the three modes, its rules for sending again, and readers of replies.

The crypto here is the sandbox's, which was written without wechatpy: a shared fault would be invisible.
"""

import contextlib
import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server import create_app
from server.config import ROOT, Settings, load_settings
from server.crisis.models import AlertWords, ContactRequest
from server.db import Base, Database
from server.organisations import service as organisations
from server.organisations.models import Level, Organisation
from server.vault import Place
from server.wechat.sandbox.crypto import MessageCipher, sign
from tests import canaries
from tests.conftest import DATA_KEYS

PATH = "/wechat/callback"
GH = "gh_0123456789ab"
OPENID = canaries.OPENID
MODES = ("plain", "compatible", "safe")
AGAIN = "请再发一次"
PATIENCE_SECONDS = 5.0  # WeChat's
_ids = itertools.count(secrets.randbits(40))


# --- what WeChat sends ------------------------------------------------------------------------------------------------


def compose(**fields: object) -> bytes:
    """A push as WeChat writes it: strings in CDATA, numbers bare, mappings nested, lists repeated."""
    return b"<xml>" + "".join(_element(name, value) for name, value in fields.items()).encode() + b"</xml>"


def _element(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(inner, one) for inner, one in value.items())}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    split = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{split}]]></{name}>"


def message(msg_type: str, openid: str = OPENID, **fields: object) -> bytes:
    usual: dict[str, object] = {
        "ToUserName": GH,
        "FromUserName": openid,
        "CreateTime": int(time.time()),
        "MsgType": msg_type,
    }
    return compose(**usual | fields)


def text_message(content: str, openid: str = OPENID, **fields: object) -> bytes:
    return message("text", openid, **{"Content": content, "MsgId": next(_ids)} | fields)


def event(name: str, openid: str = OPENID, **fields: object) -> bytes:
    return message("event", openid, Event=name, **fields)


def new_openid() -> str:
    return f"o{secrets.token_hex(13)}x"


# --- how WeChat sends it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """What WeChat knows about the account."""

    token: str
    aes_key: str
    app_id: str

    @classmethod
    def of(cls, settings: Settings) -> "Account":
        return cls(settings.wechat_oa_token, settings.wechat_oa_aes_key[0], settings.wechat_oa_app_id)

    def pack(
        self, plain: bytes, mode: str, *, at: float | None = None, nonce: str = ""
    ) -> tuple[dict[str, str], bytes]:
        """Query and body of one delivery."""
        timestamp, nonce = str(int(time.time() if at is None else at)), nonce or secrets.token_hex(5)
        query = {
            "signature": sign(self.token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": OPENID,
        }
        if mode == "plain":
            return query, plain
        sealed = MessageCipher(self.aes_key, self.app_id).seal(plain)
        query |= {"encrypt_type": "aes", "msg_signature": sign(self.token, timestamp, nonce, sealed)}
        envelope = f"<ToUserName><![CDATA[{GH}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
        kept = plain.removesuffix(b"</xml>") if mode == "compatible" else b"<xml>"
        return query, kept + envelope

    def unpack(self, body: bytes) -> bytes:
        """The reply inside an encrypted answer, its signature checked as WeChat does."""
        outer = {child.tag: child.text or "" for child in ElementTree.fromstring(body)}
        assert set(outer) == {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
        signed = sign(self.token, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
        assert outer["MsgSignature"] == signed
        return MessageCipher(self.aes_key, self.app_id).open(outer["Encrypt"])


@dataclass(frozen=True)
class Heard:
    """An answer as it came, and the reply inside: its fields, or None for `success`, nothing, or an error status."""

    status: int
    raw: bytes
    reply: Mapping[str, str] | None
    seconds: float

    @property
    def content(self) -> str:
        assert self.reply is not None, f"{self.status} {self.raw!r} is no reply"
        assert self.reply["MsgType"] == "text"
        return self.reply["Content"]

    @property
    def is_success(self) -> bool:
        return (self.status, self.raw) == (200, b"success")

    @property
    def is_accepted(self) -> bool:
        """Answered, and not with the request to send it again."""
        return self.status == 200 and not (self.reply and AGAIN in self.reply.get("Content", ""))


Post = Callable[[str, bytes], tuple[int, bytes]]


class WeChat:
    """Pushes to a callback, in-process or over HTTP, and reads what comes back."""

    def __init__(self, account: Account, post: Post) -> None:
        self.account = account
        self._post = post

    @classmethod
    def of(cls, client: FlaskClient, settings: Settings) -> "WeChat":
        def post(query: str, body: bytes) -> tuple[int, bytes]:
            answer = client.post(f"{PATH}?{query}", data=body, content_type="text/xml")
            return answer.status_code, answer.data

        return cls(Account.of(settings), post)

    @classmethod
    def over_http(cls, url: str, settings: Settings) -> "WeChat":
        """A connection of its own for each delivery, given up after WeChat's five seconds."""

        def post(query: str, body: bytes) -> tuple[int, bytes]:
            with requests.post(f"{url}{PATH}?{query}", data=body, timeout=PATIENCE_SECONDS) as answer:
                return answer.status_code, answer.content

        return cls(Account.of(settings), post)

    def push(self, plain: bytes, mode: str = "safe", **how: Any) -> Heard:
        query, body = self.account.pack(plain, mode, **how)
        return self.deliver(query, body)

    def deliver(self, query: Mapping[str, str], body: bytes) -> Heard:
        began = time.monotonic()
        status, raw = self._post(urlencode(query), body)
        seconds = time.monotonic() - began
        if status != 200 or raw in {b"", b"success"}:
            return Heard(status, raw, None, seconds)
        plain = self.account.unpack(raw) if "encrypt_type" in query else raw
        return Heard(status, raw, read_reply(plain), seconds)

    def push_until_answered(self, plain: bytes, *, times: int = 4, pause: float = 0.2) -> Heard | None:
        """As WeChat does: the same push again, signed anew, until it is answered with 200; None when it never was."""
        for _ in range(times):
            try:
                heard = self.push(plain)
            except requests.RequestException:
                heard = None
            if heard is not None and heard.status == 200:
                return heard
            time.sleep(pause)
        return None


def read_reply(plain: bytes) -> dict[str, str]:
    """Every text of the reply by its tag; a card's are Title, Description and Url. Raises ParseError."""
    return {element.tag: element.text or "" for element in ElementTree.fromstring(plain).iter() if element.tag != "xml"}


# --- the application and its store ------------------------------------------------------------------------------------


def make_app(folder: Path, database: Database) -> Flask:
    """One application for all tests of a file: its start takes a second."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = load_settings(
        {
            "XINQIAO_ENV": "development",
            "XINQIAO_INSTANCE": str(folder),
            "DATABASE_URL": url,
            "DATA_KEYS": DATA_KEYS,
            "HOTLINE_LOCAL": "020-55550000|08:00-22:00",
        }
    )
    app = create_app(settings, database=database)
    app.extensions["xinqiao"].warm_up()
    return app


def make_district(database: Database) -> Organisation:
    return database.write(
        lambda session: organisations.add_organisation(
            session, code="D", name="测试区", level=Level.DISTRICT, parent=None
        )
    )


def count(database: Database, model: type[Base]) -> int:
    return database.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)


def spoken_words(database: Database) -> list[str]:
    """What was said in distress, as whoever is on duty reads it."""
    return _opened(database, AlertWords, "words")


def left_numbers(database: Database) -> list[str]:
    return _opened(database, ContactRequest, "phone")


def _opened(database: Database, model: type[AlertWords | ContactRequest], field: str) -> list[str]:
    def work(session: Session) -> list[str]:
        rows = session.scalars(sa.select(model).order_by(model.id)).all()
        places = [Place(model.__tablename__, row.public_id, field) for row in rows]
        sealed = [getattr(row, f"{field}_sealed") for row in rows]
        return [database.vault.open_text(value, place) for value, place in zip(sealed, places, strict=True)]

    return database.read(work)


# --- processes, and the way to a server -------------------------------------------------------------------------------


class Proxy:
    """A way to a server that can be frozen: what is sent then waits, and connections open but are not answered."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self.thaw()
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._sockets.append(near)
        self._flows.wait()
        with contextlib.suppress(OSError):
            far = socket.create_connection(self._target)
            self._sockets.append(far)
            threading.Thread(target=self._pump, args=(far, near), daemon=True).start()
            self._pump(near, far)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """An installation in a folder of its own: migrated, with a district; web and worker can be started and killed."""

    folder: Path
    database_url: str
    web_processes: int = 2
    port: int = field(default_factory=free_port)
    web: "subprocess.Popen[bytes] | None" = None
    worker: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.environment = {
            **os.environ,
            "XINQIAO_ENV": "development",
            "XINQIAO_INSTANCE": str(self.folder / "instance"),
            "DATABASE_URL": self.database_url,
            "HOTLINE_LOCAL": "020-55550000|08:00-22:00",
            "PORT": str(self.port),
            "SANDBOX_PORT": str(free_port()),
            "WEB_PROCESSES": str(self.web_processes),
            "FLASK_APP": "wsgi",
        }
        self.environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        self.settings = load_settings(self.environment)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "processes.log"

    def upgrade(self) -> None:
        subprocess.run(self._flask("db", "upgrade"), cwd=ROOT, env=self.environment, check=True, capture_output=True)

    def start_web(self) -> None:
        """Start the web processes and wait until they answer."""
        self.web = self._start(sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/healthz", timeout=2).ok:
                    return
            assert self.web.poll() is None, self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            time.sleep(0.05)
        raise AssertionError("the web processes did not start")

    def start_worker(self) -> None:
        self.worker = self._start(*self._flask("worker"))

    def web_workers(self) -> list[int]:
        """The processes that answer, in the order of their birth."""
        assert self.web is not None
        children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def kill_web(self) -> None:
        self.web = self._kill(self.web)

    def kill_worker(self) -> None:
        self.worker = self._kill(self.worker)

    def close(self) -> None:
        self.kill_web()
        self.kill_worker()

    def _flask(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    @staticmethod
    def _kill(process: "subprocess.Popen[bytes] | None") -> None:
        """kill -9 of the process and its children, which form a group of their own."""
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def installation(folder: Path, database_url: str, **more: Any) -> Iterator[Installation]:
    made = Installation(folder, database_url, **more)
    made.upgrade()
    try:
        yield made
    finally:
        made.close()
