"""What the control API takes, field by field."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from server.wechat.sandbox import faults
from server.wechat.sandbox.settings import Mode


class Input(BaseModel):
    """A misspelt field is an error: a test that drives the sandbox must not believe it did something."""

    model_config = ConfigDict(extra="forbid")


class ClockInput(Input):
    """Exactly one of: the moment it shall be, the seconds to go on, the seconds ahead of real time."""

    now: AwareDatetime | None = None
    advance_seconds: float | None = None
    offset_seconds: float | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> "ClockInput":
        if sum(value is not None for value in (self.now, self.advance_seconds, self.offset_seconds)) != 1:
            raise ValueError("give exactly one of now, advance_seconds, offset_seconds")
        return self


class ResidentInput(Input):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    name: str = Field(min_length=1, max_length=20)
    age: int = Field(default=30, ge=0, le=130)
    about: str = Field(default="", max_length=100)
    tint: int = Field(default=1, ge=1, le=7)


class WhoInput(Input):
    resident: str


class FollowInput(WhoInput):
    code: str = ""


class ScanInput(WhoInput):
    """`code` is the content of the picture; `ticket` or `scene` name a code of the account more shortly."""

    code: str = ""
    ticket: str = ""
    scene: str = ""
    follow: bool = False

    @model_validator(mode="after")
    def _one_of_three(self) -> "ScanInput":
        if sum(bool(value) for value in (self.code, self.ticket, self.scene)) != 1:
            raise ValueError("give exactly one of code, ticket, scene")
        return self


class TextInput(WhoInput):
    content: str = Field(min_length=1, max_length=5_000)
    menu_item: str = ""
    client_ref: str = Field(default="", max_length=64)


class ClickInput(WhoInput):
    key: str = Field(min_length=1)


class ViewInput(WhoInput):
    url: str = Field(min_length=1)


class PhoneCodeInput(WhoInput):
    phone: str = Field(default="13800000000", pattern=r"^[0-9]{11}$")


class AccountInput(Input):
    """What the account's owner or WeChat switches; None leaves it as it is."""

    is_bound: bool | None = None
    is_snapshot: bool | None = None


class FaultInput(Input):
    """`path` is an API path, or a push's name (`text`, `event.CLICK`), or `*`; `count` null: until removed."""

    kind: Literal[
        "errcode",
        "http_502",
        "truncated",
        "delay",
        "drop",
        "revoke_token",
        "no_expires_in",
        "push_duplicate",
        "push_lose_answer",
        "push_delay",
    ]
    path: str = faults.ANY_PATH
    count: int | None = Field(default=1, ge=1)
    errcode: int = -1
    errmsg: str = ""
    errcode_as_text: bool = False
    seconds: float = Field(default=6.0, ge=0, le=600)
    times: int = Field(default=1, ge=1, le=10)


class PosterInput(Input):
    title: str = Field(min_length=1, max_length=60)
    content: str = Field(min_length=1, max_length=1_000)


class QuotaInput(Input):
    """Set what was used today, or another daily limit (null: the documented one)."""

    path: str
    used: int | None = Field(default=None, ge=0)
    limit: int | None = Field(default=None, ge=0)


class PushInput(Input):
    """A push made by hand.

    `fields` are laid over the usual envelope (null takes a field away); `body` or `body_base64` is sent instead of
    composed XML. Both are sealed by the mode unless `bare`. The rest spoils the envelope, as `Tampering` says.
    """

    resident: str = ""
    openid: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict)
    body: str | None = None
    body_base64: str | None = None
    name: str = "raw"
    article_limit: Annotated[int, Field(ge=1, le=8)] = 8
    shows_reply: bool = True
    duplicates: int = Field(default=0, ge=0, le=20)
    mode: Mode | None = None
    timestamp: int | None = None
    timestamp_offset: int | None = None
    nonce: str | None = None
    wrong_signature: bool = False
    wrong_msg_signature: bool = False
    app_id: str | None = None
    bare: bool = False
    query: dict[str, str] = Field(default_factory=dict)
    omit: list[str] = Field(default_factory=list)
    headers: dict[str, str] = Field(default_factory=dict)
    pad_bytes: int = Field(default=0, ge=0, le=50_000_000)

    @field_validator("body_base64")
    @classmethod
    def _is_base64(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                base64.b64decode(value, validate=True)
            except binascii.Error:
                raise ValueError("not base64") from None
        return value

    @property
    def message(self) -> bytes | None:
        """The bytes to send instead of composed fields."""
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64)
        return None if self.body is None else self.body.encode()
