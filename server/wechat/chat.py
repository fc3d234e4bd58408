"""What the account says in the chat. Each function answers one kind of message; the router chooses."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy.orm import Session

from server.accounts import log_ins, residents
from server.accounts.holdings import Holdings
from server.accounts.models import CodeKind, Resident
from server.crisis import duty
from server.crisis import service as crisis
from server.crisis.models import SourceKind
from server.ids import new_public_id
from server.organisations import service as organisations
from server.organisations.doors import DoorCode, Doors
from server.organisations.service import Entry, EntryPointState
from server.risk.service import Finding
from server.texts import text
from server.texts.hotlines import Hotline, spoken
from server.texts.moments import say_when
from server.wechat.inbound import Inbound
from server.wechat.keywords import Keywords, PhoneLeft
from server.wechat.replies import Card, Reply, Text


@dataclass(frozen=True, slots=True)
class Chat:
    """What every answer needs: the site's address, the open doors, the numbers."""

    app_id: str
    base_url: str
    doors: Doors
    lines: tuple[Hotline, ...]
    keywords: Keywords = field(repr=False)
    holdings: Holdings = field(repr=False)

    def numbers(self) -> str:
        """The block of numbers that ends an answer."""
        rows = [
            text("chat.numbers_line", name=line.name, number=line.number, hours=line.hours)
            for line in self.lines
            if line.audience != "danger"
        ]
        return "\n".join([text("chat.numbers_title"), *rows, text("chat.danger_line", **spoken(self.lines))])

    def open_doors(self) -> str:
        rows = [
            text(f"chat.door_{door.code}", url=self.base_url + door.path_of(""))
            for door in self.doors
            if door.code is not DoorCode.HOME
        ]
        return "\n".join([text("chat.doors_title"), *rows])

    def default(self) -> Text:
        return self._paragraphs(text("chat.default"), self.open_doors(), self.numbers())

    def media(self) -> Text:
        return self._paragraphs(text("chat.media"), self.open_doors(), self.numbers())

    def hotline(self) -> Text:
        return Text(self.numbers())

    def help(self) -> Text:
        return self._paragraphs(self.open_doors(), self.numbers())

    def nothing_to_unsubscribe(self) -> Text:
        return self._paragraphs(text("chat.unsubscribe_nothing"), self.open_doors())

    def door(self, code: DoorCode) -> Text:
        """The way to a door, or that it is not open yet and what is."""
        door = self.doors.find(code)
        if door is None:
            name = text(f"chat.door_name_{code}")
            return self._paragraphs(text("chat.door_closed", name=name), self.open_doors(), self.numbers())
        return self._paragraphs(text(f"chat.door_{code}", url=self.base_url + door.path_of("")), self.numbers())

    def own_pages(self) -> Text:
        """Where WeChat itself tells the page who opened it, the address is the same for everybody."""
        return self._paragraphs(text("chat.me", url=f"{self.base_url}/h5/me"), self.numbers())

    def again(self) -> Text:
        """Said when nothing could be stored; the numbers must still arrive."""
        return self._paragraphs(text("chat.again"), self.numbers())

    def distress_unstored(self) -> Text:
        return self._paragraphs(text("chat.distress"), self.numbers(), text("chat.again"))

    # --- answers that read or write -------------------------------------------------------------------------------

    def welcome(self, session: Session, inbound: Inbound, now: datetime) -> Reply:
        residents.follow(session, app_id=self.app_id, openid=inbound.openid, sent_at=inbound.sent_at, now=now)
        entry = self._use_entry(session, inbound.scene, now) if inbound.scene else None
        place = entry.place if entry and entry.place else text("brand.unnamed_place")
        parts = [text("chat.welcome", place=place)]
        if entry is not None:
            parts.append(
                text("chat.welcome_place_link", opens=entry.opens, url=self._entry_url(entry, inbound.scene))
                if entry.state is EntryPointState.OPEN
                else text(f"chat.entry_{entry.state}")
            )
        return self._paragraphs(*parts, self.open_doors(), self.numbers())

    def farewell(self, session: Session, inbound: Inbound, now: datetime) -> None:
        left = residents.unfollow(session, app_id=self.app_id, openid=inbound.openid, sent_at=inbound.sent_at, now=now)
        if left is not None:
            self.holdings.unfollowed(session, resident_id=left, now=now)

    def own_link(self, session: Session, inbound: Inbound, now: datetime) -> Reply:
        """A link for the sender alone: who can read their chat is who they are."""
        resident = self._resident(session, inbound, now)
        code = log_ins.make_code(session, resident=resident, kind=CodeKind.LOG_IN, now=now)
        minutes = int(log_ins.LINK_LASTS.total_seconds() // 60)
        said = text("chat.me_link", url=f"{self.base_url}/h5/me/link/{code}", minutes=minutes)
        return self._paragraphs(said, self.numbers())

    def scan(self, session: Session, inbound: Inbound, now: datetime) -> Reply:
        """One card that leads to the door. Nothing here names the person: what follows may be anonymous."""
        entry = self._use_entry(session, inbound.scene, now)
        if entry.state is not EntryPointState.OPEN:
            return self._paragraphs(text(f"chat.entry_{entry.state}"), self.open_doors(), self.numbers())
        return Card(
            title=entry.opens or "",
            description=text("chat.card_note", place=entry.place, **spoken(self.lines)),
            url=self._entry_url(entry, inbound.scene),
        )

    def human(self, session: Session, inbound: Inbound, now: datetime) -> Reply:
        on_duty = self._duty(session, now)
        url = self.base_url + "/h5/contact"
        return self._paragraphs(_say_duty("human", on_duty, now), text("chat.human_leave", url=url), self.numbers())

    def contact(self, session: Session, inbound: Inbound, now: datetime, *, left: PhoneLeft) -> Reply:
        """A number was sent. It joins the person's alerts of the last days, or raises one of its own."""
        resident = self._resident(session, inbound, now)
        return self._paragraphs(self._keep_number(session, resident.id, left, now), self.numbers())

    def distress(
        self, session: Session, inbound: Inbound, now: datetime, *, finding: Finding, left: PhoneLeft | None
    ) -> Reply:
        """Numbers at once, and an alert that keeps the words for whoever is on duty."""
        resident = self._resident(session, inbound, now)
        crisis.hear_distress(
            session,
            resident_id=resident.id,
            organisation_id=organisations.root_of(session).id,
            grade=finding.grade,
            rule_version=finding.rule_version,
            words=inbound.text,
            now=now,
        )
        contact = self._keep_number(session, resident.id, left, now) if left else text("chat.distress_contact")
        duty_now = _say_duty("distress_stored", self._duty(session, now), now)
        return self._paragraphs(text("chat.distress"), self.numbers(), duty_now, contact)

    def _keep_number(self, session: Session, resident_id: int, left: PhoneLeft, now: datetime) -> str:
        """Ask for a call, beside what this person said in the last days; what may be promised about it."""
        source = crisis.recent_chat_source(session, resident_id=resident_id, now=now) or new_public_id()
        try:
            by = crisis.leave_contact(
                session,
                source_kind=SourceKind.CHAT,
                source_public_id=source,
                organisation_id=organisations.root_of(session).id,
                phone=left.phone,
                call_when=left.call_when,
                is_minor=False,
                resident_id=resident_id,
                now=now,
            )
        except (
            crisis.BadPhone
        ):  # digits that only look like a number: nothing is promised, and no alert is lost for them
            return text("errors.crisis.bad_phone")
        return text("chat.contact_promised", by=say_when(by, now)) if by else text("chat.contact_unpromised")

    def _resident(self, session: Session, inbound: Inbound, now: datetime) -> Resident:
        return residents.resident_of(
            session, app_id=self.app_id, openid=inbound.openid, sent_at=inbound.sent_at, now=now
        )

    def _duty(self, session: Session, now: datetime) -> duty.Duty:
        root = organisations.root_of(session)
        return duty.duty_at(crisis.duty_windows(session, organisation_id=root.id, now=now), now)

    def _use_entry(self, session: Session, scene: str, now: datetime) -> Entry:
        entry = organisations.look_up_entry(session, doors=self.doors, code=scene, now=now)
        if entry.entry_point_id is not None:
            organisations.count_use(session, entry_point_id=entry.entry_point_id, what="scans", now=now)
        return entry

    def _entry_url(self, entry: Entry, code: str) -> str:
        return f"{self.base_url}{entry.path}?from={quote(code)}"

    @staticmethod
    def _paragraphs(*parts: str) -> Text:
        return Text("\n\n".join(parts))


def _say_duty(prefix: str, on_duty: duty.Duty, now: datetime) -> str:
    if on_duty.is_on_now and on_duty.until:
        is_always = on_duty.until - now > timedelta(days=1)
        return text(f"chat.{prefix}_{'always' if is_always else 'on'}", until=say_when(on_duty.until, now))
    if on_duty.next_from:
        return text(f"chat.{prefix}_off", next=say_when(on_duty.next_from, now))
    return text(f"chat.{prefix}_unknown")
