"""Settings from the environment: the only module that reads it.

Outside development a missing secret stops the start with one message that names everything missing or wrong. In
development the secrets are made once and kept in the instance folder, and the WeChat values are those of the sandbox.
"""

import base64
import ipaddress
import json
import os
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from server.errors import ConfigurationError
from server.vault import BadKeyRing, Vault

ROOT = Path(__file__).resolve().parent.parent
PUBLIC_WECHAT_API = "https://api.weixin.qq.com"
_AES_KEY_LENGTH = 43
_SHORTEST_SECRET = 32
_VERIFY_FILE = re.compile(r"MP_verify_[A-Za-z0-9]{1,40}\.txt:[A-Za-z0-9]{1,80}")


class Environment(StrEnum):
    PRODUCTION = "production"
    DEVELOPMENT = "development"


class AccountKind(StrEnum):
    """What kind of official account it is decides what WeChat lets it do."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"
    SERVICE_UNCERTIFIED = "service_uncertified"
    SUBSCRIPTION_UNCERTIFIED = "subscription_uncertified"


def _is_this_machine(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseModel):
    """Read-only settings. Field names are the environment's names in lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    xinqiao_env: Environment = Environment.PRODUCTION
    xinqiao_instance: Path = ROOT / "instance"
    xinqiao_content: Path = ROOT / "content"
    port: int = Field(default=8000, ge=1, le=65535)
    sandbox_port: int = Field(default=8001, ge=1, le=65535)
    database_url: str = ""
    redis_url: str = ""
    secret_key: str
    secret_key_previous: str = ""
    data_keys: str
    public_base_url: str
    wechat_oa_app_id: str
    wechat_oa_kind: AccountKind = AccountKind.SERVICE
    wechat_oa_secret: str
    wechat_oa_token: str
    wechat_oa_aes_key: Annotated[tuple[str, ...], BeforeValidator(_split)]
    wechat_mp_app_id: str = ""
    wechat_mp_secret: str = ""
    wechat_api_base: str = PUBLIC_WECHAT_API
    hotline_local: str = ""
    detail_addresses: Annotated[tuple[str, ...], BeforeValidator(_split)] = ("127.0.0.1/32", "::1/128")
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()

    operator_name: str = ""
    icp_filing: str = ""
    complaint_contact: str = ""
    wechat_verify_files: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    unfollowed_kept_days: int = Field(default=30, ge=1, le=365)

    @property
    def has_web_login(self) -> bool:
        """Only a certified service account may ask WeChat who opened a page."""
        return self.wechat_oa_kind is AccountKind.SERVICE

    @property
    def may_read_followers(self) -> bool:
        """Certified accounts alone may ask for what WeChat knows of a follower: the unionid."""
        return self.wechat_oa_kind in {AccountKind.SERVICE, AccountKind.SUBSCRIPTION}

    @property
    def is_development(self) -> bool:
        return self.xinqiao_env is Environment.DEVELOPMENT

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @field_validator("secret_key", "secret_key_previous")
    @classmethod
    def _secret_is_long(cls, value: str, info: ValidationInfo) -> str:
        if len(value) < _SHORTEST_SECRET and (value or info.field_name == "secret_key"):
            raise ValueError(f"at least {_SHORTEST_SECRET} characters")
        return value

    @field_validator("data_keys")
    @classmethod
    def _ring_opens(cls, value: str) -> str:
        try:
            Vault.from_text(value)
        except BadKeyRing as fault:
            raise ValueError(str(fault)) from None
        return value

    @field_validator("wechat_oa_aes_key")
    @classmethod
    def _aes_keys_decode(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(keys) <= 2:
            raise ValueError("one key, or the current and the previous one with a comma between")
        for key in keys:
            if len(key) != _AES_KEY_LENGTH or not key.isascii() or not key.isalnum():
                raise ValueError("an EncodingAESKey has 43 letters and digits")
        return keys

    @field_validator("public_base_url", "wechat_api_base")
    @classmethod
    def _is_base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("an address like https://example.org")
        return value.rstrip("/")

    @field_validator("public_base_url", "wechat_api_base")
    @classmethod
    def _is_safe_outside_development(cls, value: str, info: ValidationInfo) -> str:
        # xinqiao_env comes first among the fields, so it is known here; a wrong one counts as production.
        if info.data.get("xinqiao_env") is Environment.DEVELOPMENT:
            return value
        if info.field_name == "wechat_api_base" and _is_this_machine(urlsplit(value).hostname or ""):
            raise ValueError("points at this machine: the sandbox is for development only")
        if not value.startswith("https://"):
            raise ValueError("must begin with https://")
        return value

    @field_validator("detail_addresses", "trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("wechat_verify_files")
    @classmethod
    def _are_verify_files(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_VERIFY_FILE.fullmatch(one) for one in value):
            raise ValueError("name:content as WeChat hands it out, e.g. MP_verify_AbC123.txt:AbC123")
        return value

    @field_validator("hotline_local")
    @classmethod
    def _number_and_hours(cls, value: str) -> str:
        parts = [part.strip() for part in value.split("|")]
        if value and (len(parts) != 2 or not all(parts)):
            raise ValueError("the number and its hours with | between, e.g. 020-81899120|08:00-22:00")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if not value:
            return value
        try:
            url = sa.make_url(value)
        except (sa.exc.ArgumentError, ValueError):  # ValueError: a port that is no number
            raise ValueError("not a database address") from None
        if url.get_backend_name() not in {"sqlite", "mysql", "mariadb"}:
            raise ValueError("sqlite:///… or mysql://…")
        # A store in memory would be gone with the process, and is another one for each.
        if url.database in {None, "", ":memory:"}:
            raise ValueError("names no database: sqlite:///FILE or mysql://USER@HOST/NAME")
        return value

    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.xinqiao_instance / 'xinqiao.sqlite3'}"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises ConfigurationError, one line for each variable that misses or is wrong."""
    environ = os.environ if environ is None else environ
    given: dict[str, Any] = {
        name: value for name in Settings.model_fields if (value := environ.get(name.upper(), "").strip())
    }
    if given.get("xinqiao_env") == Environment.DEVELOPMENT:
        given = _development_values(given) | given
    try:
        return Settings.model_validate(given)
    except ValidationError as faults:
        raise ConfigurationError(_explain(faults)) from None


def _explain(faults: ValidationError) -> str:
    lines = ["The settings are not complete; nothing was started:"]
    for fault in faults.errors(include_input=False, include_url=False):
        name = str(fault["loc"][0]).upper() if fault["loc"] else ""
        says = "is missing" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        lines.append(f"  {name}: {says}" if name else f"  {says}")
    lines.append("Each is explained in .env.example.")
    return "\n".join(lines)


def _development_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Made once and kept, so that a second start reads the data of the first."""
    instance = Path(given.get("xinqiao_instance", ROOT / "instance"))
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)  # other users of the machine have no business there
    port, sandbox_port = given.get("port", "8000"), given.get("sandbox_port", "8001")
    kept = _kept_secrets(instance / "development-secrets.json")
    return kept | {
        "public_base_url": f"http://127.0.0.1:{port}",
        "wechat_oa_app_id": "wx5a0000000000dev1",
        "wechat_mp_app_id": "wx5a0000000000dev2",
        "wechat_mp_secret": kept["wechat_oa_secret"],  # the sandbox plays both accounts
        "wechat_api_base": f"http://127.0.0.1:{sandbox_port}",
        # No real line: nobody shall be called from a demonstration.
        "hotline_local": "000-00000000|08:00-22:00",
    }


def _kept_secrets(file: Path) -> dict[str, str]:
    if not file.exists():
        made = {
            "secret_key": secrets.token_urlsafe(48),
            "data_keys": Vault.new_key_text(),
            "wechat_oa_secret": secrets.token_hex(16),
            "wechat_oa_token": secrets.token_hex(12),
            "wechat_oa_aes_key": base64.b64encode(secrets.token_bytes(32)).decode().rstrip("="),
        }
        while not made["wechat_oa_aes_key"].isalnum():
            made["wechat_oa_aes_key"] = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        draft = file.with_suffix(f".{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made, indent=1), encoding="utf-8")
        try:
            os.link(draft, file)  # fails when another process was faster: then its secrets count
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return dict(json.loads(file.read_text(encoding="utf-8")))
