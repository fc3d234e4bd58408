"""Taking an instrument: what begins, what is kept, what rings, what is closed."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.assessment import service
from server.assessment.loader import InstrumentCatalogue, load_instruments
from server.assessment.models import Answer, Care, InstrumentVersion, Response, ResponseStatus
from server.assessment.parts import Level as AdviceLevel
from server.assessment.policy import SPANS, AgeBand, is_minor
from server.clock import local_day
from server.config import ROOT
from server.crisis.models import Alert, CallWhen, ContactRequest
from server.ids import new_token
from server.organisations import service as organisations
from server.organisations.models import Level
from server.vault import token_hash
from tests.canaries import PHONE
from tests.conftest import NOW

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def catalogue() -> InstrumentCatalogue:
    return load_instruments(ROOT / "content" / "instruments")


@pytest.fixture
def root(session):
    return organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)


@pytest.fixture
def start(session, catalogue, root):
    def begin(instrument_id="phq9", *, age_band=AgeBand.AGE_18_59, **changes) -> str:
        given = {"consent_version": "assessment-1", "entry_code": "", "now": NOW} | changes
        return service.start(session, catalogue, instrument_id=instrument_id, age_band=age_band, **given)

    return begin


@pytest.fixture
def save(session, catalogue):
    def answer(token, item_id, code, *, drawn_at=10**6, now=NOW):
        return service.save_answer(
            session, catalogue, token=token, item_id=item_id, code=code, drawn_at=drawn_at, now=now
        )

    return answer


@pytest.fixture
def fill(save):
    def fill(token, codes, prefix="phq9"):
        for number, code in enumerate(codes, start=1):
            save(token, f"{prefix}_{number}", code)

    return fill


def _response(session, token) -> Response:
    return session.scalars(sa.select(Response).where(Response.token_hash == token_hash(token))).one()


def _kept(session, token) -> dict[str, int]:
    rows = session.scalars(sa.select(Answer).where(Answer.response_id == _response(session, token).public_id))
    return {row.item_id: row.code for row in rows}


def _alerts(session) -> list[Alert]:
    return session.scalars(sa.select(Alert)).all()


# --- who may begin ------------------------------------------------------------------------------------------------------


def test_the_bands_follow_one_another_without_gap_or_overlap():
    spans = sorted(SPANS.values(), key=lambda span: span.low)

    assert [span.low for span in spans[1:]] == [span.high + 1 for span in spans[:-1]]
    assert (spans[0].low, spans[-1].high) == (0, None)
    assert {band for band in AgeBand if is_minor(band)} == {AgeBand.UNDER_12, AgeBand.AGE_12_13, AgeBand.AGE_14_17}


@pytest.mark.parametrize("band", AgeBand)
def test_the_files_own_gate_decides_who_begins(start, session, band):
    if is_minor(band):
        with pytest.raises(service.TooYoung) as refusal:
            start(age_band=band)
        assert refusal.value.facts == {"age": 18}
        assert session.scalars(sa.select(Response)).all() == []
    else:
        assert _response(session, start(age_band=band)).age_band is band


def test_where_the_file_wants_a_guardian_a_child_under_fourteen_needs_one_and_an_older_one_does_not(
    session, catalogue, root
):
    audience = catalogue["phq9"].audience.model_copy(update={"min_age": 12})
    young = InstrumentCatalogue([catalogue["phq9"].model_copy(update={"audience": audience})])

    def begin(band):
        return service.start(
            session, young, instrument_id="phq9", age_band=band, consent_version="1", entry_code="", now=NOW
        )

    with pytest.raises(service.GuardianNeeded) as refusal:
        begin(AgeBand.AGE_12_13)
    assert refusal.value.facts == {"age": 14}
    assert begin(AgeBand.AGE_14_17)


def test_an_unknown_instrument_does_not_begin(start):
    with pytest.raises(service.UnknownInstrument):
        start("mmpi")


def test_a_response_begins_empty_and_remembers_by_what_it_is_asked(start, session, catalogue, root):
    response = _response(session, start())
    instrument = catalogue["phq9"]

    assert (response.status, response.care, response.revision) == (ResponseStatus.IN_PROGRESS, Care.NONE, 0)
    assert (response.instrument_version, response.definition_hash) == (instrument.version, instrument.definition_hash)
    assert (response.consent_version, response.started_on) == ("assessment-1", date(2026, 11, 23))
    assert (response.organisation_id, response.entry_point_id) == (root.id, None)
    [version] = session.scalars(sa.select(InstrumentVersion)).all()
    assert service.known_versions(session) == {("phq9", version.version): instrument.definition_hash}


def test_only_the_hash_of_a_token_is_kept(start, session):
    token = start()
    response = _response(session, token)

    assert token not in str(vars(response))
    assert len(token) >= 43


def test_the_same_token_begins_one_response_as_long_as_nothing_was_answered(start, save, session):
    token = new_token()
    assert start(token=token) == start(token=token) == token
    save(token, "phq9_1", 0)

    assert start(token=token) != token
    assert len(session.scalars(sa.select(Response)).all()) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda session, catalogue, token: service.clear(session, token=token),
        lambda session, catalogue, token: setattr(_response(session, token), "definition_hash", "f" * 64),
    ],
)
def test_a_token_that_was_closed_or_began_by_another_text_begins_anew(start, session, catalogue, change):
    token = start(token=new_token())
    change(session, catalogue, token)
    session.flush()

    assert start(token=token) != token


def test_who_went_back_and_chose_another_age_begins_anew(start, session):
    token = start(token=new_token())
    again = start(token=token, age_band=AgeBand.AGE_60_UP)

    assert again != token
    assert _response(session, again).age_band is AgeBand.AGE_60_UP


# --- answers ------------------------------------------------------------------------------------------------------------


def test_an_answer_counts_the_revision_and_the_same_one_again_does_not(start, save, session):
    token = start()
    for code in (1, 1, 2):
        save(token, "phq9_1", code)

    assert _kept(session, token) == {"phq9_1": 2}
    assert _response(session, token).revision == 2


@pytest.mark.parametrize(("item", "code"), [("phq9_1", 4), ("phq9_1", -1), ("phq9_10", 0), ("", 0), ("phq2_1", 0)])
def test_what_the_file_does_not_know_is_refused(start, save, session, item, code):
    token = start()
    with pytest.raises(service.BadAnswer):
        save(token, item, code)

    assert _kept(session, token) == {}


def test_a_hidden_question_takes_no_answer_until_something_troubles(start, save, session):
    token = start()
    with pytest.raises(service.BadAnswer):
        save(token, "phq9_difficulty", 1)
    save(token, "phq9_1", 1)
    save(token, "phq9_difficulty", 1)

    assert _kept(session, token)["phq9_difficulty"] == 1


@pytest.mark.parametrize("token", ["", "x", "不认识", "\udcff"])
def test_a_token_that_opens_nothing_is_gone(session, catalogue, root, save, token):
    with pytest.raises(service.Gone):
        save(token, "phq9_1", 0)
    with pytest.raises(service.Gone):
        service.look_at(session, catalogue, token=token)
    with pytest.raises(service.Gone):
        service.raise_flags(session, catalogue, token=token, item_id="phq9_9", code=3, now=NOW)


def test_nothing_is_changed_after_the_end(start, fill, save, session, catalogue):
    token = start()
    fill(token, [0] * 9)
    service.submit(session, catalogue, token=token, now=NOW)
    with pytest.raises(service.Finished):
        save(token, "phq9_1", 3)

    assert _kept(session, token)["phq9_1"] == 0


ACTS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["phq9_1", "phq9_2", "phq9_9"]), st.integers(0, 3), st.booleans()),
    max_size=14,
)


@given(ACTS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_number_of_tabs_only_who_saw_an_answer_replaces_it_and_item_nine_always_arrives(
    session, catalogue, start, save, acts
):
    """Each act: a tab, an item, a code, and whether the tab was drawn anew just before."""
    token = start()
    drawn = {0: 0, 1: 0, 2: 0}
    seen = {tab: {} for tab in drawn}  # what each tab last showed
    for tab, item, code, is_reloaded in acts:
        if is_reloaded:
            drawn[tab], seen[tab] = _response(session, token).revision, _kept(session, token)
        before = _kept(session, token).get(item)
        saved = save(token, item, code, drawn_at=drawn[tab])
        after = _kept(session, token)[item]
        if after != before and before is not None:
            assert after == code
            assert seen[tab].get(item) == before, "a page that never showed this answer replaced it"
        assert saved.is_stale == (after != code)
    rang = any(item == "phq9_9" and code >= 1 for _, item, code, _ in acts)
    mine = [alert for alert in _alerts(session) if alert.source_public_id == _response(session, token).public_id]

    assert len(mine) == int(rang)
    assert (_response(session, token).care is Care.DUE) == rang


# --- flags --------------------------------------------------------------------------------------------------------------


def test_a_flag_rings_its_own_organisation_and_carries_the_version_of_the_rule(start, save, session):
    street = organisations.add_organisation(
        session, code="S1", name="S1", level=Level.STREET, parent=organisations.root_of(session)
    )
    token = start()
    _response(session, token).organisation_id = street.id
    save(token, "phq9_9", 1)
    [alert] = _alerts(session)

    assert (alert.organisation_id, alert.rule, alert.rule_version) == (street.id, "phq9_item9", "phq9-1.0.0")
    assert (alert.grade, alert.is_minor, alert.resident_id) == ("serious", False, None)


@pytest.mark.parametrize("how", ["finished", "cleared"])
def test_a_sign_that_cannot_be_kept_still_rings(start, fill, session, catalogue, how):
    token = start()
    if how == "finished":
        fill(token, [0] * 9)
        service.submit(session, catalogue, token=token, now=NOW)
    else:
        service.clear(session, token=token)
    raised = service.raise_flags(session, catalogue, token=token, item_id="phq9_9", code=2, now=NOW)

    assert raised is _response(session, token)
    assert raised.care is Care.DUE
    assert len(_alerts(session)) == 1


def test_what_is_no_sign_rings_nothing_there_either(start, session, catalogue):
    token = start()

    for item, code in (("phq9_9", 0), ("phq9_1", 3), ("phq9_9", 9), ("nothing", 1)):
        assert service.raise_flags(session, catalogue, token=token, item_id=item, code=code, now=NOW) is None
    assert _alerts(session) == []


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

    assert len(_alerts(session)) == 1


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

    assert _response(session, token).care is Care.PASSED
    [alert] = _alerts(session)
    assert alert.acknowledged_at is None


def test_to_pass_a_screen_that_was_never_due_changes_nothing(start, session, catalogue):
    token = start()
    service.pass_care(session, catalogue, token=token)

    assert _response(session, token).care is Care.NONE


# --- contact ------------------------------------------------------------------------------------------------------------


def test_after_a_number_was_left_a_sign_rings_at_once(start, save, session):
    token = start()
    service.leave_contact(session, token=token, phone=PHONE, call_when=CallWhen.ANY, now=NOW)
    save(token, "phq9_9", 1)

    assert {alert.rule: alert.rings_since for alert in _alerts(session)} == {
        "asked_to_be_called": NOW,
        "phq9_item9": NOW,
    }


def test_number_and_response_stand_together_only_from_then_on(start, session):
    token, other = start(), start()
    service.leave_contact(session, token=token, phone=PHONE, call_when=CallWhen.ANY, now=NOW)

    assert (_response(session, token).is_contact_left, _response(session, other).is_contact_left) == (True, False)
    [alert] = _alerts(session)
    assert alert.source_public_id == _response(session, token).public_id
    assert len(session.scalars(sa.select(ContactRequest)).all()) == 1


def test_a_number_for_no_response_is_the_edges_to_place(session, root):
    with pytest.raises(service.Gone):
        service.leave_contact(session, token="x", phone=PHONE, call_when=CallWhen.ANY, now=NOW)
    assert service.find_place(session, token="x") is None


# --- the end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", range(1, 10))
def test_a_gap_is_never_scored(start, save, session, catalogue, missing):
    token = start()
    for number in range(1, 10):
        if number != missing:
            save(token, f"phq9_{number}", 0)
    with pytest.raises(service.Unfinished):
        service.submit(session, catalogue, token=token, now=NOW)
    with pytest.raises(service.Unfinished):
        service.read_outcome(session, catalogue, token=token)

    assert _response(session, token).result is None


def test_the_question_that_counts_in_nothing_holds_nobody_up(start, fill, session, catalogue):
    token = start()
    fill(token, [1] * 8 + [0])
    progress = service.look_at(session, catalogue, token=token)
    assert [item.id for item in progress.missing] == []
    assert progress.next_item.id == "phq9_difficulty"

    service.submit(session, catalogue, token=token, now=NOW)
    assert _response(session, token).result["total"] == 8


def test_to_submit_twice_changes_nothing(start, fill, session, catalogue):
    token = start()
    fill(token, [1] * 9)
    for at in (NOW, NOW + DAY):
        service.submit(session, catalogue, token=token, now=at)

    assert _response(session, token).finished_on == local_day(NOW)


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_what_is_shown_and_is_red_wherever_item_nine_spoke(session, catalogue, start, fill, codes):
    token = start()
    fill(token, codes)
    service.submit(session, catalogue, token=token, now=NOW)
    outcome = service.read_outcome(session, catalogue, token=token)
    kept = _response(session, token).result

    assert outcome.total == kept["total"] == sum(codes)
    assert outcome.level == kept["level"]
    assert outcome.is_red == (codes[8] > 0)
    if codes[8]:
        assert outcome.level is AdviceLevel.RED


def test_an_answer_taken_back_stays_red_for_the_person_and_the_score_stays_right(start, fill, save, session, catalogue):
    token = start()
    fill(token, [0] * 8 + [2])
    service.pass_care(session, catalogue, token=token)
    save(token, "phq9_9", 0)
    service.submit(session, catalogue, token=token, now=NOW)
    outcome = service.read_outcome(session, catalogue, token=token)

    assert (outcome.is_red, outcome.level, outcome.total) == (True, AdviceLevel.RED, 0)


def test_a_cleared_response_opens_nothing_and_stays_counted(start, fill, save, session, catalogue):
    token = start()
    fill(token, [0] * 9)
    service.submit(session, catalogue, token=token, now=NOW)
    service.clear(session, token=token)
    for use_case in (
        lambda: service.look_at(session, catalogue, token=token),
        lambda: service.read_outcome(session, catalogue, token=token),
        lambda: service.submit(session, catalogue, token=token, now=NOW),
        lambda: service.pass_care(session, catalogue, token=token),
        lambda: save(token, "phq9_1", 1),
    ):
        with pytest.raises(service.Gone):
            use_case()

    assert _response(session, token).status is ResponseStatus.COMPLETE


# --- carrying -----------------------------------------------------------------------------------------------------------


def _short_form(start, save, session, catalogue, codes):
    token = start("phq2")
    for number, code in enumerate(codes, start=1):
        save(token, f"phq2_{number}", code)
    if len(codes) == 2:
        service.submit(session, catalogue, token=token, now=NOW)
    return token


def test_what_the_short_form_asked_is_carried_to_the_right_questions(start, save, session, catalogue):
    token = _short_form(start, save, session, catalogue, [3, 1])
    long = start("phq9", carry_token=token)

    assert _kept(session, long) == {"phq9_1": 3, "phq9_2": 1}
    progress = service.look_at(session, catalogue, token=long)
    assert [item.id for item in progress.missing] == [f"phq9_{number}" for number in range(3, 10)]
    assert _response(session, long).revision == 0


@pytest.mark.parametrize("codes", [[], [3], [1, 1]])
def test_what_did_not_lead_to_the_long_form_carries_nothing(start, save, session, catalogue, codes):
    token = _short_form(start, save, session, catalogue, codes)

    assert _kept(session, start("phq9", carry_token=token)) == {}


def test_a_cleared_unknown_or_unfit_source_carries_nothing_and_stops_nothing(start, save, fill, session, catalogue):
    cleared = _short_form(start, save, session, catalogue, [3, 3])
    service.clear(session, token=cleared)
    long = start()
    fill(long, [3] * 9)

    for carry_token in (cleared, "unknown", long):
        assert _kept(session, start("phq9", carry_token=carry_token)) == {}


def test_a_carried_answer_may_be_changed(start, save, session, catalogue):
    long = start("phq9", carry_token=_short_form(start, save, session, catalogue, [3, 3]))
    save(long, "phq9_1", 0, drawn_at=0)

    assert _kept(session, long)["phq9_1"] == 0


# --- long ago -----------------------------------------------------------------------------------------------------------


def test_what_was_left_unfinished_is_marked_by_day_and_comes_back_to_life(start, fill, save, session):
    old, finished, recent = start(now=NOW - 31 * DAY), start(now=NOW - 31 * DAY), start(now=NOW - 30 * DAY)
    _response(session, finished).status = ResponseStatus.COMPLETE
    session.flush()
    service.abandon_stale(session, before=local_day(NOW - 30 * DAY))
    session.expire_all()
    found = [_response(session, token).status for token in (old, finished, recent)]
    assert found == [ResponseStatus.ABANDONED, ResponseStatus.COMPLETE, ResponseStatus.IN_PROGRESS]

    save(old, "phq9_1", 1)
    assert _response(session, old).status is ResponseStatus.IN_PROGRESS
