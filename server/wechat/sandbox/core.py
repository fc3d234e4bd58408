"""One imitated account at work: its settings, its memory and its two clocks."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta, timezone

from server.wechat.sandbox.settings import SandboxSettings
from server.wechat.sandbox.state import Resident, State
from server.wechat.sandbox.store import Store
from server.wechat.sandbox.texts import texts

# Quotas end at Beijing's midnight; China has had no summer time since 1991.
BEIJING = timezone(timedelta(hours=8))


class Sandbox:
    """What the parts of the imitation share. What changes lives in the store."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.store = Store(settings.state_file, self._fresh_state)

    def _fresh_state(self) -> State:
        people = (self.make_resident(**person) for person in texts()["residents"])
        return State(epoch=secrets.token_hex(8), residents={person.openid: person for person in people})

    def make_resident(self, *, id: str, name: str, age: int, about: str = "", tint: int = 1) -> Resident:
        """A person who does not follow yet. 28 characters beginning with o, as every openid (wechat doc)."""
        digest = hashlib.sha256(f"{self.settings.app_id}|{id}".encode()).digest()
        openid = "o" + base64.urlsafe_b64encode(digest).decode()[:27]
        return Resident(id=id, openid=openid, name=name, age=age, about=about, tint=tint)

    @staticmethod
    def union_id_of(resident: Resident) -> str:
        """The same at every account of one open platform: it depends on the person alone."""
        digest = hashlib.sha256(f"open platform|{resident.id}".encode()).digest()
        return "o" + base64.urlsafe_b64encode(digest).decode()[:27]

    def real_now(self) -> float:
        """What signatures and CreateTime carry: a callback refuses what is minutes off."""
        return self.settings.real_time()

    def now(self, state: State) -> float:
        """The sandbox's own time, which tokens, windows, tickets and quotas go by and which a test may set."""
        return self.real_now() + state.clock_offset

    def close(self) -> None:
        """Write what is not written yet."""
        self.store.close()


def beijing(at: float) -> datetime:
    return datetime.fromtimestamp(at, BEIJING)
