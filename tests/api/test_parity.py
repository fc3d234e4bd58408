"""The same journey on the pages and over the API leaves the same behind: answers, result, alerts, numbers, counts."""

import pytest
import sqlalchemy as sa

from server.assessment.models import Answer, Response
from server.crisis.models import Alert, ContactRequest
from tests.api.conftest import Phone
from tests.blueprints.visitor import Visitor
from tests.canaries import PHONE

SAFE = "我现在是安全的，继续"


class OnPages:
    def __init__(self, app) -> None:
        self.visitor = Visitor(app)

    def begin(self, instrument_id, age, code):
        self.instrument_id = instrument_id
        self.visitor.begin(instrument_id, age=age, code=code)

    def answer(self, number, code):
        self.visitor.open(f"/h5/test/{self.instrument_id}/item/{self.instrument_id}_{number}")
        self.visitor.answer(code)

    def pass_care(self):
        self.visitor.press(SAFE)

    def contact(self):
        page = self.visitor.page
        self.visitor.press("请老师联系我", page, phone=PHONE)

    def submit(self):
        self.visitor.open(f"/h5/test/{self.instrument_id}/end")
        if any(form.button("看结果") for form in self.visitor.page.forms):
            self.visitor.press("看结果")

    def clear(self):
        self.visitor.press("结束并清除")


class OverTheApi:
    def __init__(self, app) -> None:
        self.phone = Phone(app)

    def begin(self, instrument_id, age, code):
        self.at = f"/instruments/{instrument_id}"
        if code:
            self.phone.post(f"/entry-points/{code}/scans")
        self.instrument_id, self.revision = instrument_id, 0
        self.phone.begin(instrument_id, age=age, entry_code=code)

    def answer(self, number, code):
        item_id = f"{self.instrument_id}_{number}"
        kept = self.phone.answer(item_id, code, revision=self.revision, instrument_id=self.instrument_id)
        self.revision = kept.json["state"]["revision"]

    def pass_care(self):
        self.phone.post(f"{self.at}/response/care")

    def contact(self):
        self.phone.post(f"{self.at}/response/contact", {"phone": PHONE})

    def submit(self):
        self.phone.post(f"{self.at}/response/submission")

    def clear(self):
        self.phone.call("DELETE", f"{self.at}/response")


def answers(*codes):
    return [("answer", number, code) for number, code in enumerate(codes, start=1)]


JOURNEYS = {
    "all well": ("phq9", "age_18_59", [*answers(*[0] * 9), ("submit",)]),
    "mild": ("phq9", "age_60_up", [*answers(*[1] * 6, 0, 0, 0), ("submit",)]),
    "severe without a danger sign": ("phq9", "age_18_59", [*answers(*[3] * 8, 0), ("submit",)]),
    "a danger sign": ("phq9", "age_18_59", [*answers(*[2] * 8, 1), ("pass_care",), ("submit",)]),
    "a danger sign and a number": ("phq9", "age_18_59", [*answers(*[3] * 9), ("contact",)]),
    "a danger sign that was not passed": ("phq9", "age_18_59", answers(*[0] * 8, 2)),
    "half way": ("phq9", "age_18_59", [*answers(1, 2, 3), ("submit",)]),
    "changed": ("phq9", "age_18_59", [*answers(1, 2), ("answer", 1, 0), *answers(*[0] * 9)[2:], ("submit",)]),
    "finished and cleared": ("phq9", "age_18_59", [*answers(*[1] * 8, 0), ("submit",), ("clear",)]),
    "the short form": ("phq2", "age_18_59", [*answers(3, 3), ("submit",)]),
    "too young": ("phq9", "age_14_17", []),
    "a child": ("phq2", "under_12", []),
}


def walk(door, journey, code):
    instrument_id, age, steps = journey
    door.begin(instrument_id, age, code)
    for name, *arguments in steps:
        getattr(door, name)(*arguments)


def what_is_left(world, code):
    """Everything but ids, which are drawn anew."""

    def rows(model, *names):
        return sorted(repr([getattr(row, name) for name in names]) for row in world.all(model))

    return {
        "responses": rows(
            Response, "instrument_id", "instrument_version", "definition_hash", "status", "care", "is_cleared",
            "is_contact_left", "consent_version", "age_band", "mode", "organisation_id", "started_on", "finished_on",
            "result",
        ),
        "answers": sorted(world.answers().items()),
        "alerts": rows(Alert, "rule", "grade", "urgency", "is_minor", "is_reachable", "organisation_id", "source_kind"),
        "numbers": rows(ContactRequest, "call_when", "promised_by"),
        "uses": world.uses(code),
    }  # fmt: skip


@pytest.mark.parametrize("name", JOURNEYS)
def test_both_doors_leave_the_same_behind(app, world, name):
    left = []
    for door in (OnPages(app), OverTheApi(app)):
        code = world.print_code(world.communities[0], target=JOURNEYS[name][0])
        if isinstance(door, OnPages):
            app.test_client().get(f"/q/{code}")
        walk(door, JOURNEYS[name], code)
        left.append(what_is_left(world, code))
        _forget(world)
    pages, api = left

    assert api == pages


def _forget(world):
    def work(session):
        for model in (ContactRequest, Alert, Answer, Response):
            session.execute(sa.delete(model))

    world.parts.database.write(work)
