"""A log-in's code becomes the openid of whoever opened the page (wechat doc: web page authorisation)."""

import secrets

from server.wechat.sandbox.api import Answer, Call, Endpoint
from server.wechat.sandbox.errors import ApiError
from server.wechat.sandbox.oauth import KINDS


def access_token(call: Call) -> Answer:
    """A code works once and for five minutes. A snapshot visitor has an openid that belongs to nobody."""
    settings = call.box.settings
    if call.query.get("appid") != settings.app_id:
        raise ApiError(40013)
    if call.query.get("secret") != settings.secret:
        raise ApiError(40125)
    if call.query.get("grant_type") != "authorization_code":
        raise ApiError(40002)
    if not call.query.get("code"):
        raise ApiError(41008)
    code = call.state.oauth_codes.get(call.query["code"])
    if code is None:
        raise ApiError(40029)
    if code.is_used:
        raise ApiError(40163)
    if code.expires_at <= call.now:
        raise ApiError(42003)
    code.is_used = True
    answer: dict[str, object] = {
        "access_token": secrets.token_urlsafe(60),
        "expires_in": 7200,
        "refresh_token": secrets.token_urlsafe(60),
        "openid": code.openid,
        "scope": code.scope,
    }
    if call.state.is_snapshot:
        answer |= {"openid": "o" + secrets.token_urlsafe(21)[:27], "is_snapshotuser": 1}
    return answer


ENDPOINTS = (Endpoint("/sns/oauth2/access_token", "GET", access_token, kinds=KINDS, needs_token=False),)
