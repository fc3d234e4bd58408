import pytest

from server.risk.patterns import Grammar, PatternError, expand, parse

GRAMMAR = Grammar(lists={"want": frozenset({"想", "想要"})}, numerals="0123456789一二十", gap_stops="不没")


def found(source, text):
    """What a pattern that needs verifying finds in a text."""
    pattern = parse(source, GRAMMAR)
    assert pattern.verify is not None
    return [match.group() for match in pattern.verify.finditer(text)]


@pytest.mark.parametrize(
    ("source", "phrases"),
    [
        ("想死", {"想死"}),
        ("(想|要)死[了]", {"想死", "想死了", "要死", "要死了"}),
        ("<want>走", {"想走", "想要走"}),
        ("(我[就]|他)走", {"我走", "我就走", "他走"}),
        ("wo si", {"wo si", "wosi"}),
    ],
)
def test_a_pattern_without_gaps_is_written_out(source, phrases):
    pattern = parse(source, GRAMMAR)

    assert pattern.anchors == expand(source, GRAMMAR) == phrases
    assert pattern.verify is None


def test_a_gap_is_bounded_and_crosses_neither_punctuation_nor_a_negator():
    assert found("活着~没意思", "活着真的没意思") == ["活着真的没意思"]
    assert found("活着~没意思", "活着这件事真的没意思") == []
    assert found("活着~6没意思", "活着这件事真的没意思") == ["活着这件事真的没意思"]
    assert found("想~死", "想,死") == []
    assert found("想~死", "想着不死") == []


def test_a_number_is_read_in_figures_and_in_words():
    assert found("数到#就走", "数到100就走") == ["数到100就走"]
    assert found("数到#就走", "数到二十就走") == ["数到二十就走"]
    assert found("数到#就走", "数到我就走") == []


def test_every_match_holds_an_anchor_within_reach():
    pattern = parse("(把|将)~4(门窗|窗)~2封死", GRAMMAR)
    match = pattern.verify.search("他把屋里的门窗都封死")

    assert any(anchor in match.group() for anchor in pattern.anchors)
    assert len(match.group()) <= pattern.reach


def test_edges_bind_a_pattern_to_its_clause():
    pattern = parse("^想走$", GRAMMAR)
    assert (pattern.from_clause_start, pattern.to_clause_end) == (True, True)


@pytest.mark.parametrize(
    "source",
    [
        "(想|要",
        "想)死",
        "[想",
        "想<nobody>",
        "想<",
        "想~0死",
        "想~13死",
        "(想~死|走)",
        "(想#)",
        "想^死",
        "想|死",
        "[想]",
        "~",
        "",
    ],
)
def test_a_broken_pattern_is_refused(source):
    with pytest.raises(PatternError):
        parse(source, GRAMMAR)


@pytest.mark.parametrize("source", ["想~死", "想#", "^想", "想$"])
def test_a_list_holds_words_and_nothing_else(source):
    with pytest.raises(PatternError):
        expand(source, GRAMMAR)
