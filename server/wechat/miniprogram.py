"""What WeChat tells of a mini program's user: who a log-in code speaks for, and the number that they gave by a tap.

Called outside of any transaction. A code is good once: after a call whose outcome is unknown the client asks WeChat for
another. The session key that comes along is not kept, for nothing here decrypts what a client sends.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.errors import Invalid, Refused, Unavailable
from server.wechat.client import RefusedByWeChat, WeChatApi, WeChatError

_BAD_CODE = {40029, 40163}
_RISKY_USER = 40226


class NoMiniProgram(Unavailable):
    """This installation has none; everything anonymous works."""

    code = "wechat.no_mini_program"


class WeChatAway(Unavailable):
    """Busy, or out of reach."""

    code = "wechat.away"


class BadCode(Invalid):
    """Unknown, over, or used before."""

    code = "wechat.bad_code"


class LoginRefused(Refused):
    """WeChat holds this user for a risk."""

    code = "wechat.login_refused"


@dataclass(frozen=True, slots=True)
class WhoIs:
    openid: str = field(repr=False)
    union_id: str | None = field(default=None, repr=False)


class MiniProgram:
    """One mini program; without `api` there is none. Every method raises NoMiniProgram, WeChatAway, BadCode."""

    def __init__(self, app_id: str, api: WeChatApi | None) -> None:
        self.app_id = app_id
        self._api = api

    def identify(self, code: str) -> WhoIs:
        """Raises LoginRefused too."""
        answer = self._ask(lambda api: api.exchange_login_code(code))
        openid, union_id = answer.get("openid"), answer.get("unionid")
        if not isinstance(openid, str) or not openid:
            raise WeChatAway
        return WhoIs(openid, union_id if isinstance(union_id, str) and union_id else None)

    def read_phone(self, code: str) -> str:
        """The number behind the code of a tap on WeChat's own button."""
        answer = self._ask(lambda api: api.post("wxa/business/getuserphonenumber", {"code": code}))
        info = answer.get("phone_info")
        number = info.get("phoneNumber") if isinstance(info, dict) else None
        if not isinstance(number, str) or not number:
            raise WeChatAway
        return number

    def _ask(self, call: Callable[[WeChatApi], dict[str, Any]]) -> dict[str, Any]:
        if self._api is None:
            raise NoMiniProgram
        try:
            return call(self._api)
        except RefusedByWeChat as refusal:
            if refusal.errcode in _BAD_CODE:
                raise BadCode from None
            if refusal.errcode == _RISKY_USER:
                raise LoginRefused from None
            raise WeChatAway from None
        except WeChatError:
            raise WeChatAway from None
