"""Who is logged in on this phone. The cookie's path is /h5/me; forms carry a value that only this log-in's pages hold."""

import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, g, make_response, redirect, request
from sqlalchemy.orm import Session

from server.accounts import log_ins
from server.accounts.models import Resident
from server.blueprints.requests import ForeignForm, form, parts
from server.clock import utc_now
from server.vault import token_hash

HOME = "/h5/me"
COOKIE = "xq_me"
RESIDENT = "resident"
# Where a log-in may lead. A closed list: an address from outside never decides.
PLACES = {"me": HOME, "keep": f"{HOME}/keep", "guardian": f"{HOME}/guardian"}
_DAY_SECONDS = 86400
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def for_residents(place: str = "me") -> Callable[[F], F]:
    """Let through who is logged in; others are asked to, and come back to `place`."""

    def decorate(handler: F) -> F:
        @wraps(handler)
        def guard(*args: Any, **kwargs: Any) -> Any:
            resident = find_resident()
            if resident is None:
                return make_response(redirect(f"{HOME}/sign-in?next={place}", 303))
            if request.method == "POST" and not hmac.compare_digest(form("form_key", 64).encode(), form_key().encode()):
                raise ForeignForm
            g.resident = resident
            return handler(*args, **kwargs)

        guard.guarded_by = RESIDENT  # type: ignore[attr-defined]
        return guard  # type: ignore[return-value]

    return decorate


def token() -> str:
    return request.cookies.get(COOKIE, "")


def find_resident() -> Resident | None:
    if not token():
        return None
    return parts().database.read(lambda session: log_ins.find_resident(session, token=token(), now=utc_now()))


def form_key() -> str:
    """What a form of this log-in carries. Another site can neither read nor guess it."""
    return token_hash(f"form of {token()}")


def read(work: Callable[[Session, Resident], T]) -> T:
    """Read as the resident who is logged in now. Raises LoggedOut."""

    def with_resident(session: Session) -> T:
        resident = log_ins.find_resident(session, token=token(), now=utc_now())
        if resident is None:
            raise log_ins.LoggedOut
        return work(session, resident)

    return parts().database.read(with_resident)


def write(work: Callable[[Session, Resident], T]) -> T:
    """The same for what writes; the resident stays who they are until the end of it."""
    return parts().database.write(
        lambda session: work(session, log_ins.get_resident(session, token=token(), now=utc_now()))
    )


def keep(response: Response, value: str) -> Response:
    return set_cookie(response, COOKIE, value, max_age=log_ins.KEEP_DAYS * _DAY_SECONDS)


def set_cookie(response: Response, name: str, value: str, *, max_age: int) -> Response:
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=HOME,
        httponly=True,
        samesite="Lax",
        secure=parts().settings.public_base_url.startswith("https://"),
    )
    return response


def drop_cookie(response: Response, name: str) -> Response:
    response.delete_cookie(name, path=HOME)
    return response
