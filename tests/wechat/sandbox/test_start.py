"""The start: in development only, with one sentence when something is wrong; and nothing of the project inside."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.wechat import sandbox
from server.wechat.sandbox.settings import read_settings

from .conftest import AES_KEY

ROOT = Path(__file__).parents[3]
GOOD = {
    "XINQIAO_ENV": "development",
    "WECHAT_OA_APP_ID": "wx1",
    "WECHAT_OA_SECRET": "s",
    "WECHAT_OA_TOKEN": "t",
    "WECHAT_OA_AES_KEY": f"{AES_KEY}, {'B' * 43}",
    "PUBLIC_BASE_URL": "http://127.0.0.1:8000/",
}


def test_the_environment_becomes_an_account() -> None:
    settings = read_settings(GOOD | {"SANDBOX_STATE_FILE": "/tmp/s.json", "WECHAT_OA_KIND": "subscription"})

    assert settings.callback_url == "http://127.0.0.1:8000/wechat/callback"
    assert settings.aes_key == AES_KEY
    assert (settings.state_file, settings.account_kind, settings.mode) == (Path("/tmp/s.json"), "subscription", "safe")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"XINQIAO_ENV": "production"}, "development"),
        ({"XINQIAO_ENV": ""}, "development"),
        ({"WECHAT_OA_SECRET": "", "WECHAT_OA_TOKEN": " "}, "WECHAT_OA_SECRET, WECHAT_OA_TOKEN"),
        ({"WECHAT_OA_AES_KEY": "short"}, "43"),
        ({"WECHAT_OA_KIND": "shop"}, "shop"),
        ({"SANDBOX_MODE": "loud"}, "loud"),
        ({"PUBLIC_BASE_URL": "127.0.0.1:8000"}, "http"),
    ],
)
def test_a_bad_environment_is_refused_by_a_sentence(change: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_settings(GOOD | change)


def test_outside_development_the_process_ends_with_the_sentence_and_the_code_that_halts_gunicorn() -> None:
    environment = {**os.environ, **GOOD, "XINQIAO_ENV": "production"}

    ended = subprocess.run(
        [sys.executable, "-c", "import server.wechat.sandbox.wsgi"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 4
    assert (
        ended.stderr.strip() == "The WeChat sandbox is an imitation: it starts only where XINQIAO_ENV is development."
    )


def test_the_imitation_uses_nothing_of_the_project_and_no_wechat_sdk() -> None:
    folder = Path(sandbox.__file__ or "").parent
    foreign = []
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            foreign += [
                f"{file.name}: {name}"
                for name in names
                if name.startswith("wechatpy") or (name.startswith("server") and "server.wechat.sandbox" not in name)
            ]

    assert foreign == []


def test_no_sentence_of_the_phone_stands_in_python() -> None:
    folder = Path(sandbox.__file__ or "").parent

    with_chinese = [
        file.name
        for file in folder.rglob("*.py")
        if any("\u4e00" <= letter <= "\u9fff" for letter in file.read_text(encoding="utf-8"))
    ]

    assert with_chinese == []
