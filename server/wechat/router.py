"""Which answer a push gets: kind of push, event key or keyword to a function of chat.py. Distress comes before any keyword.

A route is either an answer that is known at once, or work that reads or writes in the transaction which also stores the
message's key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from server.logs import log
from server.organisations.doors import DoorCode
from server.risk.grades import Grade
from server.risk.service import Finding, Scanner
from server.wechat.chat import Chat
from server.wechat.inbound import WAITED_FOR, Inbound, Kind
from server.wechat.replies import Reply

Work = Callable[[Session, Inbound, datetime], Reply | None]


@dataclass(frozen=True, slots=True)
class Route:
    """`work` runs once for a message; without it `at_once` is the answer. `unstored` is said when nothing could be kept:
    None stands for an error status, on which WeChat sends the event again."""

    at_once: Reply | None
    work: Work | None
    unstored: Reply | None
    outcome: str


class Router:
    def __init__(self, chat: Chat, scanner: Scanner, *, has_web_login: bool) -> None:
        self._chat = chat
        self._scanner = scanner
        at_once: dict[str, Callable[[], Reply]] = {
            "hotline": chat.hotline,
            "help": chat.help,
            "unsubscribe": chat.nothing_to_unsubscribe,
            "assessment": partial(chat.door, DoorCode.ASSESSMENT),
            "mailbox": partial(chat.door, DoorCode.MAILBOX),
            "booking": partial(chat.door, DoorCode.BOOKING),
            "course": partial(chat.door, DoorCode.COURSE),
        }
        # Answers that read or write something of the sender's.
        self._named: dict[str, Work] = {"human": chat.human}
        if has_web_login:
            at_once["me"] = chat.own_pages
        else:
            self._named["me"] = chat.own_link
        # The answers are the same for everybody, so they are made once.
        self._answers = {name: make() for name, make in at_once.items()}
        self._default, self._media, self._help = chat.default(), chat.media(), self._answers["help"]
        self._again, self._distress_unstored = chat.again(), chat.distress_unstored()
        self._works: dict[Kind, Work] = {
            Kind.SUBSCRIBE: chat.welcome,
            Kind.UNSUBSCRIBE: chat.farewell,
            Kind.SCAN: chat.scan,
        }

    def route(self, inbound: Inbound) -> Route:
        if inbound.kind is Kind.TEXT:
            return self._route_text(inbound)
        unstored = self._again if inbound.kind in WAITED_FOR else None
        if inbound.kind is Kind.CLICK:
            # A button of an older menu that somebody's phone still shows.
            return self._route_name(inbound.event_key.lower(), unstored, outcome="click", unknown=self._help)
        if inbound.kind is Kind.MEDIA:
            return Route(self._media, None, unstored, "media")
        return Route(None, self._works.get(inbound.kind), unstored, str(inbound.kind))

    def _route_text(self, inbound: Inbound) -> Route:
        finding, left = self._grade(inbound.text), self._chat.keywords.find_phone(inbound.text)
        if finding.grade.rings:
            work = partial(self._chat.distress, finding=finding, left=left)
            return Route(None, work, self._distress_unstored, "distress")
        if left is not None:
            return Route(None, partial(self._chat.contact, left=left), self._again, "contact")
        name = self._chat.keywords.find(inbound.text)
        if name is None:
            # Lasting distress without a wish to die: no alert, and the numbers stand in the default answer.
            outcome = "default" if finding.grade is Grade.NONE else "default_general"
            return Route(self._default, None, self._again, outcome)
        return self._route_name(name, self._again, outcome=f"keyword_{name}")

    def _grade(self, words: str) -> Finding:
        try:
            return self._scanner.scan(words)
        except Exception as fault:
            # A fault of ours is never a reason to hear less.
            log.error("scanner.failed", exc_info=fault)
            return Finding(Grade.SERIOUS, report=False, evidence=(), rule_version="scanner-failed")

    def _route_name(self, name: str, unstored: Reply | None, outcome: str, *, unknown: Reply | None = None) -> Route:
        if name in self._named:
            return Route(None, self._named[name], unstored, outcome)
        return Route(self._answers.get(name, unknown), None, unstored, outcome)
