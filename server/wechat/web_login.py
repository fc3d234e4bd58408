"""Log-in of a page opened inside WeChat: OAuth2 with `snsapi_base`, which tells the openid and nothing else.

WeChat doc: web page authorisation. A unionid that WeChat might add here is not used: with this scope it is only there for
some, and it is asked for elsewhere.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from server.wechat.api_errors import GatewayBroken
from server.wechat.client import API_HOST, WeChatApi

_AUTHORIZE_HOST = "https://open.weixin.qq.com"
_REDEEM = "sns/oauth2/access_token"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who came back from WeChat. A snapshot visitor has an invented openid: WeChat shows the page for somebody who has
    not agreed to open it."""

    openid: str
    is_snapshot: bool


def authorize_url(*, app_id: str, api_base: str, back_url: str, state: str) -> str:
    """Where to send the browser. WeChat asks for the parameters in this order."""
    host = _AUTHORIZE_HOST if api_base == API_HOST else api_base
    query = urlencode(
        {
            "appid": app_id,
            "redirect_uri": back_url,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
        }
    )
    return f"{host}/connect/oauth2/authorize?{query}#wechat_redirect"


def redeem(api: WeChatApi, code: str) -> Visitor:
    """Ask WeChat whose code this is. Raises WeChatError; a code works once, so the call is never repeated."""
    answer = api.get_with_secret(_REDEEM, {"code": code, "grant_type": "authorization_code"})
    openid = answer.get("openid")
    if not isinstance(openid, str) or not openid:
        raise GatewayBroken(_REDEEM, "no_openid")
    return Visitor(openid, str(answer.get("is_snapshotuser", 0)) == "1")
