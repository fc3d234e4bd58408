"""`flask qr make`: codes that a camera reads, of the account and of the site, and their end."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.serving import make_server

from server import create_app
from server.config import Settings
from server.db import Database
from server.organisations import service as organisations
from server.organisations.models import Level
from server.wechat.sandbox.app import SandboxSettings, create_sandbox


@pytest.fixture
def wechat(settings: Settings) -> Iterator[str]:
    """WeChat's servers, as the sandbox plays them, over real HTTP."""
    sandbox = create_sandbox(
        SandboxSettings(
            app_id=settings.wechat_oa_app_id,
            secret=settings.wechat_oa_secret,
            token=settings.wechat_oa_token,
            aes_key=settings.wechat_oa_aes_key[0],
            callback_url="http://127.0.0.1:9/wechat/callback",
            web_base=settings.public_base_url,
        )
    )
    server = make_server("127.0.0.1", 0, sandbox, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(settings: Settings, database: Database, wechat: str) -> Flask:
    database.write(
        lambda session: organisations.add_organisation(
            session, code="D", name="榕江区", level=Level.DISTRICT, parent=None
        )
    )
    return create_app(settings.model_copy(update={"wechat_api_base": wechat}), database=database)


def make(app: Flask, folder: Path, *arguments: str) -> list[Path]:
    done = app.test_cli_runner().invoke(args=["qr", "make", "--out", str(folder), *arguments])
    assert done.exit_code == 0, done.output
    return sorted(folder.glob("*.png"))


def read(picture: Path) -> str:
    with Image.open(picture) as image:
        return zxingcpp.read_barcodes(image)[0].text


def test_a_plain_code_leads_to_the_site_in_any_browser(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    (picture,) = make(app, tmp_path, "--plain", "--target", "phq9")
    address = read(picture)
    assert address.startswith("http://127.0.0.1:8000/q/")
    answer = client.get(address.removeprefix("http://127.0.0.1:8000"))
    assert answer.status_code == 303
    assert answer.location.startswith("/h5/test/phq9?from=")
    assert picture.with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg ")


@pytest.mark.parametrize("days", [(), ("--days", "7"), ("--days", "365")], ids=["for ever", "a week", "a year"])
def test_a_code_of_the_account_holds_what_wechat_gave(app: Flask, tmp_path: Path, days: tuple[str, ...]) -> None:
    (picture,) = make(app, tmp_path, "--target", "phq9", *days)
    assert "weixin.qq.com/q/" in read(picture)


def test_a_revoked_code_leads_to_help_and_says_so(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    (picture,) = make(app, tmp_path, "--plain", "--target", "phq9")
    code = picture.stem.split("-", 1)[1]
    assert app.test_cli_runner().invoke(args=["qr", "revoke", code]).exit_code == 0
    answer = client.get(f"/q/{code}")
    assert answer.status_code == 410
    assert "已经停用" in answer.text
    assert "12356" in answer.text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--door", "cellar"], "没有这个入口"),
        (["--target", "phq99"], "没有：phq99"),
        (["--organisation", "NOWHERE"], "no organisation NOWHERE"),
    ],
)
def test_a_code_that_cannot_be_made_is_explained(app: Flask, tmp_path: Path, arguments: list[str], says: str) -> None:
    done = app.test_cli_runner().invoke(args=["qr", "make", "--plain", "--out", str(tmp_path), *arguments])
    assert done.exit_code == 1
    assert says in done.output
    assert not list(tmp_path.glob("*.png"))


def test_an_account_that_may_not_make_codes_is_told_before_the_call(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    app = create_app(settings.model_copy(update={"wechat_oa_kind": "subscription"}), database=database)
    done = app.test_cli_runner().invoke(args=["qr", "make", "--out", str(tmp_path)])
    assert (done.exit_code, "--plain" in done.output) == (1, True)
