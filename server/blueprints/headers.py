"""What every answer carries, whoever gives it: pages, answers to WeChat, assets, refusals from before Flask.

Each keeps a browser from making something else of an answer than it is. What an answer says itself stands.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.parts import Parts

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Header = tuple[str, str]
_ONE_YEAR = 31536000


class SafeHeaders:
    """WSGI: adds to each answer what it lacks of the headers of `headers_for`."""

    def __init__(self, app: "WSGIApplication", built: Parts) -> None:
        self._app = app
        self._headers = [(name, name.lower(), value) for name, value in headers_for(built)]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(
            status: str, given: list[Header], exc_info: "OptExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            said = {name.lower() for name, _ in given}
            missing = [(name, value) for name, lower, value in self._headers if lower not in said]
            return start_response(status, [*given, *missing], exc_info)

        return self._app(environ, start)


def headers_for(built: Parts) -> list[Header]:
    headers = [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Content-Security-Policy", _content_policy(built)),
    ]
    if built.settings.public_base_url.startswith("https://"):
        # The names below are ours too: one that answers in plain could plant cookies for this one.
        headers.append(("Strict-Transport-Security", f"max-age={_ONE_YEAR}; includeSubDomains"))
    return headers


def _content_policy(built: Parts) -> str:
    ancestors = "'none'"
    if built.settings.is_development:  # the sandbox's phone shows these pages in a frame
        port = urlsplit(built.settings.sandbox_url).port
        ancestors = f"http://127.0.0.1:{port} http://localhost:{port}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; media-src 'self'; object-src 'none'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
