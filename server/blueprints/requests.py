"""What every request goes through: its id, its log line. And the parts, for the handlers."""

import hashlib
import time
from functools import cache
from http import HTTPStatus
from pathlib import Path

import structlog
from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from server.clock import local, utc_now
from server.errors import Refused
from server.ids import new_public_id
from server.logs import log
from server.metrics import DURATION, REQUESTS
from server.parts import Parts
from server.texts import text
from server.texts.hotlines import spoken
from server.texts.moments import say_day, say_length, say_when

_STATIC = Path(__file__).resolve().parent.parent / "static"


def parts_of(app: Flask) -> Parts:
    parts = app.extensions["xinqiao"]
    assert isinstance(parts, Parts)
    return parts


def parts() -> Parts:
    return parts_of(current_app)


class _SessionsOfPeople(SecureCookieSessionInterface):
    """WeChat's servers bring no cookies: a push opens no session."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith("/wechat/"):
            return self.make_null_session(app)
        return super().open_session(app, request)


def prepare(app: Flask) -> None:
    app.session_interface = _SessionsOfPeople()
    app.before_request(_begin)
    app.after_request(_finish)
    built = parts_of(app)
    app.jinja_env.globals.update(
        t=text,
        lines=built.lines,
        settings=lambda: parts().settings,
        spoken=spoken(built.lines),
        static_url=static_url,
        say_when=lambda instant: say_when(instant, utc_now()),
        say_since=lambda instant: say_length(utc_now() - instant),
        say_until=lambda instant: say_length(instant - utc_now()),
        say_day=lambda day: say_day(day, utc_now()),
        local=local,
        utc_now=utc_now,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


@cache
def static_url(name: str) -> str:
    """The address of an asset with its content's hash, so that it may be kept for a year; empty when it is not there."""
    file = _STATIC / name
    if not file.is_file():
        return ""
    return f"/static/{name}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_id = new_public_id()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "-"
    took = time.perf_counter() - g.get("began", time.perf_counter())
    REQUESTS.labels(route, str(response.status_code)).inc()
    DURATION.labels(route).observe(took)
    if request.blueprint == "wechat":
        return response  # read by WeChat's servers, not by a browser
    if _is_worth_a_line(route, response.status_code):
        log.info(
            "request",
            route=route,
            method=request.method,
            status=response.status_code,
            duration_ms=round(took * 1000, 1),
        )
    response.headers.setdefault("X-Request-Id", g.get("request_id", "-"))
    # Pages about a person must not come back from a cache on a shared phone.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


_QUIET_ROUTES = {"/healthz", "/readyz", "/metrics"}
# Answers are kept by day. A line for each page would keep their minute; metrics count what goes well, and a fault still
# gets its line.
_DOORS_OF_RESIDENTS = ("/h5/", "/q/", "/api/v1/instruments/", "/api/v1/contacts", "/api/v1/entry-points/")


def _is_worth_a_line(route: str, status: int) -> bool:
    if route.startswith(_DOORS_OF_RESIDENTS):
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return route not in _QUIET_ROUTES


class ForeignForm(Refused):
    """A form of ours that another site sent."""

    code = "assessment.foreign_form"


def refuse_foreign_forms() -> None:
    """For forms without a CSRF token: another site could plant its own response on somebody's phone and read it there.

    The browser itself says where a form comes from. One that does not is let through, for no help may depend on it.
    """
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise ForeignForm


def form(name: str, longest: int = 200) -> str:
    """A form field, stripped; an overlong one is cut, for no field of ours is that long."""
    return request.form.get(name, "").strip()[:longest]


def form_number(name: str) -> int | None:
    value = form(name, 9)
    return int(value) if value.isascii() and value.isdigit() else None
