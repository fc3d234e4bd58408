"""The mini program's log-in and the tap that gives a number (wechat doc: code2Session, getPhoneNumber)."""

import base64
import hashlib
import secrets

from server.wechat.sandbox import tokens
from server.wechat.sandbox.api import Answer, Call, Endpoint, count_call
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.errors import ApiError
from server.wechat.sandbox.state import MiniCode, Resident, State

CODE_SECONDS = 300
LOGINS_A_MINUTE_AND_PERSON = 100
LOGIN, PHONE = "login", "phone"


def mint(box: Sandbox, state: State, resident: Resident, kind: str, *, phone: str = "") -> MiniCode:
    """What `wx.login`, or the tap on the button, hands to the mini program."""
    code = MiniCode(secrets.token_hex(16), kind, resident.id, box.now(state) + CODE_SECONDS, phone)
    state.mini_codes[code.code] = code
    return code


def openid_of(app_id: str, resident_id: str) -> str:
    """Another one than the official account's, as every account has its own."""
    return "o" + _derived(f"{app_id}|{resident_id}")[:27]


def union_id_of(resident_id: str) -> str:
    """The same in all accounts of one owner."""
    return "o" + _derived(f"union|{resident_id}")[:27]


def _derived(seed: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()).decode()


def code_to_session(call: Call) -> Answer:
    """A code is used up by the first call that names the right account."""
    settings = call.box.settings
    app_id = call.query.get("appid", "")
    if not app_id or app_id not in settings.mini_program_ids:
        raise ApiError(40013 if app_id else 41002)
    if call.query.get("secret") != settings.mini_program_secret:
        raise ApiError(40125 if call.query.get("secret") else 41004)
    if call.query.get("grant_type") != "authorization_code":
        raise ApiError(40002)
    found = _use(call, call.query.get("js_code", ""), LOGIN)
    count_call(
        call.state,
        f"jscode2session:{found.resident_id}",
        daily=None,
        per_minute=LOGINS_A_MINUTE_AND_PERSON,
        now=call.now,
    )
    return {
        "openid": openid_of(app_id, found.resident_id),
        "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "unionid": union_id_of(found.resident_id),
    }


def phone_number(call: Call) -> Answer:
    """Only with the mini program's own token."""
    token = call.query.get("access_token", "")
    issued = next((one for one in call.state.tokens if one.value == token), None)
    if issued is None or not issued.line.startswith(f"{tokens.STABLE}:"):
        raise ApiError(40001)
    found = _use(call, str(call.json.get("code", "")), PHONE)
    return {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": found.phone,
            "purePhoneNumber": found.phone,
            "countryCode": "86",
            "watermark": {"timestamp": int(call.now), "appid": issued.line.partition(":")[2]},
        },
    }


def _use(call: Call, code: str, kind: str) -> MiniCode:
    found = call.state.mini_codes.get(code)
    if found is None or found.kind != kind or found.expires_at <= call.now:
        raise ApiError(40029)
    if found.is_used:
        raise ApiError(40163)
    found.is_used = True
    return found


ENDPOINTS = (
    Endpoint("/sns/jscode2session", "GET", code_to_session, needs_token=False),
    Endpoint("/wxa/business/getuserphonenumber", "POST", phone_number),
)
