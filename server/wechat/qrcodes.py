"""Parametric QR codes of the official account: whoever scans one reaches the account with the scene that it carries.

WeChat doc: generating a parametric QR code (createQRCode). The answer's `url` is drawn here, on a poster of our own.
"""

from typing import Any

from server.wechat.client import GatewayBroken, WeChatApi

LONGEST_SCENE = 64
LONGEST_SECONDS = 30 * 24 * 3600
_API = "cgi-bin/qrcode/create"


class BadScene(ValueError):
    """No code can be made of this; the message says why, and WeChat was not asked."""


def create_scene(api: WeChatApi, scene: str, *, seconds: int | None = None) -> str:
    """The content to draw for `scene`: a permanent code, or one that ends after `seconds` (30 days at most).

    An account has 100,000 permanent codes and can delete none. Raises BadScene before the call, WeChatError after it.
    """
    if not 1 <= len(scene) <= LONGEST_SCENE:
        raise BadScene(f"a scene has 1 to {LONGEST_SCENE} characters, not {len(scene)}")
    asked: dict[str, Any] = {"action_name": "QR_LIMIT_STR_SCENE"}
    if seconds is not None:
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise BadScene(f"a temporary code lives 1 to {LONGEST_SECONDS} seconds, not {seconds}")
        asked = {"action_name": "QR_STR_SCENE", "expire_seconds": seconds}
    asked["action_info"] = {"scene": {"scene_str": scene}}
    # Repeatable: a second code of one scene leads where the first does.
    url = api.post(_API, asked, repeatable=True).get("url")
    if not isinstance(url, str) or not url:
        raise GatewayBroken(_API, "no_url")
    return url
