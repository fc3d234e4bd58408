"""access_token: two independent lines, one per endpoint that issues them (wechat doc: getAccessToken, stable token)."""

import secrets

from server.wechat.sandbox.errors import ApiError
from server.wechat.sandbox.state import AccessToken, State

LIFETIME_SECONDS = 7200
# How long the older token of a line still works, and how early `stable_token` issues the next one.
OVERLAP_SECONDS = 300
# Dead ones are kept to tell an expired token (42001) from one that was never issued (40001).
KEPT_PER_LINE = 10

PLAIN, STABLE = "token", "stable_token"


def check(state: State, value: str, now: float) -> None:
    """Raises ApiError when this token does not open the API."""
    if not value:
        raise ApiError(41001)
    known = next((token for token in state.tokens if token.value == value), None)
    if known is None or known.is_dead:
        raise ApiError(40001)
    if known.expires_at <= now:
        raise ApiError(42001)


def issue(state: State, line: str, now: float) -> AccessToken:
    """A new token; the previous one of its line lives five more minutes, any older one ends at once."""
    living = [token for token in state.tokens if token.line == line and not token.is_dead]
    for token in living[:-1]:
        token.is_dead = token.expires_at > now
    if living:
        living[-1].expires_at = min(living[-1].expires_at, now + OVERLAP_SECONDS)
    fresh = AccessToken(
        value=f"{len(line)}0_" + secrets.token_urlsafe(96), line=line, issued_at=now, expires_at=now + LIFETIME_SECONDS
    )
    state.tokens.append(fresh)
    of_line = [token for token in state.tokens if token.line == line]
    state.tokens = [token for token in state.tokens if token.line != line or token in of_line[-KEPT_PER_LINE:]]
    return fresh


def current_stable(state: State, now: float, line: str = STABLE) -> AccessToken:
    """The same token again until its last five minutes, then the next one."""
    newest = next((token for token in reversed(state.tokens) if token.line == line and not token.is_dead), None)
    if newest is not None and newest.expires_at - now > OVERLAP_SECONDS:
        return newest
    return issue(state, line, now)


def force_stable(state: State, now: float, line: str = STABLE) -> AccessToken:
    """A new token at once; whatever this line issued before is dead."""
    for token in state.tokens:
        token.is_dead = token.is_dead or token.line == line
    return issue(state, line, now)


def revoke_all(state: State) -> None:
    """As when somebody else refreshed with the same secret: every token is from now on `not latest`."""
    for token in state.tokens:
        token.is_dead = True
