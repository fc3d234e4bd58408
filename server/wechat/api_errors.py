"""What can go wrong when WeChat's API is called, and what is to be done about it.

WeChat doc: global return codes. Compare codes only: the wording of `errmsg` changes. No error here holds an address
that was called, a request, an answer or a token, so any of them may be logged, stored or shown to an operator.
"""

import re
from enum import StrEnum

BUSY = -1
NO_MENU = 46003
# The token that was sent is unknown, not the latest, or expired.
STALE_TOKEN = frozenset({40001, 40014, 42001})

_FOREIGN_ADDRESS = 40164
_REST_SECONDS = 60
_RID = re.compile(r"\brid:\s*([0-9a-f]{1,16}(?:-[0-9a-f]{1,16}){1,4})\b|\bhint:\s*\[([\w.-]{1,64})\]")
_OWN_ADDRESS = re.compile(r"\binvalid ip ([0-9a-fA-F.:]{2,45})")


class Act(StrEnum):
    """What the caller does next."""

    RETRY = "retry"  # later, and never sooner than `rest_seconds`
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the client has done so once already
    DROP = "drop"
    UPDATE_STATE = "update_state"
    ALERT = "alert"
    BUG = "bug"
    MARK_UNKNOWN = "mark_unknown"  # perhaps it was done: never send it again unasked


_CODES: dict[Act, frozenset[int]] = {
    Act.RETRY: frozenset({BUSY, 44991, 45011, 45066, 87020}),
    Act.REFRESH_TOKEN: STALE_TOKEN,
    # Nothing is left to do with 45065 (that client message id was accepted before) and without a menu either.
    # Of a log-in (40029, 40163, 40226, 42003): the person begins anew.
    Act.DROP: frozenset({40029, 40163, 40226, 42003, 40241, 45015, 45047, 45065, 45080, NO_MENU}),
    Act.UPDATE_STATE: frozenset({43004, 43019, 43101, 46004, 48002, 50005}),
    Act.ALERT: frozenset(
        {
            *(40013, 40037, 40125, _FOREIGN_ADDRESS, 40243, 40249, 41030, 43116),
            *(45009, 45028, 45029, 48001, 48004, 48006, 48008, 50002, 50004, 50007),
            *(53500, 53501, 53502, 53503, 53504, 53505, 61003, 61004),
            *(89501, 89503, 89504, 89505, 89506, 89507),
        }
    ),
}
_ACT_OF = {errcode: act for act, errcodes in _CODES.items() for errcode in errcodes}
# These limits end with the minute.
_BY_THE_MINUTE = frozenset({44991, 45011, 45066})


class WeChatError(Exception):
    """A call that brought no answer to work with. `api` is its path in WeChat's documentation.

    `errcode` and `rid` (Tencent's number of the call, good for seven days) are known only when WeChat itself refused.
    All arguments stand in `args`, so that an error can be copied and can cross between processes.
    """

    act: Act = Act.BUG

    def __init__(self, api: str, errcode: int | None = None, rid: str = "", *more: object) -> None:
        super().__init__(api, errcode, rid, *more)
        self.api = api
        self.errcode = errcode
        self.rid = rid

    @property
    def rest_seconds(self) -> int:
        """How long to leave this API alone at least."""
        return _REST_SECONDS if self.errcode in _BY_THE_MINUTE else 0


class RefusedByWeChat(WeChatError):
    """WeChat answered with an errcode. `own_address` is ours as WeChat sees it, told with 40164 (white list) only."""

    errcode: int

    def __init__(
        self, api: str, errcode: int, rid: str = "", own_address: str = "", is_token_call: bool = False
    ) -> None:
        super().__init__(api, errcode, rid, own_address, is_token_call)
        self.own_address = own_address
        self.is_token_call = is_token_call
        # A code that the table does not name is a bug until somebody has looked.
        self.act = _ACT_OF.get(errcode, Act.BUG)
        if is_token_call and self.act is Act.REFRESH_TOKEN:
            self.act = Act.ALERT  # no token was sent: here it is the secret that is wrong

    def __str__(self) -> str:
        return f"{self.api}: errcode {self.errcode}" + (f", rid {self.rid}" if self.rid else "")


class _Unanswered(WeChatError):
    """Nothing came that WeChat's API would say; `reason` is a code, not a text."""

    def __init__(self, api: str, reason: str) -> None:
        super().__init__(api)
        self.args = (api, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.api}: no answer ({self.reason})"


class Unreachable(_Unanswered):
    """Nothing was sent: no connection, no trusted certificate, or no token to send."""

    act = Act.RETRY


class GatewayBroken(_Unanswered):
    """A time-out, a lost connection or an answer that is not WeChat's, to a call that may safely be repeated."""

    act = Act.RETRY


class OutcomeUnknown(_Unanswered):
    """The same, to a call that must not be repeated: perhaps it was done, perhaps not."""

    act = Act.MARK_UNKNOWN


def refusal(api: str, errcode: int, errmsg: object, *, is_token_call: bool = False) -> RefusedByWeChat:
    """The error with what `errmsg` tells operators and Tencent's support; the rest of its words are left behind."""
    said = errmsg if isinstance(errmsg, str) else ""
    rid = _RID.search(said)
    address = _OWN_ADDRESS.search(said) if errcode == _FOREIGN_ADDRESS else None
    return RefusedByWeChat(
        api,
        errcode,
        (rid[1] or rid[2]) if rid else "",
        address[1] if address else "",
        is_token_call,
    )
