"""Danger signs and numbers: what rings, whatever became of the response."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.assessment import service
from server.assessment.loader import InstrumentCatalogue
from server.assessment.models import Care
from server.assessment.policy import AgeBand
from server.crisis.models import CallWhen, ContactRequest
from server.organisations import service as organisations
from server.organisations.models import Level
from tests.assessment.runs import all_alerts, response_of
from tests.canaries import PHONE
from tests.conftest import NOW

DAY = timedelta(days=1)


# --- flags --------------------------------------------------------------------------------------------------------------


def test_a_flag_rings_its_own_organisation_and_carries_the_version_of_the_rule(start, save, session):
    street = organisations.add_organisation(
        session, code="S1", name="S1", level=Level.STREET, parent=organisations.root_of(session)
    )
    token = start()
    response_of(session, token).organisation_id = street.id
    save(token, "phq9_9", 1)
    [alert] = all_alerts(session)

    assert (alert.organisation_id, alert.rule, alert.rule_version) == (street.id, "phq9_item9", "phq9-1.0.0")
    assert (alert.grade, alert.is_minor, alert.resident_id) == ("serious", False, None)


def test_a_sign_of_somebody_under_age_says_so(session, catalogue, root):
    audience = catalogue["phq9"].audience.model_copy(update={"min_age": 12})
    for_the_young = InstrumentCatalogue([catalogue["phq9"].model_copy(update={"audience": audience})])
    token = service.start(
        session,
        for_the_young,
        instrument_id="phq9",
        age_band=AgeBand.AGE_14_17,
        consent_version="1",
        entry_code="",
        now=NOW,
    )
    service.save_answer(session, for_the_young, token=token, item_id="phq9_9", code=1, drawn_at=0, now=NOW)

    assert [alert.is_minor for alert in all_alerts(session)] == [True]


@pytest.mark.parametrize("how", ["finished", "cleared"])
def test_a_sign_that_cannot_be_kept_still_rings(start, fill, session, catalogue, how):
    token = start()
    if how == "finished":
        fill(token, [0] * 9)
        service.submit(session, catalogue, token=token, now=NOW)
    else:
        service.clear(session, token=token)
    raised = service.raise_flags(session, catalogue, token=token, item_id="phq9_9", code=2, now=NOW)

    assert raised is response_of(session, token)
    assert raised.care is Care.DUE
    assert len(all_alerts(session)) == 1


def test_what_is_no_sign_rings_nothing_there_either(start, session, catalogue):
    token = start()

    for item, code in (("phq9_9", 0), ("phq9_1", 3), ("phq9_9", 9), ("nothing", 1)):
        assert service.raise_flags(session, catalogue, token=token, item_id=item, code=code, now=NOW) is None
    assert all_alerts(session) == []


def _catalogue_without_this_version(catalogue):
    newer = catalogue["phq9"].model_copy(update={"version": "2.0.0", "definition_hash": "f" * 64})
    return InstrumentCatalogue([newer])


def test_a_definition_that_is_gone_refuses_and_still_rings_by_the_newest(start, session, catalogue):
    token, later = start(), _catalogue_without_this_version(catalogue)
    with pytest.raises(service.Superseded):
        service.save_answer(session, later, token=token, item_id="phq9_9", code=1, drawn_at=0, now=NOW)
    with pytest.raises(service.Superseded):
        service.look_at(session, later, token=token)
    service.raise_flags(session, later, token=token, item_id="phq9_9", code=1, now=NOW)

    assert len(all_alerts(session)) == 1


def test_the_newest_version_that_is_no_draft_stands_for_an_instrument_also_when_it_was_withdrawn(catalogue):
    phq9 = catalogue["phq9"]
    versions = [
        phq9,
        phq9.model_copy(update={"version": "1.10.0", "status": "retired"}),
        phq9.model_copy(update={"version": "1.9.0"}),
        phq9.model_copy(update={"version": "2.0.0", "status": "draft"}),
    ]
    later = InstrumentCatalogue(versions)

    assert service.find_instrument(later, "phq9").version == "1.10.0"
    assert service.find_instrument(later, "mmpi") is None
    assert service.is_danger_sign(later, instrument_id="phq9", item_id="phq9_9", code=1)
    assert not service.is_danger_sign(later, instrument_id="mmpi", item_id="phq9_9", code=1)


@pytest.mark.parametrize(("item", "code", "is_sign"), [("phq9_9", 0, False), ("phq9_9", 1, True), ("phq9_9", 3, True),
                                                       ("phq9_9", 4, False), ("phq9_8", 3, False), ("", 1, False)])  # fmt: skip
def test_a_danger_sign_is_known_without_any_response(catalogue, item, code, is_sign):
    assert service.is_danger_sign(catalogue, instrument_id="phq9", item_id=item, code=code) is is_sign


def test_to_go_on_safely_passes_the_screen_and_leaves_the_alert(start, save, session, catalogue):
    token = start()
    save(token, "phq9_9", 1)
    service.pass_care(session, catalogue, token=token)

    assert response_of(session, token).care is Care.PASSED
    [alert] = all_alerts(session)
    assert alert.acknowledged_at is None


def test_to_pass_a_screen_that_was_never_due_changes_nothing(start, session, catalogue):
    token = start()
    service.pass_care(session, catalogue, token=token)

    assert response_of(session, token).care is Care.NONE


# --- contact ------------------------------------------------------------------------------------------------------------


def test_after_a_number_was_left_a_sign_rings_at_once(start, save, session):
    token = start()
    service.leave_contact(session, token=token, phone=PHONE, call_when=CallWhen.ANY, now=NOW)
    save(token, "phq9_9", 1)

    assert {alert.rule: alert.rings_since for alert in all_alerts(session)} == {
        "asked_to_be_called": NOW,
        "phq9_item9": NOW,
    }


def test_number_and_response_stand_together_only_from_then_on(start, session):
    token, other = start(), start()
    service.leave_contact(session, token=token, phone=PHONE, call_when=CallWhen.ANY, now=NOW)

    assert (response_of(session, token).is_contact_left, response_of(session, other).is_contact_left) == (True, False)
    [alert] = all_alerts(session)
    assert alert.source_public_id == response_of(session, token).public_id
    assert len(session.scalars(sa.select(ContactRequest)).all()) == 1


def test_a_number_for_no_response_is_the_edges_to_place(session, root):
    with pytest.raises(service.Gone):
        service.leave_contact(session, token="x", phone=PHONE, call_when=CallWhen.ANY, now=NOW)
    assert service.find_place(session, token="x") is None
