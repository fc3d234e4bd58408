"""Tokens, the addresses WeChat calls from, and the clearing of quotas."""

from server.wechat.sandbox import tokens
from server.wechat.sandbox.api import OK, Answer, Call, Endpoint, count_call
from server.wechat.sandbox.core import beijing
from server.wechat.sandbox.errors import ApiError

FORCED_REFRESHES_A_DAY = 20
SECONDS_BETWEEN_FORCED = 30
QUOTA_CLEARS_A_MONTH = 10


def _check_credentials(call: Call, appid: object, secret: object, grant_type: object) -> None:
    if grant_type != "client_credential":
        raise ApiError(40002)
    if not appid:
        raise ApiError(41002)
    settings = call.box.settings
    secrets = dict.fromkeys(settings.mini_program_ids, settings.mini_program_secret) | {
        settings.app_id: settings.secret
    }
    if not isinstance(appid, str) or appid not in secrets:
        raise ApiError(40013)
    if not secret:
        raise ApiError(41004)
    if secret != secrets[appid]:
        raise ApiError(40125)


def token(call: Call) -> Answer:
    """Each call makes a new token; all callers share one daily quota (wechat doc: getAccessToken)."""
    _check_credentials(call, call.query.get("appid"), call.query.get("secret"), call.query.get("grant_type"))
    fresh = tokens.issue(call.state, tokens.PLAIN, call.now)
    return {"access_token": fresh.value, "expires_in": tokens.LIFETIME_SECONDS}


def stable_token(call: Call) -> Answer:
    """Normal mode repeats the token with what is left of its time; forced mode replaces it (wechat doc)."""
    asked = call.json
    _check_credentials(call, asked.get("appid"), asked.get("secret"), asked.get("grant_type"))
    is_own = asked["appid"] == call.box.settings.app_id
    line = tokens.STABLE if is_own else f"{tokens.STABLE}:{asked['appid']}"
    if asked.get("force_refresh") is True:
        last = call.state.last_forced_refresh
        if last is not None and 0 <= call.now - last < SECONDS_BETWEEN_FORCED:
            raise ApiError(45011)
        count_call(
            call.state, "stable_token:force_refresh", daily=FORCED_REFRESHES_A_DAY, per_minute=None, now=call.now
        )
        call.state.last_forced_refresh = call.now
        current = tokens.force_stable(call.state, call.now, line)
    else:
        current = tokens.current_stable(call.state, call.now, line)
    return {"access_token": current.value, "expires_in": int(current.expires_at - call.now)}


def callback_ip(call: Call) -> Answer:
    """Where pushes come from: this machine."""
    return {"ip_list": ["127.0.0.1", "::1"]}


def clear_quota(call: Call) -> Answer:
    """Every counter of the day back to zero, ten times a month (wechat doc: clearQuota)."""
    if call.json.get("appid") != call.box.settings.app_id:
        raise ApiError(40013)
    month = beijing(call.now).strftime("%Y-%m")
    if call.state.quota_clears.get(month, 0) >= QUOTA_CLEARS_A_MONTH:
        raise ApiError(48006)
    call.state.quota_clears = {month: call.state.quota_clears.get(month, 0) + 1}
    for usage in call.state.usage.values():
        usage.used = 0
    return OK


ENDPOINTS = (
    Endpoint("/cgi-bin/token", "GET", token, daily=2_000, needs_token=False),
    Endpoint("/cgi-bin/stable_token", "POST", stable_token, daily=500_000, per_minute=10_000, needs_token=False),
    Endpoint("/cgi-bin/getcallbackip", "GET", callback_ip),
    Endpoint("/cgi-bin/clear_quota", "POST", clear_quota),
)
