"""One table for the whole app: which status a fault gets, and the page or word that its door answers with.

Another person's record answers exactly like a missing one. An exception that is no DomainError is a bug: logged with the
request's id, answered as `internal`. No page of this module reads the database: it must work when the database does not.
"""

from http import HTTPStatus

from apiflask import HTTPError
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from server.blueprints import json_errors
from server.blueprints.json_errors import WrongMediaType
from server.errors import Conflict, DomainError, Invalid, NotFound, NotSignedIn, Refused, TooMany, Unavailable
from server.logs import log
from server.texts import has_text, text

# The first kind that fits counts.
STATUS: dict[type[DomainError], int] = {
    WrongMediaType: 415,
    NotSignedIn: 401,
    NotFound: 404,
    Refused: 403,
    Invalid: 422,
    Conflict: 409,
    TooMany: 429,
    Unavailable: 503,
}
_HTTP_CODES = {404: "not_found", 405: "method", 413: "too_large", 400: "invalid", 429: "refused"}


def prepare(app: Flask) -> None:
    app.register_error_handler(DomainError, answer)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPError, _bad_input)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def status_of(error: DomainError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def sentence_of(error: DomainError) -> str:
    """The Chinese sentence for a fault. A code without one of its own falls back to its kind's."""
    key = f"errors.{error.code}"
    return text(key, **error.facts) if has_text(key) else text("errors.internal")


def note(error: DomainError) -> None:
    """A refusal's line in the log."""
    log.info("refused", code=error.code, route=_route())


def answer(error: DomainError) -> Response:
    note(error)
    if isinstance(error, Unavailable) and request.method == "GET":
        # Nothing was sent, so nothing can be lost: it only did not open.
        return _answer(status_of(error), error.code, text("h5.not_opened"), again=request.full_path.rstrip("?"))
    return _answer(status_of(error), error.code, sentence_of(error))


def _csrf(_error: CSRFError) -> Response:
    return _answer(400, "csrf", text("errors.csrf"))


def _bad_input(error: HTTPError) -> Response:
    """APIFlask refuses a body that does not fit its model."""
    return json_errors.bad_input(error.__cause__)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code = _HTTP_CODES.get(status, "internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid")
    response = _answer(status, code, text(f"errors.{code}"))
    for name, value in error.get_headers():
        if name in {"Allow", "Location"}:
            response.headers[name] = value
    return response


def _bug(error: Exception) -> Response:
    log.error("bug", route=_route(), exc_info=error)
    return _answer(500, "internal", text("errors.internal"))


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "-"


def _answer(status: int, code: str, sentence: str, *, again: str = "") -> Response:
    """`again` is an address that is worth another try."""
    if request.path.startswith("/wechat/"):
        return make_response("", status, {"Content-Type": "text/plain"})
    if request.path.startswith("/api/"):
        return json_errors.answer(status, code, sentence)
    if request.headers.get("X-Requested-With") == "fetch":
        return make_response(jsonify(error={"code": code, "message": sentence}), status)
    page = render_template("error.html", sentence=sentence, request_id=g.get("request_id", "-"), again=again)
    return make_response(page, status)
