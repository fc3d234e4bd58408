"""Signing in with WeChat. Nothing that is anonymous needs it, and nothing anonymous looks at it."""

from apiflask import APIBlueprint
from flask import Response, make_response
from sqlalchemy.orm import Session

from server.accounts import api_tokens, residents
from server.accounts.api_tokens import REFRESH_DAYS, Pair
from server.blueprints.miniapp import examples
from server.blueprints.miniapp.access import ACCESS, caller, make_access_token, signed_in
from server.blueprints.miniapp.marks import refuses
from server.blueprints.miniapp.schemas import LoginIn, RefreshIn, RepeatKey, TokensOut
from server.blueprints.requests import parts
from server.clock import utc_now
from server.wechat.miniprogram import WhoIs

bp = APIBlueprint("auth", __name__, tag="Log-in", url_prefix="/auth")


@bp.post("/wechat")
@bp.input(LoginIn, example=examples.LOGIN)
@bp.output(TokensOut, example=examples.TOKENS)
@refuses(403)
def sign_in(json_data: LoginIn) -> TokensOut:
    """Sign in with the code of `wx.login`

    Where the answer is lost, ask WeChat for another code: one is good once. 503 `wechat.no_mini_program`: this
    installation has no log-in, and everything else works.
    """
    who = parts().mini_program.identify(json_data.code)
    return _tokens(parts().database.write(lambda session: _sign_in(session, who, json_data.device_label)))


def _sign_in(session: Session, who: WhoIs, label: str) -> Pair:
    now, app_id = utc_now(), parts().mini_program.app_id
    resident = residents.resident_of(
        session, app_id=app_id, openid=who.openid, union_id=who.union_id, is_follower=False, now=now
    )
    return api_tokens.sign_in(session, resident=resident, label=label, now=now)


@bp.post("/refresh")
@bp.input(RefreshIn, example=examples.REFRESH)
@bp.input(RepeatKey, location="headers")
@bp.output(TokensOut, example=examples.TOKENS)
@refuses(401)
def refresh(json_data: RefreshIn, headers_data: RepeatKey) -> TokensOut:
    """Change the refresh token for the next pair

    Send an Idempotency-Key: the same request with it within 30 seconds gets the same pair. Any other use of a used token
    signs the device out.
    """
    pair = parts().database.write(
        lambda session: api_tokens.refresh(
            session, token=json_data.refresh_token, repeat_key=headers_data.idempotency_key, now=utc_now()
        )
    )
    if pair is None:
        raise api_tokens.TokenRefused
    return _tokens(pair)


@bp.post("/sign-out")
@signed_in
@bp.output({}, status_code=204)
def sign_out() -> Response:
    """Sign this device out, at once"""
    who = caller()
    parts().database.write(
        lambda session: api_tokens.sign_out(session, caller=who, device_public_id=who.device_public_id, now=utc_now())
    )
    return make_response("", 204)


def _tokens(pair: Pair) -> TokensOut:
    return TokensOut(
        access_token=make_access_token(pair),
        access_seconds=int(ACCESS.total_seconds()),
        refresh_token=pair.refresh_token,
        refresh_days=REFRESH_DAYS,
        device_id=pair.device_public_id,
    )
