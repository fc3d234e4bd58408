"""open.weixin.qq.com inside the phone: a page asks who opened it, WeChat sends the browser back with a code.

The frame's own cookie says who holds the phone; without one this is a browser outside WeChat, and WeChat refuses it there.
"""

import secrets
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from server.wechat.sandbox import phone
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.state import OauthCode, State
from server.wechat.sandbox.texts import texts

CODE_SECONDS = 300
# Only these may log people in on pages (wechat doc: web page authorisation).
KINDS = frozenset({"service"})
SCOPES = frozenset({"snsapi_base", "snsapi_userinfo"})
PHONE_COOKIE = "xq_sandbox_phone"
CODES_KEPT = 500


def oauth_blueprint(box: Sandbox) -> Blueprint:
    """GET /connect/oauth2/authorize, which nobody sees: it redirects, or shows WeChat's own page of an error."""
    blueprint = Blueprint("oauth", __name__, template_folder="templates")

    @blueprint.get("/connect/oauth2/authorize")
    def authorize() -> str | BaseResponse:
        refusal = _refusal(box)
        if refusal:
            return render_template("notice.html", sentence=texts()["oauth"][refusal])
        with box.store.change() as state:
            try:
                holder = phone.find_resident(state, request.cookies.get(PHONE_COOKIE, ""))
            except phone.PhoneError:
                return render_template("notice.html", sentence=texts()["oauth"]["outside"])
            code = _issue(state, holder.openid, request.args.get("scope", ""), box.now(state))
        back = request.args["redirect_uri"]
        query = urlencode({"code": code, "state": request.args.get("state", "")})
        return redirect(f"{back}{'&' if urlsplit(back).query else '?'}{query}")

    return blueprint


def _refusal(box: Sandbox) -> str:
    """Which of WeChat's error pages this address gets; empty when it is well formed."""
    asked, web = urlsplit(request.args.get("redirect_uri", "")), urlsplit(box.settings.web_base)
    if request.args.get("appid") != box.settings.app_id:
        return "appid"
    if box.settings.account_kind not in KINDS or request.args.get("scope") not in SCOPES:
        return "scope"
    if request.args.get("response_type") != "code":
        return "scope"
    return "" if asked.hostname == web.hostname else "domain"


def _issue(state: State, openid: str, scope: str, now: float) -> str:
    value = "0" + secrets.token_urlsafe(23)
    state.oauth_codes[value] = OauthCode(openid, scope, now + CODE_SECONDS)
    for old in list(state.oauth_codes)[:-CODES_KEPT]:
        del state.oauth_codes[old]
    return value
