"""Codes on their way to paper, for the console and the command line: WeChat's part, the poster's words, its drawing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from server.bulkhead import Bulkhead
from server.config import AccountKind
from server.errors import Invalid
from server.organisations import service as organisations
from server.organisations.models import EntryPoint
from server.organisations.posters import Poster, draw_png, draw_svg
from server.parts import Parts
from server.texts import text
from server.wechat.qrcodes import create_scene

# WeChat's temporary codes end after 30 days at the latest.
_LONGEST_TEMPORARY = timedelta(days=30)
# Drawing keeps a core busy. Two at once leave the other threads to the residents' pages.
_DRAWING = Bulkhead(2)
# A preview is looked at, downloaded and printed within minutes; a poster's picture takes some 100 KB.
_KEPT = 32
Write = Callable[[Callable[[Session], Any]], Any]


class DoesNotFit(Invalid):
    """The place's name is too long for the label, or the font lacks a letter of it."""

    code = "printing.does_not_fit"


def may_join_account(built: Parts) -> bool:
    """Only a certified service account may make codes of its own."""
    return built.settings.wechat_oa_kind is AccountKind.SERVICE


def join_account(built: Parts, write: Write, point: EntryPoint, *, now: datetime) -> None:
    """Let the stored point be a code of the official account, with the address that WeChat gives it.

    `write` runs a transaction; none is open while WeChat is asked. Raises WeChatError, and may be repeated then.
    """
    lifetime = point.valid_until - now if point.valid_until else None
    # A later end than WeChat's own is kept by our row alone.
    seconds = int(lifetime.total_seconds()) if lifetime and lifetime <= _LONGEST_TEMPORARY else None
    url = create_scene(built.wechat_api, point.code, seconds=seconds)
    write(lambda session: organisations.keep_wechat_url(session, code=point.code, url=url))
    point.wechat_url = url


def poster_of(built: Parts, place: str, point: EntryPoint) -> Poster:
    """What the label says. The point's door must be open."""
    opens = built.doors.name_of(point.door, point.target)
    assert opens is not None
    return Poster(
        url=point.wechat_url or f"{built.settings.public_base_url}/q/{point.code}",
        place=place,
        opens=opens,
        invite=text("poster.invite"),
        hotlines_title=text("poster.hotlines_title"),
        hotlines=built.lines,
        code=point.code,
        brand=text("brand.name"),
    )


def png_of(poster: Poster) -> bytes:
    """For offices. Raises DoesNotFit; Unavailable when too many are being drawn."""
    return _drawn(_png, poster)


def svg_of(poster: Poster) -> bytes:
    """For print shops and for the screen. Raises as png_of does."""
    return _drawn(_svg, poster)


def is_printable(poster: Poster) -> bool:
    try:
        svg_of(poster)
    except DoesNotFit:
        return False
    return True


def _drawn(draw: Callable[[Poster], bytes], poster: Poster) -> bytes:
    try:
        with _DRAWING.place():
            return draw(poster)
    except ValueError as fault:
        raise DoesNotFit from fault


@lru_cache(maxsize=_KEPT)
def _png(poster: Poster) -> bytes:
    return draw_png(poster)


@lru_cache(maxsize=_KEPT)
def _svg(poster: Poster) -> bytes:
    return draw_svg(poster).encode()
