"""The callback driven with other people's crypto: WeRoBot's, and the npm package wechat-crypto.

What wechatpy does wrong, and the sandbox might do wrong in the same way, shows here.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werobot.crypto import MessageCrypt
from werobot.utils import get_signature

from server.clock import utc_now
from server.config import ROOT
from server.db import Database
from server.parts import Parts
from server.vault import Vault
from server.wechat.crypto import CallbackCrypto

from .helpers import GH, OPENID, PATH, Account, event, make_app, make_district, read_reply, spoken_words, text_message

PACKAGE = ROOT / "node_modules" / "wechat-crypto"
NODE = shutil.which("node", path=None) or shutil.which("node", path=str(ROOT / ".venv" / "bin"))


class Peer(Protocol):
    """WeChat's side of the crypto, as somebody else wrote it."""

    def sign(self, timestamp: str, nonce: str, encrypted: str = "") -> str: ...

    def seal(self, message: str) -> str: ...

    def open(self, encrypted: str) -> str: ...


class WeRoBot:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._crypt = MessageCrypt(account.token, account.aes_key, account.app_id)

    def sign(self, timestamp: str, nonce: str, encrypted: str = "") -> str:
        return str(get_signature(self._account.token, timestamp, nonce, *([encrypted] if encrypted else [])))

    def seal(self, message: str) -> str:
        return bytes(self._crypt.prp_crypto.encrypt(message, self._account.app_id)).decode()

    def open(self, encrypted: str) -> str:
        return bytes(self._crypt.prp_crypto.decrypt(encrypted, self._account.app_id)).decode()


class WechatCrypto:
    """The npm package, in a process of its own."""

    def __init__(self, account: Account) -> None:
        self._app_id = account.app_id
        script = Path(__file__).with_name("second_crypto.js")
        self._process = subprocess.Popen(
            [NODE or "node", "--no-deprecation", str(script), account.token, account.aes_key, account.app_id],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def _ask(self, operation: str, **arguments: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"operation": operation, **arguments}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def sign(self, timestamp: str, nonce: str, encrypted: str = "") -> str:
        return str(self._ask("sign", timestamp=timestamp, nonce=nonce, encrypted=encrypted))

    def seal(self, message: str) -> str:
        return str(self._ask("seal", message=message))

    def open(self, encrypted: str) -> str:
        opened = self._ask("open", encrypted=encrypted)
        assert opened["id"] == self._app_id
        return str(opened["message"])

    def close(self) -> None:
        self._process.communicate()


def missing_for_node() -> str:
    if NODE is None:
        return "there is no Node.js here"
    return "" if PACKAGE.exists() else "the npm package wechat-crypto is not installed: run scripts/setup"


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory, _engine: sa.Engine, vault: Vault) -> Flask:
    return make_app(tmp_path_factory.mktemp("instance"), Database(_engine, vault))


@pytest.fixture
def app(shared_app: Flask, database: Database) -> Flask:
    make_district(database)
    return shared_app


@pytest.fixture
def account(parts: Parts) -> Account:
    return Account.of(parts.settings)


@pytest.fixture(params=["werobot", pytest.param("wechat-crypto", marks=pytest.mark.node)])
def peer(request: pytest.FixtureRequest, account: Account) -> Iterator[Peer]:
    if request.param == "werobot":
        yield WeRoBot(account)
        return
    if missing := missing_for_node():
        pytest.skip(missing)
    with contextlib.closing(WechatCrypto(account)) as process:
        yield process


def send(client: FlaskClient, peer: Peer, message: bytes, *, also: str = "") -> dict[str, str]:
    """One sealed push, and the reply inside the sealed answer; `also` stands beside it, as in compatible mode."""
    timestamp, nonce = str(int(utc_now().timestamp())), "1372623149"
    encrypted = peer.seal(message.decode())
    query = {
        "signature": peer.sign(timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": peer.sign(timestamp, nonce, encrypted),
    }
    envelope = f"<xml><ToUserName><![CDATA[{GH}]]></ToUserName>{also}<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    answer = client.post(PATH, query_string=query, data=envelope.encode())
    assert answer.status_code == 200
    if answer.data == b"success":
        return {}
    outer = {child.tag: child.text or "" for child in ElementTree.fromstring(answer.data)}
    assert outer["MsgSignature"] == peer.sign(outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    return read_reply(peer.open(outer["Encrypt"]).encode())


def test_their_verification_gets_its_echo(client, peer):
    timestamp = str(int(utc_now().timestamp()))
    query = {"signature": peer.sign(timestamp, "n"), "timestamp": timestamp, "nonce": "n", "echostr": "437512"}
    assert client.get(PATH, query_string=query).data == b"437512"


def test_their_plain_push_is_answered_in_plain(client, peer):
    timestamp = str(int(utc_now().timestamp()))
    query = {"signature": peer.sign(timestamp, "n"), "timestamp": timestamp, "nonce": "n"}
    answer = client.post(PATH, query_string=query, data=text_message("热线"))
    assert "12356" in read_reply(answer.data)["Content"]


def test_their_sealed_push_gets_a_reply_that_they_can_open(client, peer):
    reply = send(client, peer, text_message("热线"))
    assert (reply["ToUserName"], reply["FromUserName"]) == (OPENID, GH)
    assert "12356" in reply["Content"]


def test_their_push_in_compatible_mode_gets_one_too(client, peer):
    also = f"<FromUserName>{OPENID}</FromUserName><MsgType>text</MsgType><Content>x</Content><MsgId>1</MsgId>"
    assert "12356" in send(client, peer, text_message("热线"), also=also)["Content"]


def test_their_words_arrive_whole(client, peer, database):
    words = "我不想活了 😭 <b>&amp;]]>"
    assert "12356" in send(client, peer, text_message(words))["Content"]
    assert spoken_words(database) == [words]


def test_their_event_without_an_answer_is_acknowledged(client, peer):
    assert send(client, peer, event("VIEW", EventKey="https://example.org")) == {}


def test_every_length_of_padding_opens_on_both_sides(account, peer):
    crypto = CallbackCrypto(token=account.token, aes_keys=[account.aes_key], app_id=account.app_id)
    timestamp = str(int(utc_now().timestamp()))
    for length in range(66):
        message = "心" * (length // 3) + "a" * (length % 3)
        encrypted = peer.seal(message)
        opened = crypto.open_body(
            encrypted=encrypted,
            msg_signature=peer.sign(timestamp, "n", encrypted),
            timestamp=timestamp,
            nonce="n",
            now=float(timestamp),
        )
        assert opened.message.decode() == message
        sealed = read_reply(opened.seal_reply(message, timestamp=int(timestamp)).encode())
        assert peer.open(sealed["Encrypt"]) == message
