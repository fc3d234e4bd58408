"""Replies: any words go in, well-formed XML with the same words comes out, and a stored one is the one that was said."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from server.wechat.replies import LONGEST_TEXT_BYTES, Card, Reply, Text, dump, load, render

from .helpers import GH, OPENID, read_reply

PIECES = [
    "]]>",
    "]",
    "<![CDATA[",
    "<a href='x'>",
    "</Content>",
    "&",
    "&amp;",
    "\x00",
    "\x0b",
    "\ud800",
    "\ufffe",
    "\r\n",
    "心",
    "😭",
]
ANY_TEXT = st.text(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def rendered(reply: Reply) -> dict[str, str]:
    return read_reply(render(reply, to_openid=OPENID, from_account=GH, now=1_764_000_000).encode())


def as_xml_carries(value: str) -> str:
    """Without what XML cannot carry; a reader of XML turns every line end into one."""
    letters = [letter for letter in value if letter in "\t\n\r" or " " <= letter < "\ud800" or letter >= "\ue000"]
    kept = "".join(letters).replace("\ufffe", "").replace("\uffff", "")
    return kept.replace("\r\n", "\n").replace("\r", "\n")


@given(words=ANY_TEXT)
def test_any_words_come_out_as_they_went_in(words):
    assert rendered(Text(words))["Content"] == as_xml_carries(words)


@given(title=ANY_TEXT, description=ANY_TEXT, url=ANY_TEXT)
def test_any_card_comes_out_as_it_went_in(title, description, url):
    fields = rendered(Card(title, description, url))
    assert (fields["Title"], fields["Description"], fields["Url"]) == tuple(
        as_xml_carries(value) for value in (title, description, url)
    )


@given(words=ANY_TEXT)
def test_words_never_become_elements(words):
    tree = ElementTree.fromstring(render(Text(words), to_openid=words, from_account=words, now=1))
    assert sorted(child.tag for child in tree) == ["Content", "CreateTime", "FromUserName", "MsgType", "ToUserName"]


def test_a_reply_goes_back_to_its_sender():
    fields = rendered(Text("好"))
    assert (fields["ToUserName"], fields["FromUserName"], fields["CreateTime"]) == (OPENID, GH, "1764000000")
    assert fields["MsgType"] == "text"


def test_a_card_is_one_article():
    fields = rendered(Card("t", "第一行\n第二行", "https://example.org/h5/?a=1&b=2"))
    assert (fields["MsgType"], fields["ArticleCount"]) == ("news", "1")
    assert fields["Description"] == "第一行\n第二行"
    assert fields["Url"] == "https://example.org/h5/?a=1&b=2"


def test_a_link_in_a_text_stays_a_link():
    link = '可以<a href="https://example.org/h5/?a=1&b=2">点这里</a>'
    assert rendered(Text(link))["Content"] == link


def test_a_text_that_just_fits_is_not_cut():
    words = "心" * (LONGEST_TEXT_BYTES // 3) + "ab"
    assert len(words.encode()) == LONGEST_TEXT_BYTES
    assert rendered(Text(words))["Content"] == words


def test_a_text_that_is_too_long_loses_its_last_lines_and_never_half_a_link():
    line = '<a href="https://example.org/h5/test/phq9">心情自测</a>'
    content = rendered(Text("\n".join([line] * 100)))["Content"]
    assert set(content.split("\n")) == {line}
    assert LONGEST_TEXT_BYTES - len(line.encode()) - 1 < len(content.encode()) <= LONGEST_TEXT_BYTES


@given(words=st.text("心a😭", min_size=700, max_size=2100))
def test_one_line_that_is_too_long_is_cut_between_characters(words):
    content = rendered(Text(words))["Content"]
    assert words.startswith(content)
    assert min(len(words.encode()), LONGEST_TEXT_BYTES - 3) <= len(content.encode()) <= LONGEST_TEXT_BYTES


@given(st.one_of(st.none(), st.builds(Text, ANY_TEXT), st.builds(Card, ANY_TEXT, ANY_TEXT, ANY_TEXT)))
def test_a_kept_reply_is_the_one_that_was_given(reply):
    assert load(dump(reply)) == reply
