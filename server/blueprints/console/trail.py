"""The trail: who did what, and whether it is whole. Codes and their words only, nothing that anybody wrote."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from server.accounts import trail
from server.accounts.policy import Permission
from server.audit import service as audit
from server.audit.actions import Action
from server.audit.trail import Act, Filters
from server.blueprints.console import store
from server.blueprints.console.forms import Form, FormModel, read_form
from server.blueprints.console.guards import guarded
from server.blueprints.requests import form as field_of
from server.blueprints.requests import parts
from server.clock import utc_now
from server.pagination import Asked, Page
from server.scheduler import read_heads
from server.texts import text, text_or
from server.vault import CannotOpen, Place

bp = Blueprint("trail", __name__, url_prefix="/console/trail")
# A walk along a long chain takes many requests, none of which may hold a thread for long.
SECONDS_A_REQUEST = 2.0
# The words for what stands beside an act.
_REASONS: dict[str, str] = {
    Action.CONTACT_READ: "duty.purpose_",
    Action.ALERT_CLOSED: "duty.outcome_",
    Action.ALERT_RAISED: "duty.grade_",
    Action.POST_GIVEN: "console.role.",
    Action.POST_ENDED: "console.role.",
    Action.POST_HANDED_OVER: "console.role.",
    Action.STAFF_CREATED: "console.role.",
}


class FilterForm(FormModel):
    action: Action | None = None
    actor: str = ""
    object: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An act in words."""

    at: datetime
    actor: str
    actor_id: str
    action: str
    object: str
    object_id: str
    reason: str


@bp.get("")
@guarded(Permission.SEE_TRAIL)
def listing() -> str:
    return _of_others(trail.list_all, "all")


@bp.get("/team")
@guarded(Permission.SEE_TEAM_TRAIL)
def team() -> str:
    return _of_others(trail.list_team, "team")


@bp.get("/mine")
@guarded(Permission.OWN_ACCOUNT)
def mine() -> str:
    return _page("mine", store.read(lambda session: trail.list_own(session, staff=g.staff, asked=_asked())), None)


@bp.get("/verify")
@guarded(Permission.VERIFY_TRAIL)
def show_verification() -> str:
    return _verification(None, None)


@bp.post("/verify")
@guarded(Permission.VERIFY_TRAIL)
def verify() -> ResponseReturnValue:
    """As far as a request may go; its page leads on. What came of it is an act of the trail itself."""
    before = _open_progress(field_of("progress", 1000))
    if before is None:
        return _verification(None, None, is_stale=True), 422
    progress, verdict = _walk(before)
    if before.rows == 0 or verdict is not None:
        now = utc_now()
        store.write(lambda session: trail.record_verification(session, staff=g.staff, verdict=verdict, now=now))
    return _verification(progress, verdict)


# --- lists --------------------------------------------------------------------------------------------------------------


def _asked() -> Asked:
    return Asked(request.args.get("sort", ""), request.args.get("page", ""))


def _of_others(list_acts: Callable[..., Page[Act]], whose: str) -> str:
    form, now = read_form(FilterForm, request.args), utc_now()
    wanted = form.value or FilterForm()

    def work(session: Session) -> Page[Act]:
        actor = trail.find_actor(session, wanted.actor) if wanted.actor else None
        filters = Filters(wanted.action, actor, wanted.object or None, wanted.day)
        return list_acts(session, staff=g.staff, filters=filters, asked=_asked(), now=now)

    return _page(whose, store.write(work), form)


def _page(whose: str, page: Page[Act], form: Form[FilterForm] | None) -> str:
    ids = {act.actor_id for act in page.rows if act.actor_kind == "staff"}
    names = store.read(lambda session: trail.names_by_public_id(session, ids))
    rows = page.of([_in_words(act, names) for act in page.rows])
    return render_template("console/trail.html", page=rows, form=form, whose=whose, actions=Action)


def _in_words(act: Act, names: dict[str, str]) -> Row:
    return Row(
        at=act.at,
        actor=names.get(act.actor_id) or text_or(f"console.trail.actor_kind.{act.actor_kind}", act.actor_kind),
        actor_id=act.actor_id if act.actor_kind == "staff" else "",
        action=text_or(f"console.action.{act.action}", act.action),
        object=text_or(f"console.object.{act.object_kind}", act.object_kind),
        object_id="" if act.object_id == "-" else act.object_id,
        reason="" if act.reason == "-" else text_or(_REASONS.get(act.action, "-") + act.reason, act.reason),
    )


# --- verifying ----------------------------------------------------------------------------------------------------------


def _walk(progress: audit.Progress) -> tuple[audit.Progress, audit.Verdict | None]:
    """Page by page, until the end, a fault, or the time of a request is over."""
    copied = read_heads(parts().settings.xinqiao_instance / "audit-heads.jsonl")
    known = [(int(row["seq"]), row["digest"]) for row in copied if int(row["seq"]) > 0]
    give_up_at, verdict = time.monotonic() + SECONDS_A_REQUEST, None
    while verdict is None:
        step = partial(audit.verify_next, progress=progress, known_heads=known)
        progress, verdict = store.read(step)
        if time.monotonic() > give_up_at:
            break
    return progress, verdict


def _verification(progress: audit.Progress | None, verdict: audit.Verdict | None, *, is_stale: bool = False) -> str:
    token = _seal_progress(progress) if progress is not None and verdict is None else ""
    fault = _fault_in_words(verdict.fault) if verdict is not None and verdict.fault else ""
    return render_template(
        "console/trail_verify.html", progress=progress, verdict=verdict, fault=fault, token=token, is_stale=is_stale
    )


def _fault_in_words(fault: str) -> str:
    kind, _, seq = fault.rpartition("_")
    return text(f"console.trail.fault_{kind}", seq=seq) if seq.isdigit() else text(f"console.trail.fault_{fault}")


def _place() -> Place:
    return Place("trail", g.staff.public_id, "progress")


def _seal_progress(progress: audit.Progress) -> str:
    """Sealed: nobody begins behind a fault."""
    plain = json.dumps([progress.rows, progress.digest.hex()]).encode()
    return parts().vault.seal(plain, _place()).hex()


def _open_progress(token: str) -> audit.Progress | None:
    """None for what was not sealed here for this colleague; without a token the walk begins."""
    if not token:
        return audit.Progress()
    try:
        rows, digest = json.loads(parts().vault.open(bytes.fromhex(token), _place()))
    except (ValueError, CannotOpen):
        return None
    return audit.Progress(rows, bytes.fromhex(digest))
