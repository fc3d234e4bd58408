"""Keywords as people type them, telephone numbers that somebody leaves, and the file that holds the words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import ROOT
from server.crisis.models import CallWhen
from server.crisis.service import read_phone
from server.errors import ConfigurationError
from server.wechat.keywords import Keywords, fold

FILE = ROOT / "content" / "wechat" / "keywords.toml"
KEYWORDS = Keywords.load(FILE)
NAMES = {
    "测评": "assessment",
    "树洞": "mailbox",
    "预约": "booking",
    "微课": "course",
    "热线": "hotline",
    "帮助": "help",
    "人工": "human",
    "退订": "unsubscribe",
}


@pytest.mark.parametrize(("typed", "name"), NAMES.items())
def test_each_keyword_is_found_however_it_is_typed(typed, name):
    first, second = typed
    for form in (
        typed,
        f" {typed}\n",
        f"{first} {second}",
        f"{first}\u3000{second}",
        f"「{typed}」",
        f"{typed}。",
        f"{typed}！！",
    ):
        assert KEYWORDS.find(form) == name, form


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("測評", "assessment"),
        ("樹洞", "mailbox"),
        ("預約", "booking"),
        ("微課", "course"),
        ("熱線", "hotline"),
        ("幫助", "help"),
        ("退訂", "unsubscribe"),
        ("ＴＤ", "unsubscribe"),
        ("td", "unsubscribe"),
        ("Help", "help"),
        ("ＨＥＬＰ", "help"),
        ("ＰＨＱ－９", "assessment"),
        ("phq-9", "assessment"),
        ("？", "help"),
        ("???", "help"),
        ("帮助？", "help"),
        ("１２３５６", "hotline"),
        ("测\u200b评", "assessment"),
    ],
)
def test_width_script_case_and_signs_make_no_difference(typed, name):
    assert KEYWORDS.find(typed) == name


@pytest.mark.parametrize(
    "typed", ["", " ", "。", "我想做测评", "测评做完了", "树洞里有人吗", "不想退订", "😭", "a" * 70, "测评" * 40]
)
def test_a_keyword_is_the_whole_message_and_never_a_part_of_one(typed):
    assert KEYWORDS.find(typed) is None


@given(st.text(max_size=120))
def test_no_message_breaks_the_search(typed):
    assert KEYWORDS.find(typed) in {None, *NAMES.values()}
    assert fold(fold(typed)) == fold(typed)


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "digits", "when"),
    [
        ("13812345678", "13812345678", CallWhen.ANY),
        ("138 1234 5678", "13812345678", CallWhen.ANY),
        ("138-1234-5678 晚上", "13812345678", CallWhen.EVENING),
        ("138 123 45678", "13812345678", CallWhen.ANY),
        ("1381-234-5678", "13812345678", CallWhen.ANY),
        ("１３８１２３４５６７８　上午", "13812345678", CallWhen.MORNING),
        ("+86 138 1234 5678", "13812345678", CallWhen.ANY),
        ("8613812345678", "13812345678", CallWhen.ANY),
        ("我的电话是13812345678，下午打", "13812345678", CallWhen.AFTERNOON),
        ("下班後 13812345678", "13812345678", CallWhen.EVENING),
        ("我18 13812345678", "13812345678", CallWhen.ANY),
        ("晚上8点后 13812345678", "13812345678", CallWhen.EVENING),
        ("\u202d138 1234 5678\u202c", "13812345678", CallWhen.ANY),
        ("020-81234567", "02081234567", CallWhen.ANY),
        ("(020)8123 4567", "02081234567", CallWhen.ANY),
        ("０２０８１２３４５６７", "02081234567", CallWhen.ANY),
        ("0755 8123 4567 早上", "075581234567", CallWhen.MORNING),
    ],
)
def test_a_number_is_read_with_the_time_beside_it(typed, digits, when):
    left = KEYWORDS.find_phone(typed)
    assert left is not None
    assert (read_phone(left.phone), left.call_when) == (digits, when)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12356",
        "110",
        "12345678901",
        "138123456789",
        "1381234567",
        "440106199001011234",
        "6222021234567890123",
        "81234567",
        "2026-11-23 15:30",
        "昨天有个陌生人用13812345678打给我，说我欠了他很多钱，我很害怕",
        "13812345678" + "，" * 80,
    ],
)
def test_what_is_no_number_to_be_called_is_none(typed):
    assert KEYWORDS.find_phone(typed) is None


@given(st.text("0123456789 -—+()１３８点晚上", max_size=30))
def test_whatever_is_taken_for_a_number_is_one_that_can_be_kept(typed):
    left = KEYWORDS.find_phone(typed)
    assert left is None or read_phone(left.phone).isdigit()


# --- the file ---------------------------------------------------------------------------------------------------------


def test_every_keyword_of_the_service_stands_in_the_file():
    assert {KEYWORDS.find(word) for word in NAMES} == set(NAMES.values())


def test_a_word_that_stands_for_two_keywords_stops_the_start(tmp_path: Path):
    file = tmp_path / "keywords.toml"
    file.write_text('[keywords]\nhelp = ["幫助"]\nhuman = ["帮 助"]\n[call_when]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="帮 助"):
        Keywords.load(file)
