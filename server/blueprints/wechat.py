"""The callback that WeChat calls. Everything it does is in server.wechat.callback; here are only HTTP's words for it."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from server.blueprints.requests import parts
from server.clock import utc_now
from server.logs import log
from server.metrics import PUSHES
from server.wechat.crypto import NotFromWechat
from server.wechat.inbound import LARGEST_BODY

bp = Blueprint("wechat", __name__, url_prefix="/wechat")

_FORBIDDEN = 403


@bp.get("/callback")
def verify() -> Response:
    try:
        echo = parts().callback.verify(_query(), now=utc_now())
    except NotFromWechat:
        return _forbid()
    # The echo is whatever the query says: a browser must not make a page of it.
    return Response(echo, mimetype="text/plain", headers={"X-Content-Type-Options": "nosniff"})


@bp.post("/callback")
def receive() -> Response:
    # One byte more than is allowed: a body that announces no length is cut at the limit without a word.
    request.max_content_length = LARGEST_BODY + 1
    body = request.get_data(cache=False)
    if len(body) > LARGEST_BODY:
        raise RequestEntityTooLarge
    try:
        answer = parts().callback.answer(_query(), body, now=utc_now())
    except NotFromWechat:
        return _forbid()
    PUSHES.labels(answer.outcome).inc()
    # Metrics count what goes well. A line for each scan would keep the minute of it, next to the pages that follow.
    log.debug("callback", outcome=answer.outcome, status=answer.status)
    is_xml = answer.body.startswith("<")
    return Response(answer.body, answer.status, mimetype="application/xml" if is_xml else "text/plain")


def _forbid() -> Response:
    # The first thing that an operator with a mistyped token looks for.
    PUSHES.labels("not_from_wechat").inc()
    log.info("callback", outcome="not_from_wechat", status=_FORBIDDEN)
    return Response("", _FORBIDDEN, mimetype="text/plain")


def _query() -> dict[str, str]:
    """The first value of each parameter; lists are nobody's honest query."""
    return request.args.to_dict(flat=True)
