"""Logging in: by WeChat's OAuth2 where the account may, else by the link that the chat gives. Both open the same session.

No page here reads or writes anything of an anonymous door.
"""

import hmac

from flask import Blueprint, Response, make_response, redirect, render_template, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from server.accounts import log_ins, residents
from server.accounts.models import CodeKind
from server.blueprints import errors
from server.blueprints.h5.me import guard
from server.blueprints.requests import parts, refuse_foreign_forms
from server.bulkhead import Bulkhead
from server.clock import utc_now
from server.errors import Refused
from server.ids import new_public_id
from server.wechat import web_login
from server.wechat.client import WeChatError

bp = Blueprint("me_sign_in", __name__, url_prefix="/h5/me")
bp.before_request(refuse_foreign_forms)
_ATTEMPT = "xq_me_attempt"
_ATTEMPT_SECONDS = 600
# When WeChat hangs, log-ins may hang with it, but not the threads of those who need no log-in.
_ASKING = Bulkhead(4)


class LogInFailed(Refused):
    """WeChat did not say who it is, or the way back does not belong to a way there of this browser."""

    code = "accounts.wechat_login_failed"


class SnapshotVisitor(Refused):
    code = "accounts.snapshot_visitor"


@bp.get("/sign-in")
def show() -> Response:
    return _page()


@bp.get("/wechat")
def go_to_wechat() -> Response:
    """A link and no form: a policy that allows forms to this site only would stop WeChat's answer."""
    if not parts().settings.has_web_login:
        return make_response(redirect(f"{guard.HOME}/sign-in", 303))
    state, settings = new_public_id(), parts().settings
    address = web_login.authorize_url(
        app_id=settings.wechat_oa_app_id,
        api_base=settings.wechat_api_base,
        back_url=f"{settings.public_base_url}{guard.HOME}/wechat/back",
        state=state,
    )
    attempt = _signer().dumps([state, _place()])
    return guard.set_cookie(make_response(redirect(address, 303)), _ATTEMPT, attempt, max_age=_ATTEMPT_SECONDS)


@bp.get("/wechat/back")
def come_back() -> Response:
    """WeChat sends the browser here. The state must be that of this browser's own attempt."""
    try:
        place = _place_of_attempt()
        with _ASKING.place():
            visitor = web_login.redeem(parts().wechat_api, request.args.get("code", "")[:200])
    except WeChatError:
        raise LogInFailed from None
    if visitor.is_snapshot:
        raise SnapshotVisitor
    token = parts().database.write(lambda session: _open(session, visitor.openid))
    return guard.drop_cookie(_enter(token, place), _ATTEMPT)


@bp.get("/link/<code>")
def show_link(code: str) -> Response:
    """Opened by the person, or by a program that draws a preview: it uses nothing up."""
    parts().database.read(lambda session: log_ins.find_code(session, code=code, kind=CodeKind.LOG_IN, now=utc_now()))
    return make_response(render_template("h5/me/link.html", code=code))


@bp.post("/link/<code>")
def enter_by_link(code: str) -> Response:
    token = parts().database.write(lambda session: log_ins.log_in_by_code(session, code=code, now=utc_now()))
    return _enter(token, guard.HOME)


@bp.errorhandler(LogInFailed)
@bp.errorhandler(SnapshotVisitor)
@bp.errorhandler(log_ins.LinkOver)
def refused(fault: Refused) -> Response:
    """A reload of a page that has done its work is no fault: whoever is logged in goes on."""
    if guard.find_resident() is not None:
        return make_response(redirect(guard.HOME, 303))
    errors.note(fault)
    return _page(errors.sentence_of(fault), status=errors.status_of(fault))


def _open(session: Session, openid: str) -> str:
    resident = residents.resident_of(
        session, app_id=parts().settings.wechat_oa_app_id, openid=openid, is_follower=False, now=utc_now()
    )
    return log_ins.open_session(session, resident=resident, now=utc_now())


def _enter(token: str, address: str) -> Response:
    """The log-in that this phone had before ends: it would be one that nobody can end here any more."""
    if guard.token():
        parts().database.write(lambda session: log_ins.end_session(session, token=guard.token()))
    return guard.keep(make_response(redirect(address, 303)), token)


def _place() -> str:
    place = request.args.get("next", "")
    return place if place in guard.PLACES else "me"


def _place_of_attempt() -> str:
    try:
        state, place = _signer().loads(request.cookies.get(_ATTEMPT, ""), max_age=_ATTEMPT_SECONDS)
    except (BadSignature, ValueError):
        raise LogInFailed from None
    if not hmac.compare_digest(str(state).encode(), request.args.get("state", "").encode()):
        raise LogInFailed
    return guard.PLACES[place]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts().settings.secret_key, salt="xinqiao log-in attempt")


def _page(fault: str = "", *, status: int = 200) -> Response:
    page = render_template(
        "h5/me/sign_in.html",
        fault=fault,
        place=_place(),
        has_web_login=parts().settings.has_web_login,
        is_in_wechat=parts().settings.is_development or "MicroMessenger" in request.headers.get("User-Agent", ""),
    )
    return make_response(page, status)
