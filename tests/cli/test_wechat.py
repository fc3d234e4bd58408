"""`flask wechat …` as an operator runs it, against the sandbox over HTTP."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from server import create_app
from server.config import ROOT, Settings
from server.db import Database, make_engine
from server.vault import Vault
from server.wechat.menu import Menu, load_menu, publish
from server.wechat.models import AccessToken
from tests.wechat.helpers_client import SECRET, TOKEN_PATH, Peer, running_sandbox

CREATE, GET = "/cgi-bin/menu/create", "/cgi-bin/menu/get"
RID = "65f0c1a2-1b2c3d4e-5f607182"
Run = Callable[..., Result]


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The shipped content, of which the menu may be changed."""
    return shutil.copytree(ROOT / "content", tmp_path / "content")


@pytest.fixture
def run(settings: Settings, database: Database, content: Path, peer: Peer) -> Run:
    """Runs `flask wechat …` on the sandbox's account; another address of WeChat or another database on demand."""

    @cache
    def app_of(base: str, store: Database) -> Flask:
        account = {"wechat_oa_app_id": peer.app_id, "wechat_oa_secret": SECRET, "wechat_api_base": base}
        return create_app(settings.model_copy(update={**account, "xinqiao_content": content}), database=store)

    def run(*arguments: str, base: str = peer.url, store: Database = database) -> Result:
        return app_of(base, store).test_cli_runner().invoke(args=["wechat", *arguments])

    return run


def wanted(settings: Settings) -> Menu:
    return load_menu(ROOT / "content" / "wechat" / "menu.yaml", base_url=settings.public_base_url)


# --- ping ---------------------------------------------------------------------------------------------------------


def test_ping_says_that_wechat_answers(run: Run) -> None:
    result = run("ping")

    assert (result.exit_code, result.stdout) == (0, "ok: WeChat answers; its pushes come from 2 networks.\n")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"errcode": 40164, "errmsg": f"invalid ip 203.0.113.7, not in whitelist rid: {RID}"}, "(203.0.113.7)"),
        ({"errcode": 40164, "errmsg": f"invalid ip 203.0.113.7, not in whitelist rid: {RID}"}, f"rid {RID}."),
        ({"errcode": 40001}, "WECHAT_OA_SECRET is not the account's AppSecret"),
        ({"errcode": 61003}, "look the code up"),
        ({"kind": "http_502"}, "is not WeChat, or not in time (http_502)"),
    ],
)
def test_ping_says_in_a_sentence_what_to_do(run: Run, peer: Peer, fault: dict[str, object], says: str) -> None:
    peer.arrange("/faults", **{"kind": "errcode", "path": TOKEN_PATH} | fault)

    result = run("ping")

    assert result.exit_code == 2
    assert says in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_ping_says_that_wechat_cannot_be_reached(run: Run) -> None:
    result = run("ping", base="http://127.0.0.1:9")

    assert result.exit_code == 2
    assert "WeChat cannot be reached (connect)" in result.stderr


def test_without_tables_the_command_that_makes_them_is_named(run: Run, tmp_path: Path, vault: Vault) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")

    result = run("ping", store=Database(engine, vault))

    engine.dispose()
    assert result.exit_code == 2
    assert "db upgrade" in result.stderr


# --- menu ---------------------------------------------------------------------------------------------------------


def test_publish_makes_the_file_the_menu_and_says_what_changed(run: Run, peer: Peer) -> None:
    result = run("menu", "publish")

    assert result.exit_code == 0
    assert "+    帮助  click  HELP\n" in result.stdout
    assert "Published." in result.stdout
    assert peer.count(CREATE) == 1
    assert run("menu", "show").exit_code == 0


def test_publish_calls_nothing_where_nothing_would_change(run: Run, peer: Peer) -> None:
    run("menu", "publish")
    peer.calls.clear()

    result = run("menu", "publish")

    assert (result.exit_code, result.stdout) == (0, "Nothing to do: the live menu says the same as menu.yaml.\n")
    assert peer.calls == [GET]


def test_a_dry_run_says_what_would_change_and_changes_nothing(run: Run, peer: Peer) -> None:
    result = run("menu", "publish", "--dry-run")

    assert result.exit_code == 0
    assert "+    帮助  click  HELP\n" in result.stdout
    assert "Nothing was published" in result.stdout
    assert peer.count(CREATE) == 0


def test_publish_lists_every_fault_of_the_file_and_calls_nobody(run: Run, peer: Peer, content: Path) -> None:
    (content / "wechat" / "menu.yaml").write_text("button: [{name: 一, key: ''}, {name: 二}]", encoding="utf-8")

    result = run("menu", "publish")

    assert result.exit_code == 2
    assert 'Button "一": its key is empty.' in result.stderr
    assert 'Button "二" does nothing' in result.stderr
    assert peer.calls == []


def test_show_prints_the_live_menu_and_ends_with_0_when_it_is_the_files(
    run: Run, peer: Peer, settings: Settings, database: Database
) -> None:
    publish(peer.api(database), wanted(settings))

    result = run("menu", "show")

    assert result.exit_code == 0
    assert result.stdout == "\n".join([*wanted(settings).lines(), "", "menu.yaml says the same.", ""])


def test_show_ends_with_1_and_the_difference_when_there_is_one(run: Run, peer: Peer, database: Database) -> None:
    publish(peer.api(database), Menu(({"name": "旧", "type": "click", "key": "OLD"},)))

    result = run("menu", "show")

    assert result.exit_code == 1
    assert result.stdout.startswith("旧  click  OLD\n\nmenu.yaml differs:\n--- live\n+++ file\n")
    assert "\n-旧  click  OLD\n" in result.stdout


def test_show_ends_with_1_when_there_is_no_menu_at_all(run: Run) -> None:
    result = run("menu", "show")

    assert result.exit_code == 1
    assert result.stdout.startswith("No menu is live.\n")


def test_show_ends_with_2_when_wechat_refuses(run: Run, peer: Peer) -> None:
    peer.arrange("/faults", kind="errcode", path=GET, errcode=48001)

    result = run("menu", "show")

    assert result.exit_code == 2
    assert result.stderr.endswith(".\n")
    assert "WeChat refused cgi-bin/menu/get with 48001: this account may not use this interface" in result.stderr


def test_no_command_shows_the_token_or_the_secret(run: Run, database: Database) -> None:
    outputs = [run(*arguments).output for arguments in (("ping",), ("menu", "show"), ("menu", "publish"), ("--help",))]

    assert database.read(lambda session: session.scalars(sa.select(AccessToken)).one()).token_sealed is not None
    for output in outputs:
        assert SECRET not in output
        assert "120_" not in output  # how the sandbox's stable tokens begin
