"""The platform's API over HTTP: the paths of the api and mp hosts, and answers spoilt by faults."""

import contextlib
import json
import socket
from collections.abc import Mapping

from flask import Blueprint, Response, request

from server.wechat.sandbox import api
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.endpoints import ENDPOINTS
from server.wechat.sandbox.state import Fault

# What Tencent really sends; the charset parameter has a wrong name there.
JSON_TYPE = "application/json; encoding=utf-8"


def platform_blueprint(box: Sandbox) -> Blueprint:
    """Serves every path of the hosts' three roots, known or not: an unknown one has an errcode too."""
    blueprint = Blueprint("platform", __name__)

    @blueprint.route("/<any('cgi-bin', 'sns', 'wxa'):root>/<path:rest>", methods=["GET", "POST"])
    def answer(root: str, rest: str) -> Response:
        query = {key: values[0] for key, values in request.args.lists()}
        body = request.get_data()
        outcome = api.handle(box, ENDPOINTS, f"/{root}/{rest}", request.method, query, body)
        if outcome.spoiled_by is None:
            return _response(outcome.answer)
        return _spoilt(box, outcome.answer, outcome.spoiled_by)

    return blueprint


def _response(answer: api.Answer) -> Response:
    if isinstance(answer, api.Binary):
        return Response(answer.body, answer.status, content_type=answer.mimetype)
    return Response(json.dumps(answer, ensure_ascii=False).encode(), content_type=JSON_TYPE)


def _spoilt(box: Sandbox, answer: api.Answer, fault: Fault) -> Response:
    """The work is done; this is what goes wrong on the way back."""
    if fault.kind == "no_expires_in" and isinstance(answer, Mapping):
        return _response({key: value for key, value in answer.items() if key != "expires_in"})
    whole = _response(answer)
    if fault.kind == "truncated":
        said = whole.get_data()
        return Response(said[: len(said) // 2], whole.status_code, content_type=whole.content_type)
    if fault.kind == "delay":
        box.settings.sleep(fault.seconds)
    if fault.kind == "drop":
        _hang_up()
    return whole


def _hang_up() -> None:
    """Close the connection under the answer: the caller learns nothing of what was done."""
    # gunicorn, and the development server of werkzeug.
    wire = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if not isinstance(wire, socket.socket):
        raise ConnectionAbortedError("the fault 'drop' needs a server that hands out its socket")
    with contextlib.suppress(OSError):  # the caller may have left before
        wire.shutdown(socket.SHUT_RDWR)
