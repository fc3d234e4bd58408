"""What the next page says first: "saved", "ended". A sentence by its key, kept in the signed form cookie.

It leaves the cookie with the page that shows it, so a page that never arrived has not used it up.
"""

from flask import session

from server.texts import has_text, text

_KEY = "said"
_MOST = 5


def say(key: str) -> None:
    """`key` is one of `console.said.…`. Free text has no place in a cookie."""
    if not has_text(f"console.said.{key}"):
        raise ValueError(f"console.said.{key} is no text")
    session[_KEY] = [*session.get(_KEY, []), key][-_MOST:]


def take() -> list[str]:
    """The sentences, once; the shell asks for them."""
    keys = session.pop(_KEY, []) if _KEY in session else []
    # A cookie may be older than the code that reads it.
    return [text(f"console.said.{key}") for key in keys if has_text(f"console.said.{key}")]
