"""What a resident's device holds: the response's token, and a short-lived mark that its owner is still the one looking.

The token's cookie lasts for days, so that a killed page resumes. The mark ends with the browser or after half an hour:
without it nothing of a response is shown before "continue or start anew" was asked, for phones are shared. Forms carry the
token too, so that a page left open over night, or a browser without cookies, still sends its answer.
"""

from flask import Response, current_app, request
from itsdangerous import BadSignature, TimestampSigner

from server.blueprints.requests import parts
from server.vault import token_hash

KEEP_DAYS = 7
LOOKING_SECONDS = 30 * 60
_PROBE = "xq_c"


def token_of(instrument_id: str) -> str:
    return request.cookies.get(_token_name(instrument_id), "")


def probe(response: Response) -> Response:
    """Leave a cookie that says nothing, so that the next form tells whether this browser keeps any."""
    if _PROBE not in request.cookies:
        response.set_cookie(_PROBE, "1", path="/h5/", httponly=True, samesite="Lax")
    return response


def keeps_cookies(instrument_id: str) -> bool:
    return _PROBE in request.cookies or bool(token_of(instrument_id))


def is_looking(instrument_id: str, token: str) -> bool:
    """Whether the person who answered a moment ago is still at it."""
    mark = request.cookies.get(_mark_name(instrument_id), "")
    try:
        return _signer().unsign(mark, max_age=LOOKING_SECONDS).decode() == token_hash(token)
    except BadSignature:
        return False


def keep(response: Response, instrument_id: str, token: str) -> Response:
    """Remember the response on this device and renew the mark."""
    mark = _signer().sign(token_hash(token)).decode()
    _set(response, _token_name(instrument_id), token, instrument_id, max_age=KEEP_DAYS * 86400)
    _set(response, _mark_name(instrument_id), mark, instrument_id, max_age=None)
    return response


def forget(response: Response, instrument_id: str) -> Response:
    for name in (_token_name(instrument_id), _mark_name(instrument_id)):
        response.delete_cookie(name, path=_path(instrument_id))
    return response


def _set(response: Response, name: str, value: str, instrument_id: str, max_age: int | None) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=_path(instrument_id),
        httponly=True,
        samesite="Lax",
        secure=parts().settings.public_base_url.startswith("https://"),
    )


def _signer() -> TimestampSigner:
    return TimestampSigner(current_app.secret_key or "", salt="xinqiao still looking")


def _token_name(instrument_id: str) -> str:
    return f"xq_r_{instrument_id}"


def _mark_name(instrument_id: str) -> str:
    return f"xq_m_{instrument_id}"


def _path(instrument_id: str) -> str:
    return f"/h5/test/{instrument_id}"
