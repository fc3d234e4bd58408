"""The two cookies of a colleague's browser: the screen's, and the bell's, which outlives it."""

from flask import Response, make_response, redirect, request
from flask.typing import ResponseValue

from server.accounts.sessions import Tokens
from server.blueprints.requests import parts

SCREEN_COOKIE = "xq_staff"
BELL_COOKIE = "xq_bell"
HOME = "/console/"


def brought() -> Tokens:
    """What this browser brings; the screen's token is empty where there is none."""
    return Tokens(request.cookies.get(SCREEN_COOKIE, ""), request.cookies.get(BELL_COOKIE))


def lead_on(tokens: Tokens, *, to: str = HOME) -> Response:
    return hand_over(tokens, make_response(redirect(to, 303)))


def hand_over(tokens: Tokens, answer: ResponseValue) -> Response:
    """Give the browser what it keeps from here on."""
    response = make_response(answer)
    for name, token in ((SCREEN_COOKIE, tokens.screen), (BELL_COOKIE, tokens.bell)):
        if token:
            response.set_cookie(
                name,
                token,
                path="/console",
                httponly=True,
                samesite="Strict",
                secure=parts().settings.public_base_url.startswith("https://"),
            )
    return response
