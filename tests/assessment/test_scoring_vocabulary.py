"""The definition format beyond the PHQ: reversal, factors, subscales and flags, scored for instruments not shipped yet.

Each is built here from its published key alone, without texts, and must give what the reference vectors say.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.assessment import scoring
from server.assessment.checks import complaints_about
from server.assessment.definition import Instrument
from server.assessment.parts import Level

SHARED = Path(__file__).resolve().parents[3] / "shared" / "scoring-cases.json"
LEVELS = ("green", "yellow", "orange", "red", "red")
DASS = {
    "depression": [3, 5, 10, 13, 16, 17, 21],
    "anxiety": [2, 4, 7, 9, 15, 19, 20],
    "stress": [1, 6, 8, 11, 12, 14, 18],
}
FIVE = ("normal", "mild", "moderate", "severe", "extremely_severe")


def built(
    name: str,
    items: int,
    codes: range,
    scores: list[dict[str, Any]],
    *flags: dict[str, Any],
    unscored: tuple[dict[str, Any], ...] = (),
) -> Instrument:
    """An instrument of a number of like items, which passes every check that a file must."""
    instrument = unchecked(name, items, codes, scores, *flags, unscored=unscored)
    assert list(complaints_about(instrument, commercial=False)) == []
    return instrument


def unchecked(
    name: str,
    items: int,
    codes: range,
    scores: list[dict[str, Any]],
    *flags: dict[str, Any],
    unscored: tuple[dict[str, Any], ...] = (),
) -> Instrument:
    extra = [{"options": "like", "zh": "多问一句", "scored": False, **item} for item in unscored]
    words = {"zh": "文字"}
    licence = {"status": "free", "text": "t", "credit_line": "c", "evidence": "e", "allows_translation": True}
    return Instrument.model_validate(
        {
            "schema": 1,
            "id": name,
            "version": "1.0.0",
            "status": "active",
            "name": {"zh": "名", "short": "名", "en": name},
            "kind": words,
            "for_whom": words,
            "duration_min": 1,
            "licence": licence,
            "translation": {"source": "own", "note": "n", "reviewed_by": None, "reviewed_on": None},
            "sources": [{"cite": "c", "for": ["bands"]}],
            "audience": {"min_age": 7, "max_age": None, "needs_guardian_consent_below": 14, "modes": ["self"]},
            "recall": {"zh": "一周", "days": 7},
            "retake": {"min_days": 7, "remind_days": 7},
            "instruction": words,
            "display": {"one_per_page": True, "allow_back": True, "randomise": False, "show_score": "none"},
            "option_sets": {"like": [{"code": code, "zh": str(code)} for code in codes]},
            "items": [{"id": f"i{n}", "options": "like", "zh": str(n)} for n in range(1, items + 1)] + extra,
            "scoring": {"scores": scores},
            "red_flags": list(flags),
            "quality": {"min_ms_per_item": 800},
            "results": {level.value: {"zh": "文字", "actions": ["hotline"]} for level in Level},
            "closing": {"zh": "不是诊断"},
        }
    )


def counted(
    name: str,
    numbers: list[int] | range,
    span: tuple[int, int],
    bands: dict[str, int],
    *,
    reverse: tuple[int, ...] = (),
    factor: int = 1,
    better: bool = False,
) -> dict[str, Any]:
    """A score over item numbers; `bands` gives the highest value of each band, from the lowest band up."""
    levels = LEVELS[: len(bands)]
    lowest = [span[0], *(highest + 1 for highest in bands.values())]
    return {
        "id": name,
        "method": "sum",
        "items": [f"i{number}" for number in numbers],
        "reverse": [f"i{number}" for number in reverse],
        "transform": [{"multiply": factor}] if factor > 1 else [],
        "range": list(span),
        "direction": "higher_is_better" if better else "higher_is_worse",
        "missing": "complete",
        "bands": [
            {"id": band, "from": start, "to": end, "level": level, "label": {"zh": "名"}}
            for (band, end), start, level in zip(
                bands.items(), lowest, reversed(levels) if better else levels, strict=False
            )
        ],
    }


def flagged(name: str, level: str, when: dict[str, Any]) -> dict[str, Any]:
    screen = {} if level == "caution" else {"screen": "crisis"}
    return {"id": name, "level": level, "when": when, "evaluate": "on_answer", "then": screen}


def upto(*ends: int) -> dict[str, int]:
    return dict(zip(FIVE, ends, strict=True))


INSTRUMENTS = (
    built("gad2", 2, range(4), [counted("total", [1, 2], (0, 6), {"negative": 2, "positive": 6})]),
    built(
        "gad7",
        7,
        range(4),
        [counted("total", range(1, 8), (0, 21), {"minimal": 4, "mild": 9, "moderate": 14, "severe": 21})],
    ),
    built("k6", 6, range(5), [counted("total", range(1, 7), (0, 24), {"low": 4, "moderate": 12, "serious": 24})]),
    built(
        "k10",
        10,
        range(1, 6),
        [counted("total", range(1, 11), (10, 50), {"low": 15, "moderate": 21, "high": 29, "very_high": 50})],
    ),
    built(
        "dass21",
        21,
        range(4),
        [
            counted("depression", DASS["depression"], (0, 42), upto(9, 13, 20, 27, 42), factor=2),
            counted("anxiety", DASS["anxiety"], (0, 42), upto(7, 9, 14, 19, 42), factor=2),
            counted("stress", DASS["stress"], (0, 42), upto(14, 18, 25, 33, 42), factor=2),
        ],
        flagged("dass21_item21", "caution", {"item": "i21", "ge": 2}),
    ),
    built(
        "dassy",
        21,
        range(4),
        [
            counted("depression", DASS["depression"], (0, 21), upto(6, 8, 13, 16, 21)),
            counted("anxiety", DASS["anxiety"], (0, 21), upto(5, 7, 12, 15, 21)),
            counted("stress", DASS["stress"], (0, 21), upto(11, 13, 16, 18, 21)),
            counted("total", range(1, 22), (0, 63), upto(23, 29, 39, 46, 63)),
        ],
        flagged("dassy_life_distress", "caution", {"any": [{"item": "i5", "ge": 2}, {"item": "i21", "ge": 2}]}),
    ),
    built(
        "sci8",
        8,
        range(5),
        [
            counted("total", range(1, 9), (0, 32), {"insomnia_likely": 16, "borderline": 21, "good": 32}, better=True),
            counted("sci02", [3, 7], (0, 8), {}, better=True),
        ],
    ),
    built(
        "gds15",
        15,
        range(2),
        [
            counted(
                "total",
                range(1, 16),
                (0, 15),
                {"normal": 4, "mild": 8, "moderate": 11, "severe": 15},
                reverse=(1, 5, 7, 11, 13),
            )
        ],
        flagged("gds15_hopeless", "caution", {"item": "i14", "eq": 1}),
    ),
    built(
        "srq20",
        20,
        range(2),
        [counted("total", range(1, 21), (0, 20), {"negative": 6, "positive": 20})],
        flagged("srq20_item17", "urgent", {"item": "i17", "eq": 1}),
    ),
    built(
        "cesd",
        20,
        range(4),
        [counted("total", range(1, 21), (0, 60), {"low": 15, "possible": 19, "probable": 60}, reverse=(4, 8, 12, 16))],
    ),
    built(
        "rses", 10, range(1, 5), [counted("total", range(1, 11), (10, 40), {}, reverse=(3, 5, 8, 9, 10), better=True)]
    ),
)
BY_ID = {instrument.id: instrument for instrument in INSTRUMENTS}


def _vectors() -> list[Any]:
    if not SHARED.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="the reference vectors are not beside this checkout"))]
    cases = json.loads(SHARED.read_text(encoding="utf-8"))["cases"]
    return [pytest.param(case, id=case["id"]) for case in cases if case["instrument"] in BY_ID]


@pytest.mark.parametrize("case", _vectors())
def test_a_published_key_written_in_the_format_gives_the_reference_result(case: dict[str, Any]) -> None:
    result = scoring.score(BY_ID[case["instrument"]], case["answers"], case["context"])

    assert (result.status, result.total, result.band_id) == (case["status"], case["expected_total"], case["band_id"])
    assert (result.subscale_scores, result.subscale_bands) == (case["subscale_scores"], case["subscale_bands"])
    assert [{"id": flag.id, "level": flag.level} for flag in result.flags] == case["flags"]
    assert (result.red_flag, result.error) == (case["red_flag"], case["error"])


@given(st.sampled_from(INSTRUMENTS), st.data())
def test_reversing_twice_is_no_change(instrument: Instrument, data: st.DataObject) -> None:
    item = data.draw(st.sampled_from(instrument.items))
    code = data.draw(st.sampled_from(instrument.codes_of(item)))
    score = instrument.scoring.scores[0].model_copy(update={"reverse": (item.id,)})

    once = instrument.points(score, item, code)

    assert once in instrument.codes_of(item)
    assert instrument.points(score, item, once) == code


@given(st.sampled_from(INSTRUMENTS), st.data())
def test_every_whole_form_falls_in_range_and_in_one_band_of_each_score(
    instrument: Instrument, data: st.DataObject
) -> None:
    form = [data.draw(st.sampled_from(instrument.codes_of(item))) for item in instrument.items]

    result = scoring.score(instrument, form)

    values = {**result.subscale_scores, "total": result.total}
    bands = {**result.subscale_bands, "total": result.band_id}
    for score in instrument.scoring.scores:
        value = values[score.id]
        assert value is not None
        assert score.range[0] <= value <= score.range[1]
        holding = [band.id for band in score.bands if band.lowest <= value <= band.highest]
        assert holding == ([bands[score.id]] if score.bands else [])


def test_the_worst_of_several_subscales_gives_the_advice() -> None:
    form = [0] * 21
    for number in DASS["anxiety"]:
        form[number - 1] = 1

    result = scoring.score(BY_ID["dass21"], form)

    assert result.subscale_bands == {"depression": "normal", "anxiety": "moderate", "stress": "normal"}
    assert result.level is Level.ORANGE


def test_an_unfinished_form_gives_no_advice_however_bad_a_finished_subscale_is() -> None:
    form: list[int | None] = [3] * 21
    form[0] = None

    result = scoring.score(BY_ID["dass21"], form)

    assert result.subscale_bands == {"depression": "extremely_severe", "anxiety": "extremely_severe", "stress": None}
    assert result.level is None


def test_an_unfinished_form_has_no_total_even_where_the_items_of_the_total_are_there() -> None:
    scores = [counted("total", [1, 2], (0, 6), {"low": 3, "high": 6}), counted("rest", [3], (0, 3), {})]
    instrument = built("beside", 3, range(4), scores)

    result = scoring.score(instrument, [3, 3, None])

    assert (result.total, result.band_id, result.subscale_scores) == (None, None, {"rest": None})


def test_a_caution_is_no_red_flag_and_leaves_the_level_alone() -> None:
    form = [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0]

    result = scoring.score(BY_ID["gds15"], form)

    assert [flag.id for flag in result.flags] == ["gds15_hopeless"]
    assert not result.red_flag
    assert result.level is Level.GREEN


def test_an_instrument_without_bands_has_a_total_and_no_level() -> None:
    result = scoring.score(BY_ID["rses"], [3] * 10)

    assert (result.total, result.band_id, result.level) == (25, None, None)


def test_a_combined_flag_waits_for_all_its_parts_and_is_raised_by_any_of_them() -> None:
    both = {"all": [{"item": "i1", "eq": 0}, {"item": "i2", "ge": 2}]}
    pair = built("pair", 2, range(4), [counted("total", [1, 2], (0, 6), {})], flagged("pair", "caution", both))

    assert scoring.score(pair, [None, 3]).flags == ()
    assert scoring.score(pair, [1, 3]).flags == ()
    assert [flag.id for flag in scoring.score(pair, [0, 2]).flags] == ["pair"]
    assert [flag.id for flag in scoring.flags_raised_by(pair, "i1", 0, {"i2": 2})] == ["pair"]
    assert [flag.id for flag in scoring.flags_raised_by(pair, "i2", 3, {"i1": 0})] == ["pair"]
    assert scoring.flags_raised_by(pair, "i2", 3, {}) == ()


def test_an_answer_left_on_a_hidden_item_neither_counts_as_given_nor_shows_another_one() -> None:
    why = {"id": "why", "show_if": {"any_ge": [["i1"], 1]}}
    since = {"id": "since", "show_if": {"any_ge": [["why"], 1]}}
    chain = built("chain", 2, range(4), [counted("total", [1, 2], (0, 6), {})], unscored=(why, since))

    assert [item.id for item in scoring.visible_items(chain, {"i1": 1, "why": 1})] == ["i1", "i2", "why", "since"]
    assert [item.id for item in scoring.visible_items(chain, {"i1": 0, "why": 1})] == ["i1", "i2"]
    # `why` is required while it is shown, so the form waits for it; hidden, it may be named as skipped.
    assert not scoring.is_complete(chain, {"i1": 1, "i2": 0})
    assert scoring.is_complete(chain, {"i1": 0, "i2": 0})
    assert scoring.score(chain, {"i1": 0, "i2": 0, "why": "skip"}).status is scoring.ResultStatus.COMPLETE
    assert scoring.score(chain, {"i1": 1, "i2": 0, "why": "skip"}).error is scoring.AnswerError.UNEXPECTED_SKIP


def test_an_answer_left_on_a_hidden_item_raises_no_flag() -> None:
    """No file can say so today, for its flagged items may never hide; scoring does not lean on that."""
    why = {"id": "why", "show_if": {"any_ge": [["i1"], 1]}}
    flag = flagged("flag", "caution", {"item": "why", "ge": 1})
    hidden = unchecked("hidden", 2, range(4), [counted("total", [1, 2], (0, 6), {})], flag, unscored=(why,))

    assert [flag.id for flag in scoring.score(hidden, {"i1": 1, "i2": 0, "why": 1}).flags] == ["flag"]
    assert scoring.score(hidden, {"i1": 0, "i2": 0, "why": 1}).flags == ()
