"""What a resident's device holds: the response's token, and a short-lived mark that its owner is still the one looking.

The token's cookie lasts for days, so that a killed page resumes. The mark ends with the browser or after half an hour:
without it nothing of a response is shown before "continue or start anew" was asked, for phones are shared. Forms carry the
token too, so that a page left open over night, or a browser without cookies, still sends its answer.
"""

import base64
import hashlib
import hmac

from flask import Response, request
from itsdangerous import BadSignature, TimestampSigner

from server.blueprints.requests import parts
from server.ids import PUBLIC_ID_LENGTH, new_public_id, new_token
from server.vault import token_hash

KEEP_DAYS = 7
LOOKING_SECONDS = 30 * 60
_BROWSER = "xq_c"


def token_of(instrument_id: str) -> str:
    return request.cookies.get(_token_name(instrument_id), "")


def probe(response: Response) -> Response:
    """Leave a random value that is kept nowhere else: the next form tells by it whether this browser keeps cookies, and
    that it was sent by the browser for which it was drawn."""
    if not _browser():
        _set(response, _BROWSER, new_public_id(), path="/h5/", max_age=None)
    return response


def keeps_cookies(instrument_id: str) -> bool:
    return bool(_browser() or token_of(instrument_id))


def token_for(form_id: str) -> str:
    """The token of a response that begins with this form: the same one when the form is sent twice by one browser.

    Whoever only knows the form cannot guess it, so nobody can prepare a response on somebody else's phone and read it.
    """
    if not (form_id and _browser()):
        return new_token()
    message = f"{_browser()}:{form_id}".encode("utf-8", "surrogatepass")
    digest = hmac.digest(parts().settings.secret_key.encode(), b"xinqiao response\0" + message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_looking(instrument_id: str, token: str) -> bool:
    """Whether the person who answered a moment ago is still at it."""
    mark = request.cookies.get(_mark_name(instrument_id), "")
    try:
        return _signer().unsign(mark, max_age=LOOKING_SECONDS).decode() == token_hash(token)
    except BadSignature:
        return False


def remember(response: Response, instrument_id: str, token: str) -> Response:
    """Keep the response on this device; whose it is will be asked before anything of it is shown."""
    _set(response, _token_name(instrument_id), token, path=_path(instrument_id), max_age=KEEP_DAYS * 86400)
    return response


def keep(response: Response, instrument_id: str, token: str) -> Response:
    """Remember the response, and that its owner is looking."""
    mark = _signer().sign(token_hash(token)).decode()
    _set(response, _mark_name(instrument_id), mark, path=_path(instrument_id), max_age=None)
    return remember(response, instrument_id, token)


def forget(response: Response, *instrument_ids: str) -> Response:
    for instrument_id in instrument_ids:
        for name in (_token_name(instrument_id), _mark_name(instrument_id)):
            response.delete_cookie(name, path=_path(instrument_id))
    return response


def _set(response: Response, name: str, value: str, *, path: str, max_age: int | None) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=path,
        httponly=True,
        samesite="Lax",
        secure=parts().settings.public_base_url.startswith("https://"),
    )


def _browser() -> str:
    value = request.cookies.get(_BROWSER, "")
    return value if len(value) == PUBLIC_ID_LENGTH else ""


def _signer() -> TimestampSigner:
    return TimestampSigner(parts().settings.secret_key, salt="xinqiao still looking")


def _token_name(instrument_id: str) -> str:
    return f"xq_r_{instrument_id}"


def _mark_name(instrument_id: str) -> str:
    return f"xq_m_{instrument_id}"


def _path(instrument_id: str) -> str:
    return f"/h5/test/{instrument_id}"
