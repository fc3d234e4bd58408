"""What the API says and takes, as models. An unknown field of a request is refused: a misspelt one would be lost unseen."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool

from server.assessment.models import ResponseStatus
from server.assessment.parts import Action, Level
from server.assessment.policy import AgeBand
from server.clock import local
from server.crisis.models import CallWhen
from server.ids import PRINTED_CODE_LENGTH
from server.organisations.doors import DoorCode
from server.organisations.models import Level as PlaceLevel
from server.organisations.service import EntryPointState

# Instants leave with the district's own offset: +08:00.
Instant = Annotated[
    datetime,
    PlainSerializer(lambda at: local(at).isoformat(timespec="seconds"), return_type=str),
    Field(json_schema_extra={"type": "string", "format": "date-time"}),
]
# Of an Idempotency-Key: shorter ones are chosen by two people by chance.
SHORTEST_KEY, LONGEST_KEY = 16, 128
Code = Annotated[str, Field(max_length=PRINTED_CODE_LENGTH)]


class Out(BaseModel):
    """What is said. A field without a default is always there."""


class In(BaseModel):
    """What is taken."""

    model_config = ConfigDict(extra="forbid")


class Header(BaseModel):
    """Of all headers of a request those that are named here."""

    model_config = ConfigDict(extra="ignore")


# --- faults and numbers -------------------------------------------------------------------------------------------------


class HotlineOut(Out):
    """A number to call. `audience`: everybody, the young, or danger to life now."""

    name: str
    number: str
    hours: str
    audience: Literal["all", "young", "danger"]


class HotlinesOut(Out):
    hotlines: list[HotlineOut]


class CareOut(Out):
    """The red-flag screen. Show it before anything else, with buttons that dial."""

    message: str
    danger: str
    contact: str = Field(description="Whether somebody can call this person, and by when.")
    is_contact_left: bool
    may_continue: bool = Field(description="False where no response was found: there is nothing to go on with.")
    hotlines: list[HotlineOut]


class FieldFault(Out):
    field: str
    code: Literal["missing", "unknown", "too_long", "wrong"]
    message: str


class Fault(Out):
    code: str = Field(description="Stable; what a program decides by.")
    message: str = Field(description="A sentence to show.")
    fields: list[FieldFault] | None = None


class ErrorOut(Out):
    """Every refusal and every fault."""

    error: Fault
    hotlines: list[HotlineOut] | None = None
    care: CareOut | None = None


# --- instruments and responses ------------------------------------------------------------------------------------------


class InstrumentOut(Out):
    id: str
    version: str
    name: str
    for_whom: str
    minutes: int
    item_count: int


class InstrumentsOut(Out):
    instruments: list[InstrumentOut]


class InstrumentDetailOut(InstrumentOut):
    instruction: str
    recall: str
    credit_line: str
    age_bands: list[AgeBand]
    consent_version: str = Field(description="Send it back with the person's yes.")
    consent_html: str


class StartIn(In):
    age_band: AgeBand
    consent_version: str = Field(max_length=40, description="The version of the text that the person agreed to.")
    entry_code: Code = Field(default="", description="The code on the wall that led here.")
    carry_token: str = Field(default="", max_length=64, description="Of the short form that led to this one.")


class OptionOut(Out):
    code: int
    text: str


class ItemOut(Out):
    id: str
    text: str
    options: list[OptionOut]
    is_required: bool
    number: int | None = Field(description="Its place among those that count; null for one that does not.")
    count: int
    chosen: int | None
    previous_item_id: str | None
    next_item_id: str | None = Field(description="Where to go when one that is not required is passed over.")


class ResultOut(Out):
    level: Level | None
    is_red: bool
    score: int | None = Field(description="Null where this instrument does not show it.")
    lowest: int | None
    highest: int | None
    advice: str
    closing: str
    actions: list[Action]
    longer_instrument_id: str | None = Field(description="A fuller self-assessment that is worth taking.")
    retake_days: int
    contact: str


class StateOut(Out):
    """Where a response stands. `step` says what to show: the red-flag screen before everything."""

    instrument_id: str
    status: ResponseStatus
    step: Literal["care", "item", "end", "result"]
    revision: int = Field(description="Send it with the next answer, so that an older page never undoes a newer one.")
    missing: int
    item: ItemOut | None
    care: CareOut | None
    result: ResultOut | None


class StartedOut(Out):
    token: str = Field(description="The only key to this response. Keep it on the device; send it as X-Response-Token.")
    state: StateOut


def _whole_or_nothing(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _no_yes_or_no(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a code is a number")
    return value


class AnswerIn(BaseModel):
    """Unknown fields are passed over, a number may come as text, and a wrong revision counts as none: nothing may stand
    before a danger sign."""

    code: Annotated[int, BeforeValidator(_no_yes_or_no), Field(ge=-(2**31), lt=2**31)]
    revision: Annotated[int, BeforeValidator(_whole_or_nothing)] = 0


class AnswerOut(Out):
    is_kept: bool
    is_stale: bool = Field(description="The page was older than the answer that stands; that one was kept.")
    care: CareOut | None = Field(description="There when this answer is a danger sign, also when it was not kept.")
    state: StateOut | None


class ContactIn(In):
    phone: str = Field(max_length=40)
    call_when: CallWhen = CallWhen.ANY


class NamelessContactIn(ContactIn):
    is_minor: StrictBool = False
    entry_code: Code = ""


class ContactOut(Out):
    promised_by: Instant | None
    message: str


class ResponseToken(Header):
    x_response_token: str = Field(default="", description="The token of the response. Nothing else opens it.")


# --- places -------------------------------------------------------------------------------------------------------------


class EntryOut(Out):
    """What a code on a wall means now."""

    state: EntryPointState
    place: str | None
    opens: str | None
    door: DoorCode | None
    target: str | None
    message: str | None


class OrganisationOut(Out):
    id: str
    name: str
    level: PlaceLevel
    parent_id: str | None


class OrganisationsOut(Out):
    organisations: list[OrganisationOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for what follows; null at the end.")


class RepeatKey(Header):
    """Where a repeat is made harmless by the work itself: any key will do."""

    idempotency_key: str = Field(default="", max_length=128, description="The same one when the same is sent again.")


# --- log-in and profile -------------------------------------------------------------------------------------------------


class LoginIn(In):
    code: str = Field(min_length=1, max_length=200, description="Of `wx.login`; a new one for every try.")
    device_label: str = Field(default="", max_length=40, description="What the person calls this device.")


class RefreshIn(In):
    refresh_token: str = Field(min_length=1, max_length=100)


class TokensOut(Out):
    access_token: str
    access_seconds: int
    refresh_token: str = Field(description="Good for one use. Showing a used one signs the device out.")
    refresh_days: int
    device_id: str


class PhoneOut(Out):
    ending: str = Field(description="The last digits.")
    consent_version: str
    given_on: date


class ProfileOut(Out):
    id: str
    since: date
    device_id: str
    phone: PhoneOut | None


class DeviceOut(Out):
    id: str
    label: str
    created_on: date
    last_used_on: date
    is_this_one: bool


class DevicesOut(Out):
    devices: list[DeviceOut]


class ConsentOut(Out):
    version: str
    html: str


class PhoneIn(In):
    code: str = Field(min_length=1, max_length=200, description="Of a tap on WeChat's own button.")
    consent_version: str = Field(max_length=40, description="The version of the text that the person agreed to.")
