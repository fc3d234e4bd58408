"""A phone's authenticator for the trial's colleagues, so that a newcomer needs no phone. Codes as RFC 6238 has them.

The accounts come from a file beside the sandbox's own memory; where it is not there, there is nothing to show.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

PERIOD_SECONDS = 30
DIGITS = 6


@dataclass(frozen=True)
class Code:
    login_name: str
    name: str
    code: str


def codes(file: Path | None, now: float) -> list[Code]:
    """Of every account with a secret, as the file stands now."""
    if file is None or not file.is_file():
        return []
    accounts = json.loads(file.read_text(encoding="utf-8"))
    return [
        Code(login_name, account["name"], _code(account["secret"], now))
        for login_name, account in accounts.items()
        if account.get("secret")
    ]


def seconds_left(now: float) -> int:
    """Until the next code, 1 to 30."""
    return PERIOD_SECONDS - int(now) % PERIOD_SECONDS


def _code(secret: str, now: float) -> str:
    hash_ = SHA1()  # noqa: S303 - what every authenticator speaks
    return TOTP(base64.b32decode(secret), DIGITS, hash_, PERIOD_SECONDS).generate(int(now)).decode()
