"""The start says everything that is wrong at once and shows no value; development makes its secrets once."""

import base64
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.config import ROOT, AccountKind, Settings, load_settings
from server.errors import ConfigurationError
from tests.conftest import run_together

AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OLD_AES_KEY = "GFEDCBA9876543210zyxwvutsrqponmlkjihgfedcba"
COMPLETE = {
    "SECRET_KEY": "s" * 32,
    "DATA_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
    "PUBLIC_BASE_URL": "https://xinqiao.example.org",
    "WECHAT_OA_APP_ID": "wx0123456789abcdef",
    "WECHAT_OA_SECRET": "the-secret-of-the-account",
    "WECHAT_OA_TOKEN": "the-token-of-the-callback",
    "WECHAT_OA_AES_KEY": AES_KEY,
}


def complaint(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as fault:
        load_settings(environ)
    assert fault.value.__cause__ is None, "the cause would quote the values"
    return str(fault.value)


def named_in(message: str) -> list[str]:
    return [line.split(":")[0].strip() for line in message.splitlines()[1:-1]]


# --- production ---------------------------------------------------------------------------------------------------


def test_production_starts_with_what_it_needs_and_nothing_more() -> None:
    settings = load_settings(COMPLETE)

    assert not settings.is_development
    assert settings.wechat_api_base == "https://api.weixin.qq.com"
    assert settings.wechat_oa_kind is AccountKind.SERVICE


def test_production_is_what_runs_when_nobody_says_otherwise() -> None:
    assert not load_settings(COMPLETE | {"XINQIAO_ENV": "  "}).is_development


def test_a_start_with_nothing_set_names_everything_that_misses_in_one_message() -> None:
    message = complaint()

    assert named_in(message) == list(COMPLETE)
    assert message.count("is missing") == len(COMPLETE)
    assert ".env.example" in message


def test_the_process_itself_stops_with_that_message_and_shows_no_value() -> None:
    environ = {"PATH": os.environ["PATH"], "WECHAT_OA_SECRET": "short-but-secret", "DATA_KEYS": "oops-a-key"}

    done = subprocess.run([sys.executable, "-c", "import wsgi"], cwd=ROOT, env=environ, capture_output=True, text=True)

    assert done.returncode == 4
    assert "SECRET_KEY: is missing" in done.stderr
    assert "DATA_KEYS: entry 1 is not id:base64" in done.stderr
    assert "Traceback" not in done.stderr
    assert "oops-a-key" not in done.stderr + done.stdout
    assert "short-but-secret" not in done.stderr + done.stdout


def test_a_blank_value_is_a_missing_one() -> None:
    assert named_in(complaint(**COMPLETE | {"SECRET_KEY": " "})) == ["SECRET_KEY"]


def test_blanks_around_a_value_are_not_part_of_it() -> None:
    """An env file that was edited on Windows ends its lines with a carriage return."""
    settings = load_settings(COMPLETE | {"WECHAT_OA_TOKEN": " the-token\r"})

    assert settings.wechat_oa_token == "the-token"


WRONG = {
    "XINQIAO_ENV": ["produktion", "Development"],
    "PORT": ["0", "65536", "eighty"],
    "SANDBOX_PORT": ["-1"],
    "DATABASE_URL": [
        "postgresql://u:hidden-password@h/d",
        "mysql://u:hidden-password@h:port/d",
        "mysql://u:hidden-password@h",
        "sqlite://",
        "sqlite:///:memory:",
        "no address",
    ],
    "SECRET_KEY": ["hidden-and-short", "s" * 31],
    "DATA_KEYS": ["hidden", "k1:hidden", f"{COMPLETE['DATA_KEYS']},{COMPLETE['DATA_KEYS']}"],
    "PUBLIC_BASE_URL": ["http://xinqiao.example.org", "xinqiao.example.org", "https://", "https://h/?a=1", "ftp://h"],
    "WECHAT_OA_KIND": ["enterprise"],
    "WECHAT_OA_AES_KEY": ["hidden", AES_KEY[:-1], AES_KEY + "A", AES_KEY[:-1] + "/", "汉" * 43, f"{AES_KEY},,hidden"],
    "WECHAT_API_BASE": [
        "http://127.0.0.1:8001",
        "https://127.0.0.1:8001",
        "https://127.8.9.10",
        "https://localhost:8001",
        "https://sandbox.localhost",
        "https://[::1]:8001",
        "https://0.0.0.0:8001",
        "http://api.weixin.qq.com",
    ],
    "HOTLINE_LOCAL": ["020-81899120", "020-81899120|", "|08:00-22:00", "020-81899120|08:00|22:00", "020-81899120|8|"],
    "WECHAT_VERIFY_FILES": ["MP_verify_AbC.txt", "../MP_verify_AbC.txt:AbC", "MP_verify_AbC.txt:<b>", "robots.txt:a"],
    "UNFOLLOWED_KEPT_DAYS": ["0", "366", "ever"],
    "DETAIL_ADDRESSES": ["everybody", "10.0.0.0/8,everybody", "10.0.0.1/8"],
    "TRUSTED_PROXIES": ["everybody", "10.0.0.1/8"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_each_wrong_value_is_named(name: str, value: str) -> None:
    message = complaint(**COMPLETE | {name: value})

    assert set(named_in(message)) == {name}
    assert "hidden" not in message


def test_all_wrong_values_are_named_at_once() -> None:
    assert set(named_in(complaint(**{name: values[0] for name, values in WRONG.items()}))) == {*WRONG, *COMPLETE}


# What may stand in an environment at all: no NUL, and nothing that only Python can hold.
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=9, max_size=60)


@given(name=st.sampled_from(["SECRET_KEY", "DATA_KEYS", "WECHAT_OA_AES_KEY", "DATABASE_URL"]), value=values)
def test_no_secret_is_quoted_however_wrong_it_is(name: str, value: str) -> None:
    message = ""
    try:
        load_settings(COMPLETE | {name: value})
    except ConfigurationError as fault:
        message = str(fault)

    assert value.strip() not in message


@pytest.mark.parametrize("url", ["mysql://u:p%40ss@h/d", "mariadb://u@h/d", "sqlite:////var/lib/xinqiao/x.sqlite3"])
def test_each_database_that_is_served_may_be_named(url: str) -> None:
    assert load_settings(COMPLETE | {"DATABASE_URL": url}).resolved_database_url() == url


def test_without_an_address_the_database_is_a_file_in_the_instance_folder(tmp_path: Path) -> None:
    settings = load_settings(COMPLETE | {"XINQIAO_INSTANCE": str(tmp_path)})

    assert settings.resolved_database_url() == f"sqlite:///{tmp_path}/xinqiao.sqlite3"


def test_the_aes_key_may_be_followed_by_the_previous_one() -> None:
    assert load_settings(COMPLETE).wechat_oa_aes_key == (AES_KEY,)
    settings = load_settings(COMPLETE | {"WECHAT_OA_AES_KEY": f"{AES_KEY}, {OLD_AES_KEY}"})
    assert settings.wechat_oa_aes_key == (AES_KEY, OLD_AES_KEY)


@pytest.mark.parametrize("url", ["https://xinqiao.example.org/", "https://xinqiao.example.org"])
def test_a_base_address_ends_without_a_slash(url: str) -> None:
    assert load_settings(COMPLETE | {"PUBLIC_BASE_URL": url}).public_base_url == "https://xinqiao.example.org"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(COMPLETE).port = 9  # type: ignore[misc]


def test_the_settings_own_error_shows_no_value_either() -> None:
    """Whoever builds them without load_settings logs what pydantic says."""
    with pytest.raises(ValidationError) as fault:
        Settings.model_validate({name.lower(): value for name, value in COMPLETE.items()} | {"secret_key": "hidden"})

    assert "hidden" not in str(fault.value)


def test_what_belongs_to_other_programs_is_passed_over() -> None:
    assert load_settings(COMPLETE | {"PATH": "/usr/bin", "secret_key": "lower case is not ours"}) == load_settings(
        COMPLETE
    )


# --- development --------------------------------------------------------------------------------------------------


def development(folder: Path, **more: str) -> Settings:
    return load_settings({"XINQIAO_ENV": "development", "XINQIAO_INSTANCE": str(folder), **more})


def test_development_needs_nothing_and_talks_to_the_sandbox(tmp_path: Path) -> None:
    settings = development(tmp_path / "new" / "instance", PORT="9000", SANDBOX_PORT="9001")

    assert settings.is_development
    assert settings.wechat_api_base == settings.sandbox_url == "http://127.0.0.1:9001"
    assert settings.public_base_url == "http://127.0.0.1:9000"


def test_nobody_is_called_from_a_demonstration(tmp_path: Path) -> None:
    assert set(development(tmp_path).hotline_local.partition("|")[0]) == {"0", "-"}


def test_a_second_start_reads_the_secrets_of_the_first(tmp_path: Path) -> None:
    first, second, elsewhere = development(tmp_path), development(tmp_path), development(tmp_path / "elsewhere")

    assert first == second
    for name in ("secret_key", "data_keys", "wechat_oa_secret", "wechat_oa_token", "wechat_oa_aes_key"):
        assert getattr(first, name) != getattr(elsewhere, name), f"{name} is not random"


def test_the_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        development(tmp_path)
    finally:
        os.umask(mask)

    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text())) >= {"secret_key", "data_keys"}


def test_what_the_environment_sets_goes_before_what_was_made(tmp_path: Path) -> None:
    assert development(tmp_path, SECRET_KEY="k" * 40).secret_key == "k" * 40
    assert development(tmp_path, WECHAT_API_BASE="https://api.weixin.qq.com").wechat_api_base.endswith("qq.com")


def test_starts_that_race_agree_on_the_secrets(tmp_path: Path) -> None:
    answers = run_together(8, lambda _: development(tmp_path))

    assert len(set(answers)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["development-secrets.json"], "no draft is left behind"


def _start(folder: str, barrier: Barrier, results: "Queue[str]") -> None:
    barrier.wait(30)
    results.put(development(Path(folder)).model_dump_json())


@pytest.mark.slow
def test_processes_that_start_together_agree_on_the_secrets(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_start, args=(str(tmp_path), barrier, results)) for _ in range(4)]
    for process in processes:
        process.start()
    answers = {results.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(30)

    assert len(answers) == 1


@given(st.binary(min_size=32, max_size=32))
def test_every_aes_key_of_letters_and_digits_is_taken(key: bytes) -> None:
    text = base64.b64encode(key).decode().rstrip("=").replace("+", "A").replace("/", "B")

    assert load_settings(COMPLETE | {"WECHAT_OA_AES_KEY": text}).wechat_oa_aes_key == (text,)


# --- .env.example -------------------------------------------------------------------------------------------------


def example_names() -> list[str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return [line.lstrip("# ").partition("=")[0] for line in lines if "=" in line and line.lstrip("# ")[:1].isupper()]


def test_the_example_lists_every_setting_and_nothing_else() -> None:
    names = example_names()

    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_every_setting_of_the_example_is_explained() -> None:
    """By a comment above it, which may speak of several in a row."""
    is_explained, bare = False, []
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            is_explained = True
        elif not line.strip():
            is_explained = False
        elif not is_explained:
            bare.append(line)

    assert bare == []


def test_the_example_holds_no_secret() -> None:
    """Copied as it is, it starts nothing: a secret that everybody has is none."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given_values = dict(line.split("=", 1) for line in lines if "=" in line and line[:1].isupper())

    assert {name for name in COMPLETE if given_values.get(name, "").strip()} <= {"PUBLIC_BASE_URL", "WECHAT_OA_APP_ID"}
