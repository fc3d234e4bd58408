"""Hostile values in every field, address and query of every page: never a 500, never markup that comes back alive.

The pages and the fields are read from the app and its templates, so that a new one is crawled without being listed.
"""

import contextlib
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.routing import BuildError, Rule
from werkzeug.test import Client, TestResponse

from server.accounts.policy import Role
from server.config import ROOT
from tests.blueprints.staff import Colleague
from tests.blueprints.visitor import SOME_DAYS, Visitor

# What comes back alive does not depend on the store.
pytestmark = [pytest.mark.slow, pytest.mark.sqlite]

SCRIPT, PICTURE = "\"'><script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>"
VALUES = [
    SCRIPT,
    PICTURE,
    "javascript:alert(1)//",
    "{{1337*1337}}${1337*1337}<%= 1337*1337 %>",
    "\x00\x01\x1b[31m\u202e\ufffe",
    "𝔘💥" * 400,
    "九" * 5_000,
    "9" * 40,
    "=cmd|' /C calc'!A0",
    "//evil.example/\\evil.example",
    "",
]
# The API answers in JSON and has a crawl of its own.
_OTHERS = ("/api/", "/static/", "/metrics")
_FIELD = re.compile(r'name="([a-z_]+)"')


def fields_of_all_forms() -> set[str]:
    templates = (ROOT / "server" / "templates").rglob("*.html")
    found = {name for file in templates for name in _FIELD.findall(file.read_text(encoding="utf-8"))}
    return found - {"csrf_token", "viewport", "robots"} | {"from", "next", "after", "q", "sort", "page", "over", "anew"}


def pages(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(_OTHERS)]


def addresses(app: Flask, rule: Rule, value: str) -> Iterator[str]:
    """The page with the value in each part of its address, and with parts that could be real."""
    adapter = app.url_map.bind("localhost")
    for part in (value[:200], "A" * 22):
        given = {name: "phq9" if name == "instrument_id" else part for name in rule.arguments}
        with contextlib.suppress(BuildError, ValueError):  # a part that takes only listed words
            yield adapter.build(rule.endpoint, given)


def check(answer: TestResponse, where: str) -> None:
    said = answer.get_data(as_text=True)
    assert answer.status_code < 500, where
    assert "<script>alert(1)" not in said, where
    assert "<img src=x" not in said, where
    assert "1787569" not in said, where
    assert "Traceback" not in said, where
    location = answer.headers.get("Location", "/")
    assert re.match(r"/(?![/\\])", location) or _is_wechats(location), f"{where} → {location}"


def _is_wechats(location: str) -> bool:
    """The one way off the site: the log-in, at a fixed address that leads back to a fixed one."""
    parts = urlsplit(location)
    back = parse_qs(parts.query).get("redirect_uri", [""])[0]
    return (parts.netloc, parts.path, urlsplit(back).path) == (
        "127.0.0.1:8001",
        "/connect/oauth2/authorize",
        "/h5/me/wechat/back",
    )


def crawl(app: Flask, client: Client, **real: str) -> None:
    """`real` fields hold what they should, so that the crawl gets behind what asks for them."""
    names = fields_of_all_forms()
    for rule in pages(app):
        for value in VALUES:
            sent = dict.fromkeys(names, value) | real
            for address in set(addresses(app, rule, value)):
                for method in sorted(rule.methods & {"GET", "POST"}):
                    where = f"{method} {rule.rule} with {value[:40]!r}"
                    if method == "GET":
                        check(client.get(address, query_string={name: text[:60] for name, text in sent.items()}), where)
                    else:
                        check(client.post(address, data=sent), where)


def test_a_stranger_s_hostile_values(app, world):
    crawl(app, app.test_client())


def test_hostile_values_from_somebody_in_the_middle_of_a_test(app, world):
    visitor = Visitor(app)
    visitor.take([SOME_DAYS] * 4)
    token = re.search(r'name="token" value="([^"]+)"', visitor.history[-1].html)[1]
    crawl(app, visitor._client, token=token)


@pytest.mark.parametrize("role", [Role.DUTY_OFFICER, Role.SECURITY_ADMINISTRATOR])
def test_a_colleague_s_hostile_values(app, world, role):
    world.hire("somebody", role=role)
    world.raise_alert(number="13800138000")
    colleague = Colleague(app).sign_in("somebody")
    crawl(app, colleague.client, csrf_token=colleague.form_token)
