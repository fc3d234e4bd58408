"""The assembled parts of one process: settings, store, vault, catalogue, scanner, doors, callback. Knows no HTTP server.

create_app() and the command line both build from here; `blueprints` and `cli` find the parts on the app.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from server.accounts.api_holding import MiniProgramHolding
from server.accounts.consents import ConsentHolding
from server.accounts.exports import Exportable
from server.accounts.holdings import Holdings
from server.accounts.own import AccountHolding
from server.accounts.policy import Permission
from server.accounts.posts import HandsOver
from server.accounts.purposes import Purpose
from server.assessment.definition import Instrument
from server.assessment.keeping import KeptHolding
from server.assessment.loader import InstrumentCatalogue, load_instruments
from server.assessment.service import known_versions
from server.audit.exports import TrailSource
from server.config import Settings
from server.crisis import desk
from server.crisis.exports import AlertSource
from server.crisis.personal import CrisisHolding
from server.db import Database, make_engine
from server.errors import Unavailable
from server.notices import Consent, load_text
from server.organisations.doors import DoorCode, Doors
from server.organisations.exports import EntryPointSource, ServicePointSource
from server.organisations.imports import DepartmentImporter, ServicePointImporter
from server.organisations.in_sight import PlacesInSight
from server.risk.service import Scanner
from server.sheets.importing import Importer
from server.texts import text
from server.texts.hotlines import Hotline, hotlines
from server.vault import Vault
from server.wechat.callback import Callback
from server.wechat.chat import Chat
from server.wechat.client import WeChatApi
from server.wechat.crypto import CallbackCrypto
from server.wechat.keywords import Keywords
from server.wechat.miniprogram import MiniProgram
from server.wechat.router import Router
from server.wechat.tokens import TokenStore

# Transactions of pages in a process, reading and writing apart. One takes milliseconds, so a crowd that moves is through at
# once; of one that hangs the other threads must not be part.
_PAGES_AT_ONCE = 8
NOTICES = ("privacy", "minors", "complaint")


class AssessmentDoor:
    """Self-assessments; the target is an instrument, none leads to the list."""

    code = DoorCode.ASSESSMENT

    def __init__(self, catalogue: InstrumentCatalogue) -> None:
        self._catalogue = catalogue

    @property
    def targets(self) -> tuple[str, ...]:
        return ("", *self._catalogue)

    def has_target(self, target: str) -> bool:
        return target == "" or target in self._catalogue

    def name_of(self, target: str) -> str:
        instrument = self._catalogue.get(target)
        if instrument is None:
            return text("door.assessment")
        return text("door.assessment_of", name=instrument.name.short, minutes=instrument.duration_min)

    def path_of(self, target: str) -> str:
        return f"/h5/test/{target}" if target else "/h5/"


@dataclass(frozen=True, slots=True)
class PageDoor:
    """A door that is one page."""

    code: DoorCode
    path: str

    @property
    def targets(self) -> tuple[str, ...]:
        return ("",)

    def has_target(self, target: str) -> bool:
        return target == ""

    def name_of(self, target: str) -> str:
        return text(f"door.{self.code}")

    def path_of(self, target: str) -> str:
        return self.path


@dataclass(frozen=True)
class Parts:
    settings: Settings
    vault: Vault
    database: Database
    catalogue: InstrumentCatalogue
    doors: Doors
    lines: tuple[Hotline, ...]
    consent: Consent
    phone_consent: Consent
    consents: Mapping[Purpose, Consent]
    notices: Mapping[str, Consent]
    holdings: Holdings

    def warm_up(self) -> None:
        """Load now what answers pushes, so that a broken file stops the start and not the first message."""
        assert self.callback

    @property
    def domains_that_hand_over(self) -> tuple[HandsOver, ...]:
        """Who gives open work back when a colleague's post ends."""
        return (desk,)

    @cached_property
    def exportable(self) -> tuple[Exportable, ...]:
        """Lists that can be taken out, each with what one must be allowed to see."""
        return (
            Exportable(ServicePointSource(), Permission.SEE_PLACES),
            Exportable(EntryPointSource(self.doors), Permission.SEE_ENTRY_POINTS),
            Exportable(AlertSource(), Permission.WATCH_ALERTS),
            Exportable(TrailSource(), Permission.SEE_TRAIL),
        )

    @cached_property
    def importers(self) -> dict[str, tuple[Permission, Importer[Any]]]:
        """What can be imported from a sheet, by kind, each with what one must be allowed to change."""
        places = (DepartmentImporter(), ServicePointImporter())
        return {importer.kind: (Permission.MANAGE_PLACES, importer) for importer in places}

    @property
    def scanner(self) -> Scanner:
        """Takes a second and 50 MB to load: commands that grade nothing do without."""
        return _load_scanner(self.settings.xinqiao_content / "risk")

    @cached_property
    def chat(self) -> Chat:
        keywords = Keywords.load(self.settings.xinqiao_content / "wechat" / "keywords.toml")
        settings = self.settings
        return Chat(
            settings.wechat_oa_app_id, settings.public_base_url, self.doors, self.lines, keywords, self.holdings
        )

    @cached_property
    def callback(self) -> Callback:
        settings = self.settings
        crypto = CallbackCrypto(
            token=settings.wechat_oa_token, aes_keys=settings.wechat_oa_aes_key, app_id=settings.wechat_oa_app_id
        )
        router = Router(self.chat, self.scanner, has_web_login=settings.has_web_login)
        # Its threads and its budget bound it: a crowd on the pages takes no place from a push.
        return Callback(database=self.database.unbounded(), crypto=crypto, router=router)

    @cached_property
    def wechat_api(self) -> WeChatApi:
        settings = self.settings
        return WeChatApi(
            app_id=settings.wechat_oa_app_id,
            secret=settings.wechat_oa_secret,
            tokens=TokenStore(self.database, settings.wechat_oa_app_id),
            base=settings.wechat_api_base,
        )

    @cached_property
    def mini_program(self) -> MiniProgram:
        settings, api = self.settings, None
        if settings.wechat_mp_app_id:
            api = WeChatApi(
                app_id=settings.wechat_mp_app_id,
                secret=settings.wechat_mp_secret,
                tokens=TokenStore(self.database, settings.wechat_mp_app_id),
                base=settings.wechat_api_base,
            )
        return MiniProgram(settings.wechat_mp_app_id, api)

    @cached_property
    def places_in_sight(self) -> PlacesInSight:
        return PlacesInSight(self.database)

    @property
    def young_lines(self) -> tuple[Hotline, ...]:
        """The same numbers, the young people's line first."""
        return tuple(sorted(self.lines, key=lambda line: line.audience != "young"))

    def startable(self) -> list[Instrument]:
        return list(self.catalogue.values())


def build_parts(settings: Settings, *, database: Database | None = None) -> Parts:
    """Load everything that may be broken now rather than at the first request. Raises ConfigurationError."""
    content = settings.xinqiao_content
    vault = Vault.from_text(settings.data_keys)
    if database is None:
        settings.xinqiao_instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(make_engine(settings.resolved_database_url()), vault, at_once=_PAGES_AT_ONCE)
    catalogue = load_instruments(content / "instruments", known=_known_versions(database))
    doors = Doors(
        [
            PageDoor(DoorCode.HOME, "/h5/"),
            AssessmentDoor(catalogue),
            PageDoor(DoorCode.CONTACT, "/h5/contact"),
            PageDoor(DoorCode.HELP, "/h5/help"),
        ]
    )
    return Parts(
        settings=settings,
        vault=vault,
        database=database,
        catalogue=catalogue,
        doors=doors,
        lines=hotlines(settings.hotline_local),
        phone_consent=load_text(content / "consents" / "phone.md"),
        consent=load_text(content / "consents" / "assessment.md"),
        consents={purpose: load_text(content / "consents" / f"{purpose}.md") for purpose in Purpose},
        notices=_load_notices(settings),
        holdings=make_holdings(),
    )


def make_holdings() -> Holdings:
    """Each domain that holds something about residents, in the order of 我的 and of the data file."""
    return Holdings((AccountHolding(), MiniProgramHolding(), KeptHolding(), ConsentHolding(), CrisisHolding()))


@cache
def _load_scanner(folder: Path) -> Scanner:
    return Scanner.load(folder)


def _known_versions(database: Database) -> dict[tuple[str, str], str]:
    """Which file stood behind each version when it was first used. A store that is away or empty knows none."""
    try:
        return database.read(known_versions)
    except (Unavailable, SQLAlchemyError):
        return {}


def _load_notices(settings: Settings) -> dict[str, Consent]:
    """The pages at the foot of every page, by name. What is not set is said to be missing, and nothing is made up."""
    facts = {
        "operator": settings.operator_name or text("foot.operator_unknown"),
        "contact": settings.complaint_contact or text("foot.contact_unknown"),
        "days": settings.unfollowed_kept_days,
    }
    return {name: load_text(settings.xinqiao_content / "notices" / f"{name}.md", facts=facts) for name in NOTICES}
