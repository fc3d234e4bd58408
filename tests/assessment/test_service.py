"""Taking an instrument: who begins, what is kept, what is carried, what is closed."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.assessment import service
from server.assessment.loader import InstrumentCatalogue
from server.assessment.models import Care, InstrumentVersion, Response, ResponseStatus
from server.assessment.parts import Level as AdviceLevel
from server.assessment.policy import SPANS, AgeBand, is_minor
from server.clock import local_day
from server.ids import new_token
from tests.assessment.runs import all_alerts, kept_answers, response_of
from tests.conftest import NOW

DAY = timedelta(days=1)


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
        assert response_of(session, start(age_band=band)).age_band is band


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
    response = response_of(session, start())
    instrument = catalogue["phq9"]

    assert (response.status, response.care, response.revision) == (ResponseStatus.IN_PROGRESS, Care.NONE, 0)
    assert (response.instrument_version, response.definition_hash) == (instrument.version, instrument.definition_hash)
    assert (response.consent_version, response.started_on) == ("assessment-1", date(2026, 11, 23))
    assert (response.organisation_id, response.entry_point_id) == (root.id, None)
    [version] = session.scalars(sa.select(InstrumentVersion)).all()
    assert service.known_versions(session) == {("phq9", version.version): instrument.definition_hash}


def test_only_the_hash_of_a_token_is_kept(start, session):
    token = start()
    response = response_of(session, token)

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
        lambda session, catalogue, token: setattr(response_of(session, token), "definition_hash", "f" * 64),
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
    assert response_of(session, again).age_band is AgeBand.AGE_60_UP


# --- answers ------------------------------------------------------------------------------------------------------------


def test_an_answer_counts_the_revision_and_the_same_one_again_does_not(start, save, session):
    token = start()
    for code in (1, 1, 2):
        save(token, "phq9_1", code)

    assert kept_answers(session, token) == {"phq9_1": 2}
    assert response_of(session, token).revision == 2


@pytest.mark.parametrize(("item", "code"), [("phq9_1", 4), ("phq9_1", -1), ("phq9_10", 0), ("", 0), ("phq2_1", 0)])
def test_what_the_file_does_not_know_is_refused(start, save, session, item, code):
    token = start()
    with pytest.raises(service.BadAnswer):
        save(token, item, code)

    assert kept_answers(session, token) == {}


def test_a_hidden_question_takes_no_answer_until_something_troubles(start, save, session):
    token = start()
    with pytest.raises(service.BadAnswer):
        save(token, "phq9_difficulty", 1)
    save(token, "phq9_1", 1)
    save(token, "phq9_difficulty", 1)

    assert kept_answers(session, token)["phq9_difficulty"] == 1


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

    assert kept_answers(session, token)["phq9_1"] == 0


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
            drawn[tab], seen[tab] = response_of(session, token).revision, kept_answers(session, token)
        before = kept_answers(session, token).get(item)
        saved = save(token, item, code, drawn_at=drawn[tab])
        after = kept_answers(session, token)[item]
        if after != before and before is not None:
            assert after == code
            assert seen[tab].get(item) == before, "a page that never showed this answer replaced it"
        assert saved.is_stale == (after != code)
    rang = any(item == "phq9_9" and code >= 1 for _, item, code, _ in acts)
    mine = [alert for alert in all_alerts(session) if alert.source_public_id == response_of(session, token).public_id]

    assert len(mine) == int(rang)
    assert (response_of(session, token).care is Care.DUE) == rang


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

    assert response_of(session, token).result is None


def test_the_question_that_counts_in_nothing_holds_nobody_up(start, fill, session, catalogue):
    token = start()
    fill(token, [1] * 8 + [0])
    progress = service.look_at(session, catalogue, token=token)
    assert [item.id for item in progress.missing] == []
    assert progress.next_item.id == "phq9_difficulty"

    service.submit(session, catalogue, token=token, now=NOW)
    assert response_of(session, token).result["total"] == 8


def test_to_submit_twice_changes_nothing(start, fill, session, catalogue):
    token = start()
    fill(token, [1] * 9)
    for at in (NOW, NOW + DAY):
        service.submit(session, catalogue, token=token, now=at)

    assert response_of(session, token).finished_on == local_day(NOW)


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_what_is_shown_and_is_red_wherever_item_nine_spoke(session, catalogue, start, fill, codes):
    token = start()
    fill(token, codes)
    service.submit(session, catalogue, token=token, now=NOW)
    outcome = service.read_outcome(session, catalogue, token=token)
    kept = response_of(session, token).result

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

    assert response_of(session, token).status is ResponseStatus.COMPLETE


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

    assert kept_answers(session, long) == {"phq9_1": 3, "phq9_2": 1}
    progress = service.look_at(session, catalogue, token=long)
    assert [item.id for item in progress.missing] == [f"phq9_{number}" for number in range(3, 10)]
    assert response_of(session, long).revision == 0


@pytest.mark.parametrize("codes", [[], [3], [1, 1]])
def test_what_did_not_lead_to_the_long_form_carries_nothing(start, save, session, catalogue, codes):
    token = _short_form(start, save, session, catalogue, codes)

    assert kept_answers(session, start("phq9", carry_token=token)) == {}


def test_a_cleared_unknown_or_unfit_source_carries_nothing_and_stops_nothing(start, save, fill, session, catalogue):
    cleared = _short_form(start, save, session, catalogue, [3, 3])
    service.clear(session, token=cleared)
    long = start()
    fill(long, [3] * 9)

    for carry_token in (cleared, "unknown", long):
        assert kept_answers(session, start("phq9", carry_token=carry_token)) == {}


def test_a_carried_answer_may_be_changed(start, save, session, catalogue):
    long = start("phq9", carry_token=_short_form(start, save, session, catalogue, [3, 3]))
    save(long, "phq9_1", 0, drawn_at=0)

    assert kept_answers(session, long)["phq9_1"] == 0


# --- long ago -----------------------------------------------------------------------------------------------------------


def test_what_was_left_unfinished_is_marked_by_day_and_comes_back_to_life(start, fill, save, session):
    old, finished, recent = start(now=NOW - 31 * DAY), start(now=NOW - 31 * DAY), start(now=NOW - 30 * DAY)
    response_of(session, finished).status = ResponseStatus.COMPLETE
    session.flush()
    service.abandon_stale(session, before=local_day(NOW - 30 * DAY))
    session.expire_all()
    found = [response_of(session, token).status for token in (old, finished, recent)]
    assert found == [ResponseStatus.ABANDONED, ResponseStatus.COMPLETE, ResponseStatus.IN_PROGRESS]

    save(old, "phq9_1", 1)
    assert response_of(session, old).status is ResponseStatus.IN_PROGRESS
