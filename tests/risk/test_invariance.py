"""What must not change a grade, and what no text may do to the scanner."""

from itertools import pairwise

import opencc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.risk.grades import Grade

INVISIBLE = ["\u200b", "\u200d", "\u2060", "\ufeff", "\ufe0f", "\u202e", "\u0336", "\u00ad"]
SYMBOLS = [" ", "\u3000", "*", "·", "-", "~", "/", "_", "🌸"]
CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=40)
# Pieces of the lexicon's own world: random Unicode alone would almost never reach the closer look.
WORDS = ["自杀", "跳楼", "今晚", "哈哈", "以前", "如果有人", "小说里", "安眠药", "绳子", "挂好了", "再见", "下辈子见"]
WORDS += [
    "紫砂壶",
    "想4",
    "zs",
    "👋",
    "🌊",
    "爸爸",
    "打我",
    "㎡",
    "⑩",
    *"我想死活不没，。！“”《》 \n\u200b\u202e\ud800",
]
FRAGMENTS = st.lists(st.sampled_from(WORDS), max_size=60).map("".join)

# The session's scanner keeps nothing between examples, and a busy machine is no fault of the text.
examples = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def broken_up(text: str, filler: str) -> str:
    """The text with a filler between each two Chinese characters that stand side by side."""
    pieces = [text[:1]]
    for before, character in pairwise(text):
        pieces.append(filler + character if is_chinese(before) and is_chinese(character) else character)
    return "".join(pieces)


@examples
@given(text=st.one_of(st.text(), CHINESE, FRAGMENTS))
def test_any_text_gets_a_grade_and_evidence_that_lies_within_it(scanner, text):
    finding = scanner.scan(text)

    assert bool(finding.evidence) == (finding.grade is not Grade.NONE)
    for evidence in finding.evidence:
        assert 0 <= evidence.start < evidence.end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ud800" * 20_000,
        "😀" * 10_000,
        "\u202e" * 20_000,
        "不，" * 10_000,
        "“" * 20_000,
        "想死" * 10_000,
        "“想死”小说里" * 2_500,
        "以前我想死过" * 3_000,
        "[" * 20_000,
        "\0" * 20_000,
        "ﷺ" * 20_000,
    ],
    ids=lambda text: f"{len(text)} of {text[:4]!a}",
)
def test_a_hostile_text_gets_a_grade(scanner, text):
    assert scanner.scan(text).grade in Grade


def test_a_cry_at_the_end_of_the_longest_letter_is_heard(scanner):
    text = "今天和同学去食堂吃饭，晚上写作业到十点。" * 1_000 + "我不想活了。"
    finding = scanner.scan(text)

    assert finding.grade.rings
    assert "不想活" in {text[evidence.start : evidence.end] for evidence in finding.evidence}


@pytest.mark.parametrize("filler", INVISIBLE, ids=ascii)
def test_invisible_characters_inside_words_change_nothing(scanner, cries, filler):
    assert [text for text in cries if scanner.scan(broken_up(text, filler)).grade is not Grade.HIGH] == []


@pytest.mark.parametrize("filler", SYMBOLS, ids=ascii)
def test_blanks_and_symbols_between_characters_never_lower_a_grade(scanner, ringing, filler):
    lowered = [t for t in ringing if scanner.scan(broken_up(t, filler)).grade.rank < scanner.scan(t).grade.rank]
    assert lowered == []


@examples
@given(data=st.data())
def test_a_blank_at_any_one_place_never_lowers_a_cry(scanner, cries, data):
    text = data.draw(st.sampled_from(cries))
    place = data.draw(st.integers(0, len(text)))
    assert scanner.scan(f"{text[:place]} {text[place:]}").grade is Grade.HIGH


@examples
@given(data=st.data(), end=st.sampled_from(["。", "！", "\n", "？\n"]))
def test_harmless_sentences_around_a_cry_never_lower_it(scanner, ringing, harmless, data, end):
    text = data.draw(st.sampled_from(ringing))
    before, after = data.draw(st.sampled_from(harmless)), data.draw(st.sampled_from(harmless))
    assert scanner.scan(f"{before}{end}{text}{end}{after}").grade.rank >= scanner.scan(text).grade.rank


def test_the_traditional_form_is_graded_alike(scanner, ringing):
    traditional = opencc.OpenCC("s2t")
    different = [
        text for text in ringing if scanner.scan(traditional.convert(text)).grade is not scanner.scan(text).grade
    ]
    assert different == []


def test_the_full_width_form_is_graded_alike(scanner, ringing):
    def widened(text):
        return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)

    assert [text for text in ringing if scanner.scan(widened(text)).grade is not scanner.scan(text).grade] == []


@pytest.mark.parametrize("ready", ["绳子已经挂好了，我想死", "药攒够了，今晚就吃", "遗书写好了"])
def test_laughing_does_not_take_back_what_is_ready(scanner, ready):
    assert scanner.scan(f"哈哈哈哈{ready}😂").grade is Grade.HIGH
