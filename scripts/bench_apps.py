"""Baselines of scripts/bench: what a bare Flask or WeRoBot does with the same pushes under the same gunicorn."""

import os
import sqlite3
import threading
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import TextReply
from wechatpy.utils import check_signature

TOKEN = os.environ.get("WECHAT_OA_TOKEN", "")
APP_ID = os.environ.get("WECHAT_OA_APP_ID", "")
AES_KEY = os.environ.get("WECHAT_OA_AES_KEY", "")
DATABASE = os.environ.get("BENCH_DATABASE", "")
_local = threading.local()


def _connection() -> Any:
    """One connection a thread, with the durability that our own engine asks for."""
    if not hasattr(_local, "connection"):
        if DATABASE.startswith("sqlite:///"):
            connection = sqlite3.connect(DATABASE.removeprefix("sqlite:///"), isolation_level=None, timeout=3)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        else:
            import pymysql

            parts = urlsplit(DATABASE)
            connection = pymysql.connect(
                host=parts.hostname or "127.0.0.1",
                port=parts.port or 3306,
                user=parts.username or "root",
                password=parts.password or "",
                database=parts.path.strip("/"),
                autocommit=True,
            )
        _local.connection = connection
    return _local.connection


def _remember(message_id: str) -> None:
    if DATABASE.startswith("sqlite:///"):
        _connection().execute("INSERT INTO bench_seen (message_id) VALUES (?)", (message_id,))
    else:
        with _connection().cursor() as cursor:
            cursor.execute("INSERT INTO bench_seen (message_id) VALUES (%s)", (message_id,))


def make_echo(*, durable: bool) -> Flask:
    """Bare Flask + wechatpy in AES mode: verify, decrypt, parse, (insert,) echo, encrypt."""
    app = Flask("echo")

    @app.post("/wechat/callback")
    def echo() -> Response:
        arguments = request.args
        check_signature(TOKEN, arguments["signature"], arguments["timestamp"], arguments["nonce"])
        crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
        xml = crypto.decrypt_message(
            request.get_data(), arguments["msg_signature"], arguments["timestamp"], arguments["nonce"]
        )
        message = parse_message(xml)
        if durable:
            _remember(f"{message.source}:{message.id}")
        reply = TextReply(content=message.content, message=message).render()
        return Response(
            crypto.encrypt_message(reply, arguments["nonce"], arguments["timestamp"]), mimetype="application/xml"
        )

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    return app


def make_werobot() -> Any:
    """WeRoBot's plain echo behind Flask, as its documentation shows it."""
    from werobot import WeRoBot
    from werobot.contrib.flask import make_view

    robot = WeRoBot(token=TOKEN, enable_session=False)

    @robot.text
    def echo(message: Any) -> str:
        return str(message.content)

    app = Flask("werobot")
    app.add_url_rule("/wechat/callback", endpoint="werobot", view_func=make_view(robot), methods=["GET", "POST"])
    app.add_url_rule("/healthz", endpoint="healthz", view_func=lambda: "ok")
    return app


which = os.environ.get("BENCH_APP", "")
app = make_werobot() if which == "werobot" else make_echo(durable=which == "durable")
