"""For load balancers and operators: is it alive, is it ready, what does it count. Details only for listed addresses."""

import ipaddress
import os

from flask import Blueprint, Response, jsonify, make_response, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.exceptions import NotFound

from server.blueprints.requests import parts
from server.clock import utc_now
from server.health import State, check_readiness

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers. Nothing else is asked: a database that is down must not make it restart."""
    return make_response("ok", 200, {"Content-Type": "text/plain; charset=utf-8"})


@bp.get("/readyz")
def readyz() -> Response:
    found = check_readiness(parts(), utc_now())
    body = {"status": str(found.state)} | ({"checks": found.checks} if _asker_is_listed() else {})
    return make_response(jsonify(body), 503 if found.state is State.DOWN else 200)


@bp.get("/metrics")
def metrics() -> Response:
    if not _asker_is_listed():
        raise NotFound
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return make_response(generate_latest(registry), 200, {"Content-Type": CONTENT_TYPE_LATEST})


def _asker_is_listed() -> bool:
    """Behind a proxy every address is the proxy's own: whoever was forwarded is not listed."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        asker = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return any(asker in ipaddress.ip_network(network) for network in parts().settings.detail_addresses)
