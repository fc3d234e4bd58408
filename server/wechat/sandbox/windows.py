"""When an account may write first: five messages in 48 hours after a message, three in a minute after an act.

Source: wechat doc, customer-service message, edition of 2023 and later. A fresh act of the same kind renews its window
and does not add to it; how Tencent counts there is not published, and the stricter reading harms nobody.
"""

from server.wechat.sandbox.errors import ApiError
from server.wechat.sandbox.state import State, Window

HOURS_48 = 48 * 3600
# trigger -> (messages, seconds). A tap on a link of the menu (VIEW) opens none.
ALLOWANCE = {"message": (5, HOURS_48), "click": (3, 60), "follow": (3, 60), "scan": (3, 60)}


def open_window(state: State, openid: str, trigger: str, now: float) -> None:
    """Begin a window, or begin it again."""
    left, seconds = ALLOWANCE[trigger]
    others = [window for window in state.windows.get(openid, []) if window.trigger != trigger]
    state.windows[openid] = [*others, Window(trigger, now + seconds, left)]


def close_all(state: State, openid: str) -> None:
    """Whoever leaves takes all leave back."""
    state.windows.pop(openid, None)


def use(state: State, openid: str, now: float) -> None:
    """Spend one message of the window that ends first. Raises ApiError 45015 or 45047."""
    living = sorted(
        (window for window in state.windows.get(openid, []) if window.expires_at > now),
        key=lambda window: window.expires_at,
    )
    if not living:
        raise ApiError(45015)
    spendable = next((window for window in living if window.left > 0), None)
    if spendable is None:
        raise ApiError(45047)
    spendable.left -= 1
