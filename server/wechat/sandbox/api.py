"""The platform's API: one table of endpoints, and what every call goes through before its endpoint is asked.

The order of the checks follows what callers observe (the real one is not documented): method, token, quota, permission,
body, fields. An endpoint is one function and one row; a further one is a module in `endpoints/` with its rows.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from server.wechat.sandbox import faults, tokens
from server.wechat.sandbox.core import Sandbox, beijing
from server.wechat.sandbox.errors import ApiError, error_body
from server.wechat.sandbox.state import Fault, State, Usage

ALL_KINDS = frozenset({"service", "subscription", "service_uncertified", "subscription_uncertified"})
CERTIFIED = frozenset({"service", "subscription"})


@dataclass(frozen=True)
class Binary:
    """An answer that is no JSON, or an HTML page with its own status (only the mp host has those)."""

    body: bytes
    mimetype: str
    status: int = 200


Answer = Mapping[str, Any] | Binary
OK: Mapping[str, Any] = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class Call:
    """One call as its endpoint sees it, the memory locked for as long as it works."""

    box: Sandbox
    state: State
    query: Mapping[str, str]
    body: bytes

    @cached_property
    def now(self) -> float:
        return self.box.now(self.state)

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body, whatever its content type says (wechatpy sends none). Raises ApiError for no JSON object."""
        if not self.body.strip():
            raise ApiError(44002)
        try:
            read = json.loads(self.body)
            json.dumps(read, ensure_ascii=False).encode()  # half a surrogate pair is no character
        except ValueError:
            raise ApiError(47001) from None
        if not isinstance(read, dict):
            raise ApiError(47001)
        return read

    def refuse_escapes(self) -> None:
        r"""Menus must hold real characters: `\u4f60` in the body is refused (wechat doc: menu, 40033)."""
        if re.search(rb"\\u[0-9a-fA-F]{4}", self.body):
            raise ApiError(40033)


@dataclass(frozen=True)
class Endpoint:
    """`daily` and `per_minute` are the limits of a new account (wechat doc: interface limits), None where none."""

    path: str
    method: str
    answer: Callable[[Call], Answer]
    daily: int | None = None
    per_minute: int | None = None
    kinds: frozenset[str] = ALL_KINDS
    needs_token: bool = True


@dataclass(frozen=True)
class Outcome:
    """The answer, and the fault that still has to spoil it on its way out."""

    answer: Answer
    spoiled_by: Fault | None = None


def handle(
    box: Sandbox, endpoints: Mapping[str, Endpoint], path: str, method: str, query: Mapping[str, str], body: bytes
) -> Outcome:
    """One call from the wire to its answer."""
    with box.store.change() as state:
        fault = faults.take(state, faults.API_KINDS, path)
        if fault is not None and fault.kind == "errcode":
            return Outcome(_forced(fault))
        if fault is not None and fault.kind == "http_502":
            return Outcome(Binary(b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html", 502))
        if fault is not None and fault.kind == "revoke_token":
            tokens.revoke_all(state)
        try:
            answer = _work(Call(box, state, query, body), endpoints.get(path), method)
        except ApiError as refusal:
            answer = refusal.body()
        return Outcome(answer, fault if fault is not None and fault.kind in faults.AFTER_WORK else None)


def _forced(fault: Fault) -> Answer:
    body = error_body(fault.errcode)
    if fault.errmsg:
        body["errmsg"] = fault.errmsg
    if fault.errcode_is_text:
        body["errcode"] = str(fault.errcode)
    return body


def _work(call: Call, endpoint: Endpoint | None, method: str) -> Answer:
    if endpoint is None:
        raise ApiError(40066)
    if method != endpoint.method:
        raise ApiError(43001 if endpoint.method == "GET" else 43002)
    if endpoint.needs_token:
        tokens.check(call.state, call.query.get("access_token", ""), call.now)
    count_call(call.state, endpoint.path, daily=endpoint.daily, per_minute=endpoint.per_minute, now=call.now)
    if call.box.settings.account_kind not in endpoint.kinds:
        raise ApiError(48001)
    return endpoint.answer(call)


def count_call(state: State, name: str, *, daily: int | None, per_minute: int | None, now: float) -> None:
    """Note one call. Raises ApiError 45009 or 45011 when it is one too many; days begin at 00:00 in Beijing."""
    usage = state.usage.setdefault(name, Usage())
    day, minute = beijing(now).strftime("%Y-%m-%d"), int(now // 60)
    if usage.day != day:
        usage.day, usage.used = day, 0
    if usage.minute != minute:
        usage.minute, usage.used_in_minute = minute, 0
    limit = usage.limit if usage.limit is not None else daily
    if limit is not None and usage.used >= limit:
        raise ApiError(45009)
    if per_minute is not None and usage.used_in_minute >= per_minute:
        raise ApiError(45011)
    usage.used += 1
    usage.used_in_minute += 1
