"""The names under which our cookies travel behind HTTPS, so that browsers guard them.

A neighbouring host, or somebody on the line who answers for our name in plain, can plant a cookie of any ordinary name here.
One whose name begins with `__Secure-` only comes from HTTPS, one with `__Host-` only from this very host, for all its
paths. Pages and tests know the short names; they are changed here, on the way out and in, in one place.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OURS = "xq_"
# `__Host-` wants the path "/". All others are kept to the pages that need them, which is worth more.
_FOR_ALL_PATHS = frozenset({"xq_form"})


class GuardedCookies:
    """WSGI, for an installation behind HTTPS: a cookie of ours that comes without its prefix is not ours."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if "HTTP_COOKIE" in environ:
            environ["HTTP_COOKIE"] = _as_we_know_them(environ["HTTP_COOKIE"])

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            guarded = [
                (name, _as_they_travel(value) if name.lower() == "set-cookie" else value) for name, value in headers
            ]
            return start_response(status, guarded, exc_info)

        return self._app(environ, start)


def _prefix(name: str) -> str:
    return "__Host-" if name in _FOR_ALL_PATHS else "__Secure-"


def _as_we_know_them(brought: str) -> str:
    kept = []
    for cookie in brought.split(";"):
        name, equals, value = cookie.strip().partition("=")
        short = name[name.find(_OURS) :] if _OURS in name else ""
        if short and name == _prefix(short) + short:
            kept.append(f"{short}{equals}{value}")
        elif not name.startswith(_OURS):
            kept.append(f"{name}{equals}{value}")
    return "; ".join(kept)


def _as_they_travel(line: str) -> str:
    name = line.partition("=")[0]
    if not name.startswith(_OURS):
        return line
    # A browser passes over a guarded name without it, also when the cookie is to be forgotten.
    attributes = {part.strip().lower() for part in line.split(";")[1:]}
    return _prefix(name) + line + ("" if "secure" in attributes else "; Secure")
