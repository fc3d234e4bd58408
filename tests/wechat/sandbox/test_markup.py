"""XML on the wire: nothing a resident types can break out of its element."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wechat.sandbox.markup import MarkupError, compose, parse

ALLOWED = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"))


@given(ALLOWED)
def test_any_text_comes_back_as_it_was_written(text: str) -> None:
    assert parse(compose({"Content": text})).text_of("Content") == text


def test_a_cdata_end_in_the_text_does_not_open_a_new_element() -> None:
    sneaky = "]]></Content><FromUserName>somebody else</FromUserName><Content><![CDATA["

    root = parse(compose({"FromUserName": "o1", "Content": sneaky}))

    assert [child.tag for child in root.children] == ["FromUserName", "Content"]
    assert root.text_of("Content") == sneaky


def test_characters_that_xml_cannot_hold_are_left_out() -> None:
    assert parse(compose({"Content": "a\x00b\x0bc\ufffed"})).text_of("Content") == "abcd"


def test_nested_and_repeated_elements_are_written_as_wechat_writes_them() -> None:
    written = compose({"ScanCodeInfo": {"ScanType": "qrcode"}, "fail_idx": [1, 2]})

    assert written == (
        b"<xml><ScanCodeInfo><ScanType><![CDATA[qrcode]]></ScanType></ScanCodeInfo>"
        b"<fail_idx>1</fail_idx><fail_idx>2</fail_idx></xml>"
    )


def test_an_absent_element_is_not_an_empty_one() -> None:
    root = parse(b"<xml><EventKey></EventKey></xml>")

    assert root.text_of("EventKey") == ""
    assert root.text_of("Ticket") is None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"success",
        b"<xml><a></xml>",
        b"<xml></xml><xml></xml>",
        "<xml><a>信</a></xml>".encode("gb18030"),
        b'<!DOCTYPE xml [<!ENTITY a "b">]><xml>&a;</xml>',
    ],
)
def test_what_is_no_plain_utf8_document_is_refused(document: bytes) -> None:
    with pytest.raises(MarkupError):
        parse(document)


def test_a_field_name_cannot_carry_markup() -> None:
    with pytest.raises(MarkupError):
        compose({"a><b": "c"})
