"""What there is to see: residents and their chats, pushes, codes, the live menu, faults, quotas, tokens, the clock."""

from dataclasses import replace
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from server.wechat.sandbox import authenticator, phone
from server.wechat.sandbox.control.parsing import Json
from server.wechat.sandbox.control.world import clock
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.endpoints.qrcode import draw
from server.wechat.sandbox.state import State

POSTERS_SHOWN = 60
PUSHES_SHOWN = 50


def add_routes(blueprint: Blueprint, box: Sandbox) -> None:
    """All of them GET; what can be long is cut to its newest part."""
    _add_people(blueprint, box)
    _add_traffic(blueprint, box)
    _add_codes(blueprint, box)


def _add_people(blueprint: Blueprint, box: Sandbox) -> None:
    @blueprint.get("/residents")
    def residents() -> Json:
        with box.store.read() as state:
            return {"residents": [replace(one) for one in state.residents.values()]}

    @blueprint.get("/residents/<who>/messages")
    def messages(who: str) -> Json:
        """The chat, oldest first; with `after`, only what came later than that entry's id."""
        after = request.args.get("after", 0, type=int)
        with box.store.read() as state:
            resident = phone.find_resident(state, who)
            return {"messages": [one for one in state.chats.get(resident.openid, []) if one.id > after]}

    @blueprint.get("/phone")
    def phone_view() -> Json:
        """What a phone's screen needs once a second. Another `epoch` than the caller's: the chat from its beginning."""
        after = request.args.get("after", 0, type=int)
        with box.store.read() as state:
            resident = phone.find_resident(state, request.args.get("resident", ""))
            if request.args.get("epoch") != state.epoch:
                after = 0
            return {
                "epoch": state.epoch,
                "revision": state.revision,
                "clock": clock(box, state),
                "resident": replace(resident),
                "messages": [one for one in state.chats.get(resident.openid, []) if one.id > after],
                "menu": state.menu,
                "menu_id": state.menu_id,
            }

    @blueprint.get("/authenticator")
    def authenticator_codes() -> Json:
        """By the real clock, which the server goes by too."""
        now = box.real_now()
        accounts = authenticator.codes(box.settings.logins_file, now)
        return {"accounts": accounts, "seconds_left": authenticator.seconds_left(now)}


def _add_traffic(blueprint: Blueprint, box: Sandbox) -> None:
    @blueprint.get("/clock")
    def get_clock() -> Json:
        with box.store.read() as state:
            return clock(box, state)

    @blueprint.get("/pushes")
    def pushes() -> Json:
        """Newest first; `resident` only theirs, `limit` how many, `after` only those with a greater id."""
        limit = request.args.get("limit", PUSHES_SHOWN, type=int)
        after = request.args.get("after", 0, type=int)
        who = request.args.get("resident", "")
        with box.store.read() as state:
            openid = phone.find_resident(state, who).openid if who else ""
            fitting = (one for one in reversed(state.pushes) if one.id > after and openid in ("", one.openid))
            return {"pushes": [one for one, _ in zip(fitting, range(limit), strict=False)]}

    @blueprint.get("/pushes/<int:push_id>")
    def one_push(push_id: int) -> Json:
        with box.store.read() as state:
            found = next((one for one in state.pushes if one.id == push_id), None)
        if found is None:
            raise NotFound
        return {"push": found}

    @blueprint.get("/faults")
    def active_faults() -> Json:
        with box.store.read() as state:
            return {"faults": list(state.faults)}

    @blueprint.get("/quotas")
    def quotas() -> Json:
        with box.store.read() as state:
            return {"quotas": {path: replace(usage) for path, usage in state.usage.items()}}

    @blueprint.get("/tokens")
    def issued_tokens() -> Json:
        """Without their values: what a test asks is how many and how old."""
        with box.store.read() as state:
            now = box.now(state)
            shown = [(one.line, one.issued_at, one.expires_at, one.is_dead) for one in state.tokens]
        names = ("line", "issued_at", "expires_at", "is_dead")
        return {"now": now, "tokens": [dict(zip(names, one, strict=True)) for one in shown]}

    @blueprint.get("/menu")
    def live_menu() -> Json:
        with box.store.read() as state:
            return {"menu": state.menu, "menu_id": state.menu_id}


def _add_codes(blueprint: Blueprint, box: Sandbox) -> None:
    @blueprint.get("/tickets")
    def tickets() -> Json:
        """The account's own QR codes, newest first."""
        with box.store.read() as state:
            return {"tickets": list(reversed(state.tickets.values()))}

    @blueprint.get("/posters")
    def posters() -> Json:
        """What hangs on the walls: the account's codes and printed addresses, newest first; `q` filters by title."""
        with box.store.read() as state:
            shown = _posters(state, request.args.get("q", "").strip(), box.now(state))
        return {"posters": shown[:POSTERS_SHOWN], "total": len(shown)}

    @blueprint.get("/posters/<int:poster_id>/picture")
    def poster_picture(poster_id: int) -> Response:
        with box.store.read() as state:
            found = next((one for one in state.posters if one.id == poster_id), None)
        if found is None:
            raise NotFound
        return Response(draw(found.content), content_type="image/jpeg")


def _posters(state: State, wanted: str, now: float) -> list[Json]:
    titles = {poster.content: poster.title for poster in state.posters}
    of_account = [
        {
            "title": titles.get(ticket.url) or titles.get(ticket.ticket) or ticket.scene,
            "kind": "account",
            "content": ticket.url,
            "scene": ticket.scene,
            "expires_at": ticket.expires_at,
            "is_expired": ticket.expires_at is not None and ticket.expires_at <= now,
            "picture": "/cgi-bin/showqrcode?" + urlencode({"ticket": ticket.ticket}),
        }
        for ticket in reversed(state.tickets.values())
    ]
    own = {content for ticket in state.tickets.values() for content in (ticket.url, ticket.ticket)}
    printed = [
        {
            "title": poster.title,
            "kind": "address",
            "content": poster.content,
            "scene": "",
            "expires_at": None,
            "is_expired": False,
            "picture": f"/sandbox/posters/{poster.id}/picture",
        }
        for poster in reversed(state.posters)
        if poster.content not in own
    ]
    return [one for one in of_account + printed if wanted.lower() in str(one["title"]).lower()]
