import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.risk.folding import Folding, quoted_stretches

FOLDING = Folding({"著": "着", "💊": "药"}, signs=["👋"])
# Blanks, punctuation, marks and Latin letters next to one another are where the two ways of folding could part.
MIXED = st.lists(
    st.one_of(st.sampled_from("想死 \u3000\t，。,.!…·aB1é\u0301\u200b①⑴㎡´👋💊“”"), st.characters()), max_size=40
).map("".join)
anyhow = settings(deadline=None)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ＷＯ想死！", "wo想死."),
        ("活著沒意思", "活着没意思"),
        ("自\u200b杀", "自杀"),
        ("自\u202e杀\u202c", "自杀"),
        ("自\u0336杀", "自杀"),
        ("sǐ", "si"),
        ("想④", "想4"),
        ("不 想　活", "不想活"),
        ("不*想·活", "不想活"),
        ("不，想。活", "不想活"),
        ("不\n想\n活", "不想活"),
        ("wo  xiang si", "wo xiang si"),
        ("想 si 了", "想si了"),
        ("我😭想😭死", "我想死"),
        ("我想㊙️死", "我想死"),
        ("一瓶💊", "一瓶药"),
        ("好，我知道了。", "好,我知道了."),
        ("ﷺ", ""),
        ("\ud800", ""),
    ],
    ids=ascii,
)
def test_what_reads_alike_folds_alike(written, plain):
    assert FOLDING.plain(written) == plain
    assert FOLDING.view(written).text == plain


@anyhow
@given(MIXED)
def test_the_quick_fold_and_the_one_with_a_way_back_agree(text):
    assert FOLDING.plain(text) == FOLDING.view(text).text


@anyhow
@given(MIXED)
def test_each_character_of_a_view_knows_its_place_in_the_original(text):
    view = FOLDING.view(text)

    assert len(view.starts) == len(view.ends) == len(view.text)
    assert list(view.starts) == sorted(view.starts)
    for character, start, end in zip(view.text, view.starts, view.ends, strict=True):
        assert 0 <= start < end <= len(text)
        if character != " ":
            assert character in FOLDING.plain(text[start:end])


def test_a_rewritten_stretch_points_at_all_the_characters_it_stands_for():
    view = FOLDING.view("我 想 s i 了 👋")
    respelled = view.spliced([(1, 5, "想死")])

    assert view.text == "我想s i了"
    assert respelled.text == "我想死了"
    assert respelled.origin(1, 3) == (2, 7)
    assert respelled.origin(3, 4) == (8, 9)
    assert [mark.at for mark in respelled.marks] == [4]
    assert max(respelled.breaks) == 4


def test_only_the_outermost_quotation_counts():
    view = FOLDING.view("他说“我看《活着》了”，好")
    assert [view.text[start:end] for start, end in quoted_stretches(view)] == ["我看活着了"]


@pytest.mark.parametrize("text", ["”“", "“没有说完", "说完了”"])
def test_a_quotation_that_never_closes_quotes_nothing(text):
    assert quoted_stretches(FOLDING.view(text)) == []
