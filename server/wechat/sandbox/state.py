"""Everything that the imitated platform remembers. Plain records: the rules are in the modules that use them.

Times are unix seconds of the sandbox's own clock unless a name says `real`.
"""

from dataclasses import dataclass, field
from typing import Any

CHAT_CAP = 200
PUSH_CAP = 500


@dataclass
class AccessToken:
    """`line` is the endpoint that issued it: the two do not disturb one another."""

    value: str
    line: str
    issued_at: float
    expires_at: float
    is_dead: bool = False


@dataclass
class Usage:
    """Calls of one interface on one Beijing day and in one minute; `limit` replaces the documented one when set."""

    day: str = ""
    used: int = 0
    minute: int = 0
    used_in_minute: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class Ticket:
    """A QR code of the account. `scene` is what a scan reports, a number or a string (`is_text`)."""

    ticket: str
    url: str
    scene: str
    is_text: bool
    action_name: str
    created_at: float
    expires_at: float | None


@dataclass
class OauthCode:
    """What a page got for whoever opened it."""

    openid: str
    scope: str
    expires_at: float
    is_used: bool = False


@dataclass(frozen=True)
class Poster:
    """A printed code that somebody put up: a title over the content of a QR code."""

    id: int
    title: str
    content: str


@dataclass
class Resident:
    """One person with a phone. The openid depends on account and id alone, so it outlives a reset."""

    id: str
    openid: str
    name: str
    age: int
    about: str = ""
    tint: int = 1
    is_follower: bool = False
    followed_at: float | None = None
    follow_scene: str = ""
    qr_scene: str = ""
    qr_scene_is_text: bool = True


@dataclass
class MiniCode:
    """A code of the mini program, good once: of `wx.login` (`login`), or of the button that gives a number (`phone`)."""

    code: str
    kind: str
    resident_id: str
    expires_at: float
    phone: str = ""
    is_used: bool = False


@dataclass
class Window:
    """Leave to write to a resident unasked: `left` messages before `expires_at`."""

    trigger: str
    expires_at: float
    left: int


@dataclass(frozen=True)
class Article:
    title: str
    description: str = ""
    picture_url: str = ""
    url: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of a chat as the phone shows it.

    `sender` is resident, account or notice; `via` says how the account spoke: reply or service_message.
    `client_ref` is the phone's own mark on what it sent, so that it can replace its pending bubble.
    """

    id: int
    at: float
    sender: str
    kind: str
    text: str = ""
    articles: list[Article] = field(default_factory=list)
    via: str = ""
    notice: str = ""
    client_ref: str = ""
    push_id: int | None = None


@dataclass(frozen=True)
class Fault:
    """A fault that waits for its moment; `left` None means until it is taken away."""

    id: int
    kind: str
    path: str
    left: int | None
    errcode: int = -1
    errmsg: str = ""
    errcode_is_text: bool = False
    seconds: float = 0.0
    times: int = 1


@dataclass(frozen=True)
class Reply:
    """A passive reply as the resident sees it; `dropped` articles stood above WeChat's cap."""

    kind: str
    text: str = ""
    articles: list[Article] = field(default_factory=list)
    dropped: int = 0


@dataclass(frozen=True)
class Attempt:
    """One delivery. `body` is the answer after decryption; `is_duplicate` marks one that a fault added."""

    number: int
    real_at: float
    verdict: str
    seconds: float
    status: int | None = None
    detail: str = ""
    body: str = ""
    is_duplicate: bool = False


@dataclass(frozen=True)
class Push:
    """One event or message on its way to the callback; `verdict` is under_way, ok, empty, ignored or failed."""

    id: int
    real_at: float
    name: str
    openid: str
    body: str
    verdict: str = "under_way"
    attempts: list[Attempt] = field(default_factory=list)
    reply: Reply | None = None
    is_notice_shown: bool = False


@dataclass
class State:
    """All of it. `epoch` names one life of this memory: a page that meets another begins its view anew."""

    epoch: str = ""
    clock_offset: float = 0.0
    sequence: int = 0
    revision: int = 0
    tokens: list[AccessToken] = field(default_factory=list)
    usage: dict[str, Usage] = field(default_factory=dict)
    last_forced_refresh: float | None = None
    quota_clears: dict[str, int] = field(default_factory=dict)
    menu: list[dict[str, Any]] | None = None
    menu_id: int = 0
    tickets: dict[str, Ticket] = field(default_factory=dict)
    posters: list[Poster] = field(default_factory=list)
    residents: dict[str, Resident] = field(default_factory=dict)
    mini_codes: dict[str, MiniCode] = field(default_factory=dict)
    windows: dict[str, list[Window]] = field(default_factory=dict)
    chats: dict[str, list[Entry]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    oauth_codes: dict[str, OauthCode] = field(default_factory=dict)
    # Whether the account is bound to an open platform (then unionids are told), and whether pages that ask who opened
    # them are being shown as snapshots.
    is_bound: bool = False
    is_snapshot: bool = False

    def next_id(self) -> int:
        """A number never given before: for entries, pushes, message ids, faults alike."""
        self.sequence += 1
        return self.sequence

    def add_entry(self, openid: str, entry: Entry) -> Entry:
        """Append to a chat; the oldest lines fall off its end."""
        chat = self.chats.setdefault(openid, [])
        chat.append(entry)
        del chat[:-CHAT_CAP]
        return entry

    def add_push(self, push: Push) -> None:
        self.pushes.append(push)
        del self.pushes[:-PUSH_CAP]

    def replace_push(self, push: Push) -> None:
        """Put the newer record in the place of the older; one that a flood or reset has pushed out stays out."""
        for place in range(len(self.pushes) - 1, -1, -1):
            if self.pushes[place].id == push.id:
                self.pushes[place] = push
                return
