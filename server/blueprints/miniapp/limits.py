"""How much one person and one address may ask for in a minute. What may carry a cry for help is never counted.

Counted by Flask-Limiter, in memory or in Redis; where Redis fails, limits open. A school sits behind one address, so that
limit is wide. Neither an address nor a person is kept: the key is a hash under this installation's secret.
"""

import hashlib
import hmac
import time

from flask import Flask, Response, current_app, request
from flask_limiter import Limit, Limiter, RateLimitExceeded

from server.blueprints import errors
from server.blueprints.requests import parts, parts_of
from server.errors import TooMany

PER_ADDRESS = "1200/minute"
PER_PERSON = "100/minute"
_WINDOW = 60
_PREFIX = "/api/v1/"
# Hotlines, self-assessments with their danger signs, requests to be called; and the document, which says so.
_NEVER_LIMITED = ("/api/v1/hotlines", "/api/v1/instruments", "/api/v1/contacts")
_REDIS_SECONDS = 0.3


def is_limited(path: str) -> bool:
    return path.startswith(_PREFIX) and not path.startswith(_NEVER_LIMITED)


def prepare(app: Flask) -> None:
    redis_url = parts_of(app).settings.redis_url
    options: dict[str, str | int] = {}
    if redis_url:
        options = {"socket_connect_timeout": _REDIS_SECONDS, "socket_timeout": _REDIS_SECONDS}  # type: ignore[dict-item]
    limiter = Limiter(
        _address,
        app=app,
        application_limits=None,
        default_limits=[
            Limit(lambda: PER_ADDRESS, key_function=_address, scope="address", shared=True, exempt_when=_is_free),
            Limit(lambda: PER_PERSON, key_function=_person, scope="person", shared=True, exempt_when=_is_nobody),
        ],
        storage_uri=redis_url or "memory://",
        storage_options=options,
        strategy="fixed-window",
        swallow_errors=True,
    )
    app.extensions["xinqiao_limiter"] = limiter
    app.register_error_handler(RateLimitExceeded, _too_many)


def _is_free() -> bool:
    return not is_limited(request.path)


def _is_nobody() -> bool:
    return _is_free() or not request.headers.get("Authorization")


def _address() -> str:
    """Behind a proxy of ours (TRUSTED_PROXIES) the one that it names."""
    return _hidden(request.remote_addr or "-")


def _person() -> str:
    """The token stands for the person: a fresh one comes four times an hour, and each is asked for under a limit."""
    return _hidden(request.headers.get("Authorization", ""))


def _hidden(value: str) -> str:
    key = parts().settings.secret_key.encode()
    return hmac.digest(key, b"xinqiao limits\0" + value.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:32]


def _too_many(_exceeded: RateLimitExceeded) -> Response:
    limiter = current_app.extensions["xinqiao_limiter"]
    assert isinstance(limiter, Limiter)
    window = limiter.current_limit
    seconds = min(max(round(window.reset_at - time.time()), 1), _WINDOW) if window else _WINDOW
    response = errors.answer(TooMany(seconds=seconds))
    response.headers["Retry-After"] = str(seconds)
    return response
