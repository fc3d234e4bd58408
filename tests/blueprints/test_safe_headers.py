"""The headers that answers carry which no page of ours made: assets, answers to WeChat, what Flask never sees."""

from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from server.blueprints.headers import SafeHeaders

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture
def bare_answers(app: Flask) -> dict[str, TestResponse]:
    client = app.test_client()
    return {
        "an asset": client.get("/static/h5/h5.css", buffered=True),
        "a picture": client.get("/static/mark.svg", buffered=True),
        "an asset that is not there": client.get("/static/nothing.css"),
        "a push that is not from WeChat": client.post("/wechat/callback", data="<xml></xml>"),
        "a push that is too large": client.post("/wechat/callback", data="x" * 70_000),
        "a verification that is not from WeChat": client.get("/wechat/callback?echostr=x"),
        "alive": client.get("/healthz"),
        "figures": client.get("/metrics"),
    }


def test_every_answer_carries_them_whoever_made_it(bare_answers: dict[str, TestResponse]) -> None:
    assert bare_answers["an asset"].status_code == 200
    for name, answer in bare_answers.items():
        assert WANTED.items() <= dict(answer.headers).items(), name
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors "):
            assert part in policy, name


def test_no_answer_invites_other_sites(bare_answers: dict[str, TestResponse]) -> None:
    for name, answer in bare_answers.items():
        assert "Access-Control-Allow-Origin" not in answer.headers, name


def test_no_folder_is_listed_and_nothing_is_echoed(app: Flask) -> None:
    client = app.test_client()
    for path in ("/static/", "/static/h5/", "/static/h5", "/static/../config.py", "/.git/HEAD", "/instance/"):
        assert client.get(path, buffered=True).status_code == 404, path
    for path in ("/static/mark.svg", "/h5/", "/wechat/callback", "/console/sign-in"):
        assert client.open(path, method="TRACE", buffered=True).status_code == 405, path


def test_every_text_says_how_it_is_written(bare_answers: dict[str, TestResponse]) -> None:
    for name, answer in bare_answers.items():
        if answer.get_data() and answer.mimetype.startswith("text/"):
            assert answer.mimetype_params["charset"].lower() == "utf-8", name


def test_behind_https_every_answer_keeps_browsers_there_with_all_names_below(app: Flask) -> None:
    parts = app.extensions["xinqiao"]
    secure = replace(parts, settings=parts.settings.model_copy(update={"public_base_url": "https://example.gov.cn"}))
    client = Client(SafeHeaders(app.wsgi_app, secure))
    for path in ("/static/h5/h5.css", "/wechat/callback", "/h5/", "/nothing"):
        held = client.get(path, buffered=True).headers["Strict-Transport-Security"]
        assert held == "max-age=31536000; includeSubDomains", path


def test_what_an_answer_says_itself_stands(app: Flask) -> None:
    def plain(_environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("referrer-policy", "same-origin")])
        return [b""]

    answer = Client(SafeHeaders(plain, app.extensions["xinqiao"])).get("/")

    assert answer.headers.getlist("Referrer-Policy") == ["same-origin"]
