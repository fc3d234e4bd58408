"""The way through a response: which page comes next, and whether it may be shown.

Phones are shared. A page of a response is drawn for somebody who answered a moment ago, or who has just said that it is
theirs; anybody else is asked first. Where the browser keeps no cookies, holding the page with its token is all the proof
there can be.
"""

from collections.abc import Callable
from datetime import datetime

from flask import Response, make_response, redirect

from server.assessment import service as assessment
from server.assessment.models import Care, ResponseStatus
from server.assessment.models import Response as Run
from server.assessment.progress import Progress
from server.blueprints.h5 import device, screens
from server.blueprints.requests import parts
from server.clock import utc_now
from server.texts import text

Draw = Callable[[], Response]


def open_response(instrument_id: str, token: str) -> Progress:
    """The response behind a token, at its own address. Raises Gone, Superseded."""
    if not token:
        raise assessment.Gone
    progress = parts().database.read(lambda session: assessment.look_at(session, parts().catalogue, token=token))
    if progress.response.instrument_id != instrument_id:
        raise assessment.Gone
    return progress


def find_response(instrument_id: str, token: str) -> Progress | None:
    try:
        return open_response(instrument_id, token)
    except (assessment.Gone, assessment.Superseded):
        return None


def is_answering(progress: Progress) -> bool:
    return progress.response.status is not ResponseStatus.COMPLETE and progress.response.care is not Care.DUE


def show_kept(
    instrument_id: str,
    draw: Callable[[Progress, str], Response],
    *,
    care_too: bool = False,
    while_answering: bool = False,
) -> Response:
    """Show something of the device's response, if its owner is still looking; else ask, or say that it is gone."""
    token = device.token_of(instrument_id)
    progress = open_response(instrument_id, token)
    if not device.is_looking(instrument_id, token):
        return screens.resume(progress)
    if progress.response.care is Care.DUE and not care_too:
        return go_on(progress, token)
    if while_answering and not is_answering(progress):
        return go_on(progress, token)
    return device.keep(draw(progress, token), instrument_id, token)


def go_on(
    progress: Progress, token: str, *, after: str = "", is_owner: bool = False, is_unchanged: bool = False
) -> Response:
    """The page that comes next: the red-flag screen before everything, then open questions, then the end or the result."""
    response = progress.response
    if response.care is Care.DUE:
        return show(progress, token, "care", lambda: care(progress, token), is_owner=is_owner)
    if response.status is ResponseStatus.COMPLETE:
        notice, where = (text("h5.finished_notice"), "result?unchanged=1") if is_unchanged else ("", "result")
        return show(progress, token, where, lambda: result(progress, token, notice), is_owner=is_owner)
    following = (progress.item_after(after) if after else None) or progress.next_item
    if following is None:
        return show(progress, token, "end", lambda: screens.end(progress, token), is_owner=is_owner)
    return show(
        progress,
        token,
        f"item/{following.id}",
        lambda: screens.item(progress, token, following.id),
        is_owner=is_owner,
    )


def show(progress: Progress, token: str, where: str, draw: Draw, *, is_owner: bool = False) -> Response:
    """Redirect, so that reload and back behave; draw at once where the device does not keep cookies.

    The mark is only renewed for somebody who was looking a moment ago, or who has just shown that it is theirs: else the
    next page asks.
    """
    instrument_id = progress.response.instrument_id
    if not device.keeps_cookies(instrument_id):
        return device.keep(draw(), instrument_id, token)
    response = make_response(redirect(f"/h5/test/{instrument_id}/{where}", 303))
    if is_owner or device.is_looking(instrument_id, token):
        return device.keep(response, instrument_id, token)
    return device.remember(response, instrument_id, token)


def draw_or_ask(progress: Progress, token: str, draw: Draw) -> Response:
    """Answer a form with a page of the response, under the rule of `show`."""
    instrument_id = progress.response.instrument_id
    if device.keeps_cookies(instrument_id) and not device.is_looking(instrument_id, token):
        return device.remember(screens.resume(progress), instrument_id, token)
    return device.keep(draw(), instrument_id, token)


def care(progress: Progress, token: str) -> Response:
    run = progress.response
    truth = screens.truth_about_contact(run, promise_of(run), utc_now())
    return screens.care(run, progress.instrument, token, truth=truth, may_continue=True)


def result(progress: Progress, token: str, notice: str = "") -> Response:
    run = progress.response
    if run.status is not ResponseStatus.COMPLETE:
        return screens.end(progress, token)
    outcome = parts().database.read(lambda session: assessment.read_outcome(session, parts().catalogue, token=token))
    truth = ""
    if run.is_contact_left:
        truth = screens.truth_about_contact(run, promise_of(run), utc_now(), where="result")
    return screens.result(outcome, token, truth=truth, notice=notice)


def promise_of(run: Run | None) -> datetime | None:
    if run is None or not run.is_contact_left:
        return None
    return parts().database.read(lambda session: assessment.contact_promise(session, response=run))
