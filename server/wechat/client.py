"""The one way to WeChat's API: wechatpy's client behind a guard.

wechatpy alone has no time-outs, repeats without bound on a bad token, takes an HTML page for success and hangs token
and secret on its exceptions. Here every call ends in WeChat's own JSON object or in a WeChatError that names no
address. Paths are those of WeChat's documentation: `cgi-bin/menu/create`.
"""

import json as jsonlib
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as wire
from requests.adapters import BaseAdapter, HTTPAdapter
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from server.logs import log
from server.wechat.api_errors import (
    BUSY,
    STALE_TOKEN,
    Act,
    GatewayBroken,
    OutcomeUnknown,
    RefusedByWeChat,
    Unreachable,
    WeChatError,
    refusal,
)
from server.wechat.tokens import TOKEN_API, Issued, TokenStore

__all__ = ["Act", "GatewayBroken", "OutcomeUnknown", "RefusedByWeChat", "Unreachable", "WeChatApi", "WeChatError"]

API_HOST = "https://api.weixin.qq.com"
HOSTS = (API_HOST, "https://open.weixin.qq.com", "https://mp.weixin.qq.com")
# To connect, and to wait for the next bytes of an answer.
Timeouts = tuple[float, float]
TIMEOUTS: Timeouts = (3.0, 8.0)

# How long to wait after each answer "busy" to a call that may be repeated; after the last one it is over.
_BUSY_PAUSES = (0.2, 0.6, 1.5)
_LONGEST_TOKEN_SECONDS = 7200
# An answer without a time: the token works, so it is used, and asked about again soon.
_ASSUMED_TOKEN_SECONDS = 600
Sleep = Callable[[float], None]
T = TypeVar("T")


class _NoAddresses(logging.Filter):
    """urllib3 writes whole request lines, and WeChat wants the token in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        return "access_token=" not in said and "://" not in said


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_NoAddresses())


class _Rebased(BaseAdapter):
    """Sends to `base` what is meant for one of WeChat's hosts, never waits without end, and keeps no connection.

    A kept one that died unnoticed looks like a lost answer, and a message whose answer was lost is not sent again.
    """

    def __init__(self, host: str, base: str, timeouts: Timeouts) -> None:
        super().__init__()
        self._host, self._base, self._timeouts = host, base.rstrip("/"), timeouts

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        url = request.url or ""
        if self._base != self._host and url.startswith(self._host + "/"):
            request.url = self._base + url[len(self._host) :]
        request.headers["Connection"] = "close"
        kwargs["timeout"] = kwargs.get("timeout") or self._timeouts
        once = HTTPAdapter()
        try:
            response = once.send(request, *args, **kwargs)
            response.content  # noqa: B018 - read to its end while there is a connection
        finally:
            once.close()
        return response

    def close(self) -> None:
        """There is nothing to close."""


def make_session(base: str = API_HOST, timeouts: Timeouts = TIMEOUTS) -> requests.Session:
    """A session that knows WeChat's hosts and no other; any `base` but the real one stands for all of them."""
    session = requests.Session()
    session.adapters.clear()
    for host in HOSTS:
        session.mount(host + "/", _Rebased(host, host if base == API_HOST else base, timeouts))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # threads share it: nothing may stick to it
    # A proxy of the environment does not lead to a sandbox on this machine.
    session.trust_env = not _is_this_machine(base)
    return session


def _is_this_machine(base: str) -> bool:
    name = urlsplit(base).hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


class _NotWeChat(Exception):
    """An answer that cannot come from WeChat's API; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Guard(WeChatClient):  # type: ignore[misc]  # wechatpy has no types
    """wechatpy's client, with `_request`, through which all of it goes, made safe.

    Its catalogue of endpoints stays unused: it takes paths from many bases, and a missing key of an answer becomes a
    KeyError. wechatpy reads the properties of a subclass before `__init__` has run: `access_token` must not work early.
    """

    def __init__(self, app_id: str, secret: str, tokens: TokenStore, http: requests.Session, sleep: Sleep) -> None:
        super().__init__(app_id, secret, auto_retry=False)
        self._http = http
        self._tokens = tokens
        self._sleep = sleep

    @property
    def access_token(self) -> str:
        return self._tokens.get(self.fetch_access_token)

    def fetch_access_token(self, force: bool = False) -> Issued:
        """Ask for the stable token, which does not disturb other callers unless forced. Stores nothing."""
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": self.secret,
            "force_refresh": force,
        }
        answer = self._patiently(lambda: self._send("post", TOKEN_API, repeatable=True, data=_encode(body)))
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise GatewayBroken(TOKEN_API, "no_token")
        seconds = _seconds_left(answer.get("expires_in"))
        log.info("wechat.token_fetched", api=TOKEN_API, seconds=seconds, action="forced" if force else "normal")
        return Issued(token, seconds)

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        """One call with a good token: "busy" is waited for, a stale token replaced once, files are rewound."""
        host, _, api = url_or_endpoint.partition(f"{API_HOST}/")
        if host or not api:
            raise ValueError("only full addresses of the api host")
        repeatable = bool(kwargs.pop("repeatable", method == "get"))
        params = dict(kwargs.pop("params", None) or {})
        starts = [(file, file.tell()) for file in _files(kwargs.get("files"))]

        def send(token: str) -> Any:
            for file, start in starts:
                file.seek(start)
            return self._send(method, api, repeatable=repeatable, params=params | {"access_token": token}, **kwargs)

        def send_with_good_token() -> Any:
            token = self.access_token
            try:
                return send(token)
            except WeChatError as error:
                if error.errcode not in STALE_TOKEN:
                    raise
                stale = error
            newer = self._tokens.replace(token, self.fetch_access_token)
            if newer is None:
                raise stale
            return send(newer)

        return self._patiently(send_with_good_token) if repeatable else send_with_good_token()

    def send_with_secret(self, api: str, params: Mapping[str, str]) -> Any:
        """For what takes the secret instead of a token. Pairs, no mapping: to a mapping wechatpy adds a token."""
        pairs = [("appid", self.appid), ("secret", self.secret), *params.items()]
        return self._patiently(lambda: self._send("get", api, repeatable=False, params=pairs))

    def _patiently(self, call: Callable[[], T]) -> T:
        for pause in _BUSY_PAUSES:
            try:
                return call()
            except WeChatError as error:
                if error.errcode != BUSY:
                    raise
            self._sleep(pause)
        return call()

    def _send(self, method: str, api: str, *, repeatable: bool, **kwargs: Any) -> Any:
        """Exactly one call over the wire."""
        kwargs.setdefault("params", None)  # wechatpy adds a token of its own where it finds none
        kwargs["allow_redirects"] = False  # WeChat never redirects; whoever does is not WeChat
        fault: WeChatError
        try:
            return super()._request(method, f"{API_HOST}/{api}", **kwargs)
        except WeChatClientException as error:
            if error.errcode is None:
                fault = _unanswered(api, f"http_{error.response.status_code}", repeatable)
            else:
                fault = refusal(api, error.errcode, error.errmsg, is_token_call=api == TOKEN_API)
        except _NotWeChat as error:
            fault = _unanswered(api, error.reason, repeatable)
        except (requests.RequestException, wire.HTTPError) as error:
            reason = _why_unsent(error)
            if reason is not None:
                fault = Unreachable(api, reason)
            else:
                fault = _unanswered(api, "timeout" if isinstance(error, requests.Timeout) else "dropped", repeatable)
        _note(fault)
        # Outside of the except clause, or the library's exception with its request would hang on ours as context.
        raise fault

    def _decode_result(self, res: requests.Response) -> dict[str, Any]:
        """WeChat's JSON object, `errcode` as a number. wechatpy would hand out whatever is no JSON as a success."""
        try:
            answer = jsonlib.loads(res.content.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            raise _NotWeChat("not_json") from None
        if not isinstance(answer, dict) or "base_resp" in answer:  # the device APIs' own shape, which is not served
            raise _NotWeChat("not_an_object")
        if "errcode" in answer:
            try:
                answer["errcode"] = int(answer["errcode"])
            except (TypeError, ValueError, OverflowError):
                raise _NotWeChat("errcode") from None
        return answer


class WeChatApi:
    """Calls WeChat's API for one account. Thread-safe; one per process, made after the fork.

    Every method raises WeChatError (RefusedByWeChat for an errcode; the other classes say what was or was not done),
    and Unavailable when the database that holds the token cannot be reached.
    """

    def __init__(
        self,
        *,
        app_id: str,
        secret: str,
        tokens: TokenStore,
        base: str = API_HOST,
        timeouts: Timeouts = TIMEOUTS,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._guard = _Guard(app_id, secret, tokens, make_session(base, timeouts), sleep)

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Every GET with a token counts as repeatable; the one that uses up a code is `exchange_login_code`."""
        answer: dict[str, Any] = self._guard.get(f"{API_HOST}/{path}", params=params)
        return answer

    def get_with_secret(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """For the APIs that take the account's secret instead of a token and use up a code: not repeated, save when WeChat is
        busy and has done nothing."""
        answer: dict[str, Any] = self._guard.send_with_secret(path, params)
        return answer

    def post(
        self,
        path: str,
        json: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str | int] | None = None,
        files: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """`files` as requests takes them. Say `repeatable` only where a second call does no more than the first."""
        more: dict[str, Any] = {"files": files} if files else {"data": _encode(json or {})}
        answer: dict[str, Any] = self._guard.post(f"{API_HOST}/{path}", params=params, repeatable=repeatable, **more)
        return answer

    def exchange_login_code(self, code: str) -> dict[str, Any]:
        """Who a mini program's `wx.login` speaks for. WeChat doc: code2Session; a code is used up by the call."""
        return self.get_with_secret("sns/jscode2session", {"js_code": code, "grant_type": "authorization_code"})

    def keep_token_fresh(self) -> bool:
        """Renew the token if it ends soon, and say whether one that works is there; what went wrong is in the log."""
        try:
            return bool(self._guard.access_token)
        except WeChatError:
            return False

    def get_callback_ips(self) -> list[str]:
        """The networks that pushes come from. WeChat doc: getCallbackIp."""
        addresses = self.get("cgi-bin/getcallbackip").get("ip_list")
        if not isinstance(addresses, list):
            raise GatewayBroken("cgi-bin/getcallbackip", "no_ip_list")
        return [str(address) for address in addresses]


def _encode(json: Mapping[str, Any]) -> bytes:
    # Real characters: escapes make WeChat refuse a menu (40033). A lone surrogate in somebody's words becomes "?".
    return jsonlib.dumps(json, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _files(files: Mapping[str, Any] | None) -> Iterator[Any]:
    """What has to be rewound before a second sending; a file may stand in a tuple with its name.

    Raises ValueError for a stream that cannot be rewound: sent again, it would be an empty file that WeChat accepts.
    """
    for given in (files or {}).values():
        file = given[1] if isinstance(given, tuple) else given
        if hasattr(file, "read"):
            if not file.seekable():
                raise ValueError("a file for WeChat must be seekable")
            yield file


def _seconds_left(said: object) -> int:
    try:
        seconds = int(said)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return _ASSUMED_TOKEN_SECONDS
    return min(seconds, _LONGEST_TOKEN_SECONDS) if seconds > 0 else _ASSUMED_TOKEN_SECONDS


def _unanswered(api: str, reason: str, repeatable: bool) -> WeChatError:
    return GatewayBroken(api, reason) if repeatable else OutcomeUnknown(api, reason)


_UNSENT: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.InvalidURL, "address"),
    (requests.exceptions.InvalidSchema, "address"),
    (ssl.SSLCertVerificationError, "certificate"),
    (wire.NameResolutionError, "name"),
    (wire.ProxyError, "proxy"),
    (wire.NewConnectionError, "connect"),
    (wire.ConnectTimeoutError, "connect_timeout"),
)


def _why_unsent(error: BaseException) -> str | None:
    """Why not a byte was sent; None when perhaps some were. The libraries wrap the cause in two or three others."""
    for kind, reason in _UNSENT:
        if isinstance(error, kind):
            return reason
    inner = [cause for cause in (*error.args, getattr(error, "reason", None)) if isinstance(cause, BaseException)]
    return next(filter(None, map(_why_unsent, inner)), None)


def _note(fault: WeChatError) -> None:
    if isinstance(fault, RefusedByWeChat):
        write = log.warning if fault.act in {Act.ALERT, Act.BUG} else log.info
        write("wechat.refused", api=fault.api, errcode=fault.errcode, rid=fault.rid, action=str(fault.act))
    else:
        log.warning("wechat.no_answer", api=fault.api, error=type(fault).__name__, reason=str(fault.args[1]))
