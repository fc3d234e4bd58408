"""The trial's authenticator: the codes of RFC 6238, of the accounts in the file and of nobody else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from server.wechat.sandbox.settings import read_settings

from .conftest import Driver
from .test_start import GOOD

# RFC 6238, appendix B, SHA-1: its eight digits end in these six.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]


def driver_with(make_sandbox: Callable[..., Driver], file: Path, now: float, accounts: object) -> Driver:
    file.write_text(json.dumps(accounts), encoding="utf-8")
    return make_sandbox(logins_file=file, real_time=lambda: now)


@pytest.mark.parametrize(("now", "code"), VECTORS)
def test_the_codes_are_those_of_the_rfc(
    make_sandbox: Callable[..., Driver], tmp_path: Path, now: int, code: str
) -> None:
    accounts = {
        "duty1": {"name": "Duty", "password": "never shown", "secret": SECRET},
        "clerk": {"name": "Clerk", "password": "never shown", "secret": ""},
    }
    sandbox = driver_with(make_sandbox, tmp_path / "logins.json", now + 0.5, accounts)

    shown = sandbox.get("/authenticator")
    assert shown["accounts"] == [{"login_name": "duty1", "name": "Duty", "code": code}]
    assert shown["seconds_left"] == 30 - now % 30


def test_without_the_file_there_is_nothing_to_show(make_sandbox: Callable[..., Driver], tmp_path: Path) -> None:
    assert make_sandbox().get("/authenticator")["accounts"] == []
    assert make_sandbox(logins_file=tmp_path / "none.json").get("/authenticator")["accounts"] == []


def test_the_environment_names_the_file() -> None:
    assert read_settings(GOOD | {"SANDBOX_LOGINS_FILE": "/tmp/l.json"}).logins_file == Path("/tmp/l.json")
