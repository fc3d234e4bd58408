"""What one imitated account is made of: the same secrets that its owner would enter in WeChat's console."""

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

Mode = Literal["plain", "compatible", "safe"]
AccountKind = Literal["service", "subscription", "service_uncertified", "subscription_uncertified"]

REQUIRED = ("WECHAT_OA_APP_ID", "WECHAT_OA_SECRET", "WECHAT_OA_TOKEN", "WECHAT_OA_AES_KEY", "PUBLIC_BASE_URL")


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """One official account with its callback. Raises ValueError with a sentence when it cannot be one.

    `push_deadline_seconds` and `push_deliveries` are WeChat's 5 s and three deliveries (wechat doc: message push);
    they, the wall clock and the way to wait are settings so that tests need not wait.
    """

    app_id: str
    secret: str
    token: str
    aes_key: str
    callback_url: str
    web_base: str
    original_id: str = "gh_2f7d6b5fb8a3"
    mode: Mode = "safe"
    account_kind: AccountKind = "service"
    state_file: Path | None = None
    mini_program_ids: tuple[str, ...] = ()
    mini_program_secret: str = ""
    push_deadline_seconds: float = 5.0
    push_deliveries: int = 3
    real_time: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        for name in ("app_id", "secret", "token", "original_id"):
            if not getattr(self, name):
                raise ValueError(f"The sandbox needs {name}, which is empty.")
        if self.mode not in get_args(Mode):
            raise ValueError(f"The sandbox knows the modes plain, compatible and safe, not {self.mode!r}.")
        if self.account_kind not in get_args(AccountKind):
            raise ValueError(f"The sandbox knows no account kind {self.account_kind!r}.")
        if self.push_deliveries < 1:
            raise ValueError("A push is delivered at least once.")
        if not _is_aes_key(self.aes_key):
            raise ValueError("The EncodingAESKey must be 43 letters and digits.")
        for name in ("callback_url", "web_base"):
            parts = urlsplit(getattr(self, name))
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"The sandbox needs {name} as a full http(s) address.")

    @property
    def web_origin(self) -> str:
        """Scheme, host and port of the H5 site: what the phone's browser may frame."""
        parts = urlsplit(self.web_base)
        return f"{parts.scheme}://{parts.netloc}"


def _is_aes_key(text: str) -> bool:
    if len(text) != 43 or not text.isascii() or not text.isalnum():
        return False
    try:
        return len(base64.b64decode(text + "=")) == 32
    except binascii.Error:
        return False


def read_settings(environment: Mapping[str, str]) -> SandboxSettings:
    """Raises ValueError with one sentence: outside development, or when something is missing or no good."""
    if environment.get("XINQIAO_ENV") != "development":
        raise ValueError("The WeChat sandbox is an imitation: it starts only where XINQIAO_ENV is development.")
    missing = [name for name in REQUIRED if not environment.get(name, "").strip()]
    if missing:
        raise ValueError(f"The WeChat sandbox needs {', '.join(missing)} in the environment.")
    base = environment["PUBLIC_BASE_URL"].rstrip("/")
    state_file = environment.get("SANDBOX_STATE_FILE", "")
    mini_program = environment.get("WECHAT_MP_APP_ID", "")
    return SandboxSettings(
        app_id=environment["WECHAT_OA_APP_ID"],
        secret=environment["WECHAT_OA_SECRET"],
        token=environment["WECHAT_OA_TOKEN"],
        # A second key after the comma is the previous one: WeChat itself already encrypts with the first.
        aes_key=environment["WECHAT_OA_AES_KEY"].partition(",")[0].strip(),
        callback_url=environment.get("SANDBOX_CALLBACK_URL") or f"{base}/wechat/callback",
        web_base=base,
        mode=cast(Mode, environment.get("SANDBOX_MODE") or "safe"),  # checked by the settings themselves
        account_kind=cast(AccountKind, environment.get("WECHAT_OA_KIND") or "service"),
        state_file=Path(state_file) if state_file else None,
        mini_program_ids=(mini_program,) if mini_program else (),
        mini_program_secret=environment.get("WECHAT_MP_SECRET", ""),
    )
