"""The PHQ scored by published vectors, and the rules that hold for every form of answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.assessment import scoring
from server.assessment.loader import load_instruments
from server.assessment.parts import FlagLevel, Level
from server.assessment.scoring import Admission, AnswerError, Flag, ResultStatus

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = load_instruments(ROOT / "content" / "instruments")
PHQ2, PHQ9 = CATALOGUE["phq2"], CATALOGUE["phq9"]
VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests/assessment/vectors/phq.json").read_text())["cases"]
SHARED = ROOT.parent / "shared" / "scoring-cases.json"

ITEM9 = Flag("phq9_item9", FlagLevel.URGENT)
NINE = [f"phq9_{number}" for number in range(1, 10)]
CODES = st.integers(0, 3)
FORMS = st.lists(CODES, min_size=9, max_size=9)
PARTIAL_FORMS = st.lists(st.none() | CODES, min_size=9, max_size=9).filter(lambda form: None in form)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.sampled_from([*NINE, "x"]) | st.integers(), inner),
    max_leaves=15,
)


def as_vector(result: scoring.Result) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "expected_total": result.total,
        "subscale_scores": result.subscale_scores,
        "band_id": result.band_id,
        "subscale_bands": result.subscale_bands,
        "flags": [{"id": flag.id, "level": flag.level.value} for flag in result.flags],
        "red_flag": result.red_flag,
        "error": result.error and result.error.value,
    }


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: str(case["id"]))
def test_a_vector_comes_out_as_published(case: dict[str, Any]) -> None:
    result = scoring.score(CATALOGUE[case["instrument"]], case["answers"], case["context"])

    outcome = as_vector(result)
    assert outcome == {key: case[key] for key in outcome}


def test_the_vectors_are_all_there() -> None:
    named = [case["instrument"] for case in VECTORS]

    assert (named.count("phq2"), named.count("phq9")) == (15, 19)


@pytest.mark.skipif(not SHARED.exists(), reason="the reference vectors are not beside this checkout")
def test_the_vectors_are_those_of_the_reference() -> None:
    reference = json.loads(SHARED.read_text(encoding="utf-8"))["cases"]

    assert [case for case in reference if case["instrument"] in ("phq2", "phq9")] == VECTORS


@given(FORMS)
def test_the_total_of_a_whole_form_is_its_sum(form: list[int]) -> None:
    result = scoring.score(PHQ9, form)

    assert (result.status, result.total) == (ResultStatus.COMPLETE, sum(form))


@given(FORMS, FORMS)
def test_a_higher_total_never_reaches_a_milder_band_or_level(one: list[int], other: list[int]) -> None:
    low, high = sorted([[*one[:8], 0], [*other[:8], 0]], key=sum)
    order = ["minimal", "mild", "moderate", "moderately_severe", "severe"]
    milder, worse = scoring.score(PHQ9, low), scoring.score(PHQ9, high)

    assert order.index(str(milder.band_id)) <= order.index(str(worse.band_id))
    assert milder.level is not None
    assert worse.level is not None
    assert milder.level.severity <= worse.level.severity


@given(PARTIAL_FORMS)
def test_a_partial_form_has_no_total_and_no_band(form: list[int | None]) -> None:
    result = scoring.score(PHQ9, form)

    assert (result.status, result.total, result.band_id) == (ResultStatus.INCOMPLETE, None, None)


@given(st.lists(st.none() | CODES, min_size=8, max_size=8), st.integers(1, 3))
def test_item_nine_speaks_whatever_else_is_missing(others: list[int | None], item9: int) -> None:
    result = scoring.score(PHQ9, [*others, item9])

    assert result.flags == (ITEM9,)
    assert result.red_flag
    assert result.level is Level.RED


@given(st.lists(st.none() | CODES, min_size=8, max_size=8), st.sampled_from([0, None]))
def test_nothing_else_raises_a_flag(others: list[int | None], item9: int | None) -> None:
    assert scoring.score(PHQ9, [*others, item9]).flags == ()


@given(st.lists(st.none() | CODES, min_size=9, max_size=9))
def test_answers_by_id_score_like_answers_in_order(form: list[int | None]) -> None:
    by_id = dict(zip(NINE, form, strict=True))

    assert scoring.score(PHQ9, by_id) == scoring.score(PHQ9, form)
    answered = {name: code for name, code in by_id.items() if code is not None}
    assert scoring.score(PHQ9, answered) == scoring.score(PHQ9, form)


@given(FORMS, st.none() | CODES)
def test_the_difficulty_item_changes_no_result(form: list[int], difficulty: int | None) -> None:
    by_id: dict[str, int | None] = dict(zip(NINE, form, strict=True))

    assert scoring.score(PHQ9, by_id | {"phq9_difficulty": difficulty}) == scoring.score(PHQ9, by_id)


@given(JUNK)
def test_junk_is_answered_and_never_raised(junk: Any) -> None:
    result = scoring.score(PHQ9, junk)

    if result.status is ResultStatus.INVALID:
        assert result == scoring.Result(ResultStatus.INVALID, error=result.error)
        assert result.error is not None
    else:
        given_codes = junk.values() if isinstance(junk, dict) else junk
        assert all(code is None or (type(code) is int and 0 <= code <= 3) for code in given_codes)


@given(FORMS, st.integers(0, 8), JUNK.filter(lambda value: value is not None and value not in (0, 1, 2, 3)))
def test_one_junk_answer_makes_the_whole_form_invalid(form: list[Any], place: int, junk: Any) -> None:
    form[place] = junk

    assert scoring.score(PHQ9, form).status is ResultStatus.INVALID


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (True, AnswerError.WRONG_TYPE),
        (1.0, AnswerError.WRONG_TYPE),
        ("1", AnswerError.WRONG_TYPE),
        ("na", AnswerError.WRONG_TYPE),
        ("refused", AnswerError.WRONG_TYPE),
        ([1], AnswerError.WRONG_TYPE),
        ("skip", AnswerError.UNEXPECTED_SKIP),
        (4, AnswerError.OUT_OF_RANGE),
        (-1, AnswerError.OUT_OF_RANGE),
    ],
)
def test_an_answer_that_the_item_does_not_have_is_named(answer: object, error: AnswerError) -> None:
    assert scoring.score(PHQ2, [answer, 0]).error is error
    assert scoring.score(PHQ2, {"phq2_1": answer}).error is error


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"phq9_1": 1}, AnswerError.UNKNOWN_ITEM),
        ({7: 1}, AnswerError.UNKNOWN_ITEM),
        ("00", AnswerError.WRONG_TYPE),
        (b"00", AnswerError.WRONG_TYPE),
        (None, AnswerError.WRONG_TYPE),
        ({0, 1}, AnswerError.WRONG_TYPE),
        ((), AnswerError.WRONG_LENGTH),
    ],
)
def test_answers_of_the_wrong_shape_are_named(answers: Any, error: AnswerError) -> None:
    assert scoring.score(PHQ2, answers).error is error


@pytest.mark.parametrize(
    ("form", "level"),
    [
        ([0] * 9, Level.GREEN),
        ([1, 1, 1, 1, 1, 0, 0, 0, 0], Level.YELLOW),
        ([2, 2, 2, 2, 2, 0, 0, 0, 0], Level.ORANGE),
        ([3, 3, 3, 3, 3, 0, 0, 0, 0], Level.RED),
        ([0, 0, 0, 0, 0, 0, 0, 0, 1], Level.RED),
        ([None, 0, 0, 0, 0, 0, 0, 0, 2], Level.RED),
        ([None, 3, 3, 3, 3, 3, 3, 3, 0], None),
        ([9, 0, 0, 0, 0, 0, 0, 0, 1], None),
    ],
)
def test_the_advice_follows_the_band_until_a_red_flag_stands(form: list[int | None], level: Level | None) -> None:
    assert scoring.score(PHQ9, form).level is level


def test_a_danger_sign_is_raised_at_the_moment_of_the_answer() -> None:
    assert scoring.flags_raised_by(PHQ9, "phq9_9", 1, {}) == (ITEM9,)
    assert scoring.flags_raised_by(PHQ9, "phq9_9", 2, {"phq9_9": 0, "phq9_1": None}) == (ITEM9,)


def test_an_answer_raises_only_what_it_has_to_do_with() -> None:
    assert scoring.flags_raised_by(PHQ9, "phq9_1", 3, {"phq9_9": 3}) == ()
    assert scoring.flags_raised_by(PHQ9, "phq9_9", 0, {"phq9_9": 3}) == ()


@pytest.mark.parametrize(("item_id", "code"), [("phq9_9", 4), ("phq9_9", True), ("phq9_9", "1"), ("phq9_99", 1)])
def test_an_answer_that_cannot_be_raises_nothing(item_id: str, code: Any) -> None:
    assert scoring.answer_error(PHQ9, item_id, code) is not None
    assert scoring.flags_raised_by(PHQ9, item_id, code, {}) == ()


@given(st.dictionaries(st.sampled_from(NINE), st.none() | CODES))
def test_item_nine_is_always_shown_and_difficulty_only_after_a_trouble(answers: dict[str, int | None]) -> None:
    shown = [item.id for item in scoring.visible_items(PHQ9, answers)]

    assert shown[:9] == NINE
    assert ("phq9_difficulty" in shown) == any(code for code in answers.values())


def test_the_next_item_is_the_first_one_without_an_answer() -> None:
    answers: dict[str, int | None] = dict.fromkeys(NINE[:5], 1)

    following = scoring.next_item(PHQ9, answers)

    assert following is not None
    assert following.id == "phq9_6"


def test_a_required_item_that_was_shown_and_left_is_asked_again() -> None:
    following = scoring.next_item(PHQ9, {"phq9_1": None, "phq9_2": 1})

    assert following is not None
    assert following.id == "phq9_1"


def test_an_optional_item_is_asked_once_and_may_be_passed_over() -> None:
    answers: dict[str, int | None] = dict.fromkeys(NINE, 1)
    following = scoring.next_item(PHQ9, answers)

    assert following is not None
    assert following.id == "phq9_difficulty"
    assert scoring.next_item(PHQ9, answers | {"phq9_difficulty": None}) is None
    assert scoring.is_complete(PHQ9, answers)


@given(st.dictionaries(st.sampled_from(NINE), st.none() | CODES))
def test_a_form_is_complete_when_it_can_be_scored(answers: dict[str, int | None]) -> None:
    is_scored = scoring.score(PHQ9, answers).status is ResultStatus.COMPLETE

    assert scoring.is_complete(PHQ9, answers) == is_scored


def test_a_positive_gate_leads_to_the_long_form_with_its_answers_carried() -> None:
    answers: dict[str, int | None] = {"phq2_1": 1, "phq2_2": 2}

    (step,) = scoring.next_steps(PHQ2, scoring.score(PHQ2, answers))

    assert step.offer == "phq9"
    assert scoring.carried_answers(step, answers) == {"phq9_1": 1, "phq9_2": 2}
    assert scoring.carried_answers(step, {"phq2_1": 1, "phq2_2": None}) == {"phq9_1": 1}


@pytest.mark.parametrize("answers", [[1, 1], [3, None], [3, 4]])
def test_what_is_negative_or_unfinished_leads_nowhere(answers: list[int | None]) -> None:
    assert scoring.next_steps(PHQ2, scoring.score(PHQ2, answers)) == ()


@pytest.mark.parametrize(
    ("low", "high", "admission"),
    [
        (18, 59, Admission.ADMITTED),
        (60, None, Admission.ADMITTED),
        (14, 17, Admission.TOO_YOUNG),
        (17, 20, Admission.TOO_YOUNG),
        (0, 11, Admission.TOO_YOUNG),
    ],
)
def test_the_phq9_admits_adults(low: int, high: int | None, admission: Admission) -> None:
    assert scoring.admits(PHQ9, low, high) is admission


@pytest.mark.parametrize(
    ("low", "high", "admission"),
    [
        (7, 11, Admission.NEEDS_GUARDIAN),
        (13, 13, Admission.NEEDS_GUARDIAN),
        (14, 17, Admission.ADMITTED),
        (18, 18, Admission.ADMITTED),
        (18, 25, Admission.TOO_OLD),
        (18, None, Admission.TOO_OLD),
        (6, 11, Admission.TOO_YOUNG),
    ],
)
def test_an_instrument_for_the_young_asks_for_a_guardian(low: int, high: int | None, admission: Admission) -> None:
    audience = PHQ9.audience.model_copy(update={"min_age": 7, "max_age": 18})
    young = PHQ9.model_copy(update={"audience": audience})

    assert scoring.admits(young, low, high) is admission
