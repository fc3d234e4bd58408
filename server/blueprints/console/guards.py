"""Who may open a console page. A guard names the permission; routes without one must stand in PUBLIC_ENDPOINTS."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, g, jsonify, make_response, redirect, request
from werkzeug.exceptions import NotFound

from server.accounts import staff as accounts
from server.accounts.policy import Permission
from server.accounts.staff import Staff
from server.accounts.staff_models import SessionKind
from server.blueprints.requests import parts
from server.clock import utc_now

SCREEN_COOKIE = "xq_staff"
BELL_COOKIE = "xq_bell"
F = TypeVar("F", bound=Callable[..., Any])

# Every route that needs no log-in, by endpoint. A test compares this list with the app's map.
PUBLIC_ENDPOINTS = frozenset(
    {
        "health.healthz", "health.readyz", "health.metrics",
        "wechat.verify",
        "pages.root", "pages.home", "pages.help_page", "pages.bye", "pages.notice",
        "pages.verify_file",
        "entry.open_code",
        "contact.contact", "contact.leave_contact",
        "contact.contact_with_response", "contact.leave_contact_with_response",
        "assessment.intro", "assessment.reopen", "assessment.start", "assessment.resume", "assessment.item",
        "assessment.answer", "assessment.care", "assessment.pass_care", "assessment.end", "assessment.submit",
        "assessment.result", "assessment.clear",
        "api.hotlines.list_hotlines",
        "api.instruments.list_instruments", "api.instruments.show_instrument",
        "api.responses.start", "api.responses.show", "api.responses.show_item", "api.responses.save_answer",
        "api.responses.pass_care", "api.responses.submit", "api.responses.clear",
        "api.contacts.leave_contact", "api.contacts.leave_contact_with_response",
        "api.places.list_organisations", "api.places.show_entry", "api.places.scan",
        "api.auth.sign_in", "api.auth.refresh", "api.profile.show_phone_consent",
        "api.docs.show_document", "api.docs.show_page",
        "me_sign_in.show", "me_sign_in.go_to_wechat", "me_sign_in.come_back",
        "me_sign_in.show_link", "me_sign_in.enter_by_link",
        "me_keep.bring", "me_keep.throw_away", "me_agreements.open_invite", "me_data.deleted",
        "sign_in.show_console", "sign_in.show", "sign_in.enter", "sign_in.leave",
    }
)  # fmt: skip


def guarded(permission: Permission, *, is_poll: bool = False) -> Callable[[F], F]:
    """Let through who holds the permission anywhere; what they see is narrowed by their posts in the service.

    A poll keeps no session alive: a screen that nobody touches must lock.
    """

    def decorate(handler: F) -> F:
        @wraps(handler)
        def guard(*args: Any, **kwargs: Any) -> Any:
            staff = find_staff(SessionKind.SCREEN, SCREEN_COOKIE)
            if staff is None:
                return _ask_to_sign_in(is_poll)
            if not staff.may(permission):
                raise NotFound
            if not is_poll:
                _touch()
            g.staff, g.permission = staff, permission
            return handler(*args, **kwargs)

        guard.guarded_by = permission  # type: ignore[attr-defined]
        return guard  # type: ignore[return-value]

    return decorate


def belled(handler: F) -> F:
    """For the bell alone: its own token, which outlives the idle screen and can read nothing but counts."""

    @wraps(handler)
    def guard(*args: Any, **kwargs: Any) -> Any:
        staff = find_staff(SessionKind.BELL, BELL_COOKIE)
        if staff is None:
            return make_response(jsonify(error={"code": "bell_over"}), 401)
        g.staff, g.permission = staff, Permission.WATCH_ALERTS
        return handler(*args, **kwargs)

    guard.guarded_by = SessionKind.BELL  # type: ignore[attr-defined]
    return guard  # type: ignore[return-value]


def find_staff(kind: SessionKind, cookie: str) -> Staff | None:
    token = request.cookies.get(cookie, "")
    if not token:
        return None
    return parts().database.read(
        lambda session: accounts.find_by_session(session, token=token, kind=kind, now=utc_now())
    )


def _touch() -> None:
    token, now = request.cookies.get(SCREEN_COOKIE, ""), utc_now()
    if parts().database.read(lambda session: accounts.wants_touch(session, token=token, now=now)):
        parts().database.write(lambda session: accounts.touch_session(session, token=token, now=now))


def _ask_to_sign_in(is_poll: bool) -> Response:
    if is_poll:
        return make_response(jsonify(error={"code": "session_over"}), 401)
    return make_response(redirect("/console/sign-in?over=1", 303))
