"""A forwarded address counts only when a proxy of ours forwarded it."""

import pytest
from flask import Flask, request
from werkzeug.test import Client

from server.blueprints.proxies import TrustedProxies

OURS = ["10.0.0.0/8", "::1/128"]


def asked_by(peer: str, networks: list[str], **headers: str) -> str:
    app = Flask("asked")
    app.add_url_rule("/", "asked", lambda: f"{request.remote_addr} {request.scheme}")
    return (
        Client(TrustedProxies(app.wsgi_app, networks))
        .get("/", headers=headers, environ_base={"REMOTE_ADDR": peer})
        .text
    )


@pytest.mark.parametrize("peer", ["10.1.2.3", "::1"])
def test_our_own_proxy_says_for_whom_it_asks_and_how_they_came(peer):
    said = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    assert asked_by(peer, OURS, **said) == "198.51.100.7 https"


def test_what_the_asker_claimed_before_our_proxy_is_not_believed():
    assert asked_by("10.1.2.3", OURS, **{"X-Forwarded-For": "127.0.0.1, 198.51.100.7"}) == "198.51.100.7 http"


@pytest.mark.parametrize("peer", ["198.51.100.9", "11.0.0.1", "", "unix:"])
def test_nobody_else_is_believed(peer):
    said = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
    assert asked_by(peer, OURS, **said) == f"{peer} http".replace("None", "")
    assert asked_by(peer, [], **said) == f"{peer} http"


def test_a_host_that_was_forwarded_is_never_taken():
    app = Flask("asked")
    app.add_url_rule("/", "asked", lambda: request.host)
    answer = Client(TrustedProxies(app.wsgi_app, OURS)).get(
        "/", headers={"X-Forwarded-Host": "evil.example"}, environ_base={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert answer.text == "localhost"
