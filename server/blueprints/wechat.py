"""The callback that WeChat calls. Everything it does is in server.wechat.callback; here are only HTTP's words for it.

Pushes are answered before Flask. WeChat's servers bring no cookie and read no page, so of what Flask does for a request
they need its id and its numbers; the rest took a quarter of the time that an answer takes.
"""

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request

from server.blueprints.requests import parts, parts_of
from server.clock import utc_now
from server.ids import new_public_id
from server.logs import log
from server.metrics import DURATION, PUSHES, REQUESTS
from server.parts import Parts
from server.wechat.callback import Answer
from server.wechat.crypto import NotFromWechat
from server.wechat.inbound import LARGEST_BODY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

bp = Blueprint("wechat", __name__, url_prefix="/wechat")

_PATH = "/wechat/callback"
_FORBIDDEN, _UNAVAILABLE = 403, 503


@bp.get("/callback")
def verify() -> Response:
    try:
        echo = parts().callback.verify(request.args.to_dict(), now=utc_now())
    except NotFromWechat:
        _note_stranger()
        return Response("", _FORBIDDEN, mimetype="text/plain")
    # The echo is whatever the query says: a browser must not make a page of it, and no answer of ours lets it guess.
    return Response(echo, mimetype="text/plain")


class Pushes:
    """WSGI: answers POST /wechat/callback, and leaves everything else to `inner`."""

    def __init__(self, app: Flask, inner: "WSGIApplication") -> None:
        self._app = app
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        if environ.get("PATH_INFO") != _PATH or environ["REQUEST_METHOD"] != "POST":
            return self._inner(environ, start_response)
        began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=new_public_id())
        answer = _answer_whatever_comes(parts_of(self._app), Request(environ))
        REQUESTS.labels(_PATH, str(answer.status)).inc()
        DURATION.labels(_PATH).observe(time.perf_counter() - began)
        body = answer.body.encode()
        kind = "application/xml" if body.startswith(b"<") else "text/plain"
        headers = [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [body]


def _answer_whatever_comes(parts: Parts, push: Request) -> Answer:
    try:
        return _receive(parts, push)
    except NotFromWechat:
        _note_stranger()
        return Answer(_FORBIDDEN, "", "not_from_wechat")
    except HTTPException as fault:
        return Answer(fault.code or _UNAVAILABLE, "", "refused")
    except Exception as fault:
        # Nothing of ours may be shown as a failure in somebody's chat; what was not handled is sent again.
        log.error("bug", route=_PATH, exc_info=fault)
        return Answer(_UNAVAILABLE, "", "bug")


def _receive(parts: Parts, push: Request) -> Answer:
    # One byte more than is allowed: a body that announces no length is cut at the limit without a word.
    push.max_content_length = LARGEST_BODY + 1
    body = push.get_data(cache=False)
    if len(body) > LARGEST_BODY:
        raise RequestEntityTooLarge
    # The first value of each parameter; lists are nobody's honest query.
    answer = parts.callback.answer(push.args.to_dict(), body, now=utc_now())
    PUSHES.labels(answer.outcome).inc()
    # Metrics count what goes well. A line for each scan would keep the minute of it, next to the pages that follow.
    log.debug("callback", outcome=answer.outcome, status=answer.status)
    return answer


def _note_stranger() -> None:
    # The first thing that an operator with a mistyped token looks for.
    PUSHES.labels("not_from_wechat").inc()
    log.info("callback", outcome="not_from_wechat", status=_FORBIDDEN)
