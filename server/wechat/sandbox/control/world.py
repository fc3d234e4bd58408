"""What a test or the page arranges: the clock, residents, posters, faults, quotas, tokens, a new beginning."""

from dataclasses import replace

from flask import Blueprint
from werkzeug.exceptions import NotFound

from server.wechat.sandbox import faults, tokens
from server.wechat.sandbox.control import inputs
from server.wechat.sandbox.control.parsing import Json, error, parse
from server.wechat.sandbox.core import Sandbox, beijing
from server.wechat.sandbox.state import Fault, Poster, State, Usage


def clock(box: Sandbox, state: State) -> Json:
    now = box.now(state)
    return {"now": now, "iso": beijing(now).isoformat(timespec="seconds"), "offset_seconds": state.clock_offset}


def add_routes(blueprint: Blueprint, box: Sandbox) -> None:
    """POST /reset, /clock, /residents, /account, /posters, /faults, /quotas, /tokens/revoke; DELETE /faults, /faults/<id>."""

    @blueprint.post("/reset")
    def reset() -> Json:
        box.store.reset()
        return {"ok": True}

    @blueprint.post("/clock")
    def set_clock() -> Json:
        asked = parse(inputs.ClockInput)
        with box.store.change() as state:
            if asked.now is not None:
                state.clock_offset = asked.now.timestamp() - box.real_now()
            elif asked.advance_seconds is not None:
                state.clock_offset += asked.advance_seconds
            else:
                state.clock_offset = asked.offset_seconds or 0.0
            return clock(box, state)

    @blueprint.post("/residents")
    def create_resident() -> tuple[Json, int]:
        asked = parse(inputs.ResidentInput)
        resident = box.make_resident(**asked.model_dump())
        with box.store.change() as state:
            if resident.openid in state.residents:
                return error("resident_exists", f"There is a resident {asked.id} already."), 409
            state.residents[resident.openid] = resident
            return {"resident": resident}, 201

    @blueprint.post("/account")
    def set_account() -> Json:
        """`is_bound`: the account belongs to an open platform. `is_snapshot`: pages are shown to snapshot visitors."""
        asked = parse(inputs.AccountInput)
        with box.store.change() as state:
            state.is_bound = state.is_bound if asked.is_bound is None else asked.is_bound
            state.is_snapshot = state.is_snapshot if asked.is_snapshot is None else asked.is_snapshot
            return {"account": {"is_bound": state.is_bound, "is_snapshot": state.is_snapshot}}

    @blueprint.post("/posters")
    def create_poster() -> tuple[Json, int]:
        """Names a code: one of the account's, or an address that somebody printed. The same content is named anew."""
        asked = parse(inputs.PosterInput)
        with box.store.change() as state:
            poster = Poster(state.next_id(), asked.title, asked.content)
            state.posters = [one for one in state.posters if one.content != asked.content] + [poster]
            return {"poster": poster}, 201

    @blueprint.post("/faults")
    def create_fault() -> tuple[Json, int]:
        asked = parse(inputs.FaultInput)
        with box.store.change() as state:
            fault = Fault(
                id=state.next_id(),
                kind=asked.kind,
                path=asked.path,
                left=asked.count,
                errcode=asked.errcode,
                errmsg=asked.errmsg,
                errcode_is_text=asked.errcode_as_text,
                seconds=asked.seconds,
                times=asked.times,
            )
            return {"fault": faults.add(state, fault)}, 201

    @blueprint.delete("/faults")
    def clear_faults() -> Json:
        with box.store.change() as state:
            state.faults = []
        return {"faults": []}

    @blueprint.delete("/faults/<int:fault_id>")
    def remove_fault(fault_id: int) -> Json:
        with box.store.change() as state:
            kept = [fault for fault in state.faults if fault.id != fault_id]
            if len(kept) == len(state.faults):
                raise NotFound
            state.faults = kept
            return {"faults": list(kept)}

    @blueprint.post("/quotas")
    def set_quota() -> Json:
        """Counts for the sandbox's own day, so that 45009 needs no thousand calls."""
        asked = parse(inputs.QuotaInput)
        with box.store.change() as state:
            usage = state.usage.setdefault(asked.path, Usage())
            usage.limit = asked.limit
            if asked.used is not None:
                usage.day, usage.used = beijing(box.now(state)).strftime("%Y-%m-%d"), asked.used
            return {"quota": replace(usage)}

    @blueprint.post("/tokens/revoke")
    def revoke_tokens() -> Json:
        """Every token is dead from now on, as when somebody else refreshed."""
        with box.store.change() as state:
            tokens.revoke_all(state)
        return {"ok": True}
