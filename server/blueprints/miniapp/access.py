"""The access token: a JWT for a quarter of an hour, in the Authorization header and nowhere else, and who it speaks for.

Its key is derived from SECRET_KEY and named by an id, so that while that one is being changed both are read. Each call
asks whether the device is still signed in: signing out works at once.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import cache, wraps
from typing import Any, TypeVar

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, g
from flask_jwt_extended import JWTManager, create_access_token, get_jwt, get_jwt_identity, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException

from server.accounts import api_tokens
from server.accounts.api_tokens import Caller, Pair
from server.blueprints.miniapp.marks import RESIDENT
from server.blueprints.requests import parts
from server.errors import NotSignedIn
from server.vault import token_hash

ACCESS = timedelta(minutes=15)
_DEVICE = "dev"
F = TypeVar("F", bound=Callable[..., Any])


def prepare(app: Flask) -> None:
    app.config.update(
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ALGORITHM="HS256",
        JWT_ACCESS_TOKEN_EXPIRES=ACCESS,
        JWT_ENCODE_NBF=False,
        JWT_COOKIE_CSRF_PROTECT=False,  # there is no cookie, and its claim would be another one in every token
    )
    manager = JWTManager(app)
    manager.encode_key_loader(lambda _identity: _key(parts().settings.secret_key)[1])
    manager.decode_key_loader(_key_for)


@cache
def _key(secret: str) -> tuple[str, str]:
    """(id, key) from a secret of the installation."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"xinqiao access tokens")
    key = derive.derive(secret.encode()).hex()
    return hashlib.sha256(key.encode()).hexdigest()[:8], key


def _key_for(header: dict[str, Any], _claims: dict[str, Any]) -> str:
    settings = parts().settings
    known = dict(_key(secret) for secret in (settings.secret_key, settings.secret_key_previous) if secret)
    found: str | None = known.get(str(header.get("kid")))
    if found is None:
        raise jwt.InvalidTokenError
    return found


def make_access_token(pair: Pair) -> str:
    """The same for a repeated answer, for all of it comes from the pair."""
    token: str = create_access_token(
        identity=pair.resident_public_id,
        additional_claims={
            _DEVICE: pair.device_public_id,
            "iat": pair.issued_at,
            "exp": pair.issued_at + ACCESS,
            "jti": token_hash(pair.refresh_token)[:22],
        },
        additional_headers={"kid": _key(parts().settings.secret_key)[0]},
    )
    return token


def signed_in(handler: F) -> F:
    """Let through a resident with a good access token, as `g.caller`."""

    @wraps(handler)
    def guard(*args: Any, **kwargs: Any) -> Any:
        g.caller = _find_caller()
        return handler(*args, **kwargs)

    guard.guarded_by = RESIDENT  # type: ignore[attr-defined]
    return guard  # type: ignore[return-value]


def caller() -> Caller:
    found = g.caller
    assert isinstance(found, Caller)
    return found


def _find_caller() -> Caller:
    try:
        verify_jwt_in_request()
        resident, device = str(get_jwt_identity()), str(get_jwt().get(_DEVICE))
    except (JWTExtendedException, jwt.PyJWTError, ValueError):
        raise NotSignedIn from None
    found = parts().database.read(
        lambda session: api_tokens.find_caller(session, resident_public_id=resident, device_public_id=device)
    )
    if found is None:
        raise NotSignedIn
    return found
