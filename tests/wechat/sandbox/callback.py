"""A callback as the account's owner would run it: a real HTTP server that opens, remembers and answers pushes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from server.wechat.sandbox import markup
from server.wechat.sandbox.crypto import MessageCipher, is_signed, sign
from server.wechat.sandbox.settings import SandboxSettings


@dataclass(frozen=True)
class Received:
    """One delivery: as it came, and what was inside."""

    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    message: bytes

    @property
    def fields(self) -> dict[str, str]:
        return {child.tag: child.text for child in markup.parse(self.message).children}


def reply_xml(received: Received, **own: markup.Value) -> bytes:
    """A passive reply back to the sender; `own` are MsgType and what belongs to it."""
    fields = received.fields
    return markup.compose(
        {"ToUserName": fields["FromUserName"], "FromUserName": fields["ToUserName"], "CreateTime": 1_764_000_000, **own}
    )


def echo(received: Received) -> bytes:
    """The default: says what it heard."""
    fields = received.fields
    heard = fields.get("Content") or f"{fields.get('Event')} {fields.get('EventKey', '')}".strip()
    return reply_xml(received, MsgType="text", Content=f"echo: {heard}")


class Callback:
    """Set `answer` to a function from Received to the reply's plain bytes, or to raw bytes with `is_sealing` off."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], bytes] = echo
        self.status = 200
        self.is_sealing = True
        self.settings: SandboxSettings | None = None
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = owner._take(dict(parse_qsl(urlsplit(self.path).query)), dict(self.headers), body)
                self.send_response(owner.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A sandbox that hung up is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/wechat/callback"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, query: dict[str, str], headers: dict[str, str], body: bytes) -> bytes:
        settings = self.settings
        assert settings is not None
        message = body
        if query.get("encrypt_type") == "aes":
            sealed = markup.parse(body).text_of("Encrypt")
            assert sealed is not None
            assert is_signed(query["msg_signature"], settings.token, query["timestamp"], query["nonce"], sealed)
            message = MessageCipher(settings.aes_key, settings.app_id).open(sealed)
        received = Received(query, headers, body, message)
        self.received.append(received)
        answer = self.answer(received)
        if not self.is_sealing or answer in (b"", b"success") or "encrypt_type" not in query:
            return answer
        sealed = MessageCipher(settings.aes_key, settings.app_id).seal(answer)
        signature = sign(settings.token, "1764000000", "77", sealed)
        return markup.compose({"Encrypt": sealed, "MsgSignature": signature, "TimeStamp": 1_764_000_000, "Nonce": "77"})
