"""What ships of the PHQ, and what a definition says about itself."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.assessment.definition import Instrument, expand_range
from server.assessment.loader import load_instruments
from server.assessment.parts import Action, Level

CATALOGUE = load_instruments(Path(__file__).resolve().parents[2] / "content" / "instruments")
PHQ2, PHQ9 = CATALOGUE["phq2"], CATALOGUE["phq9"]
BOTH = pytest.mark.parametrize("instrument", [PHQ2, PHQ9], ids=lambda instrument: str(instrument.id))


def test_the_phq9_asks_in_the_published_words_and_order() -> None:
    assert [item.zh for item in PHQ9.scored_items] == [
        "做事时提不起劲或没有兴趣",
        "感到心情低落、沮丧或绝望",
        "入睡困难、睡不安稳或睡眠过多",
        "感觉疲倦或没有活力",
        "食欲不振或吃太多",
        "觉得自己很糟，或觉得自己很失败，或让自己或家人失望",
        "对事物专注有困难，例如阅读报纸或看电视时",
        "动作或说话速度缓慢到别人已经察觉？或正好相反——烦躁或坐立不安、动来动去的情况更胜于平常",
        "有不如死掉或用某种方式伤害自己的念头",
    ]
    options = [(option.code, option.zh) for option in PHQ9.options_of(PHQ9.items_by_id["phq9_9"])]
    assert options == [(0, "完全不会"), (1, "好几天"), (2, "一半以上的天数"), (3, "几乎每天")]


def test_the_phq2_is_the_first_two_items_of_the_phq9() -> None:
    def asked(instrument: Instrument, count: int) -> list[object]:
        return [(item.zh, instrument.options_of(item)) for item in instrument.items[:count]]

    assert asked(PHQ2, len(PHQ2.items)) == asked(PHQ9, 2)
    assert PHQ2.instruction == PHQ9.instruction
    assert PHQ2.recall == PHQ9.recall


def test_the_difficulty_item_counts_in_nothing_and_holds_nobody_up() -> None:
    difficulty = PHQ9.items[-1]

    assert difficulty.id == "phq9_difficulty"
    assert not difficulty.scored
    assert not difficulty.required
    assert all(difficulty.id not in score.items for score in PHQ9.scoring.scores)
    assert [option.zh for option in PHQ9.options_of(difficulty)] == ["毫无困难", "有点困难", "非常困难", "极度困难"]


@BOTH
def test_the_credit_line_names_the_developers_and_the_grant(instrument: Instrument) -> None:
    assert instrument.licence.credit_line == (
        "Developed by Drs. Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and colleagues, with an educational "
        "grant from Pfizer Inc. No permission required to reproduce, translate, display or distribute."
    )


@BOTH
def test_whoever_looks_over_the_shoulder_reads_nothing_telling(instrument: Instrument) -> None:
    seen = [instrument.name.short, instrument.kind.zh, instrument.for_whom.zh]
    seen += [band.label.zh for score in instrument.scoring.scores for band in score.bands]

    assert not [text for text in seen for word in ("抑郁", "病", "患", "自杀", "障碍") if word in text]


@BOTH
def test_every_level_that_a_resident_can_reach_has_its_sentence(instrument: Instrument) -> None:
    reachable = {band.level for score in instrument.scoring.scores for band in score.bands}

    assert reachable <= set(instrument.results)
    for level in instrument.results:
        text = instrument.advice_text(level)
        assert "{" not in text
        assert "！" not in text
        assert "诊断" not in text


def test_the_advice_says_after_how_many_days_another_test_is_useful() -> None:
    assert f"{PHQ9.retake.min_days} 天" in PHQ9.advice_text(Level.GREEN)


def test_the_red_advice_leads_to_a_person_first_and_never_to_waiting() -> None:
    actions = PHQ9.results[Level.RED].actions

    assert actions[0] is Action.CONTACT
    assert Action.HOTLINE in actions
    assert Action.RETEST not in actions


def test_a_definition_cannot_be_changed_once_it_is_read() -> None:
    parts: list[tuple[Any, str]] = [(PHQ9, "version"), (PHQ9.items[0], "required"), (PHQ9.scoring.scores[0], "range")]
    for part, field in parts:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, None)


def test_levels_rank_from_green_to_red() -> None:
    assert sorted(Level, key=lambda level: level.severity) == [Level.GREEN, Level.YELLOW, Level.ORANGE, Level.RED]


def test_a_range_of_items_holds_both_ends_and_follows_the_file() -> None:
    assert expand_range("b..d", ["a", "b", "c", "d"]) == ("b", "c", "d")
    assert expand_range("b..b", ["a", "b"]) == ("b",)


@pytest.mark.parametrize("reference", ["b", "d..b", "a..x", "x..a", "..", "a.."])
def test_what_is_no_range_stays_for_the_checks_to_refuse(reference: str) -> None:
    assert expand_range(reference, ["a", "b", "c", "d"]) == (reference,)


def _mappings(inner: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    keys = st.sampled_from(["items", "scoring", "scores", "reverse", "id", "show_if", "any_ge", "when", "all"])
    return st.dictionaries(keys, inner)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner) | _mappings(inner)))
def test_junk_is_refused_by_its_fields_and_breaks_nothing_else(junk: object) -> None:
    with pytest.raises(ValidationError):
        Instrument.model_validate(junk)
