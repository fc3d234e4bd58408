"""Strangers' bytes, read into one shape or refused, and what makes two pushes the same one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wechat.inbound import LARGEST_BODY, Inbound, Kind, NotAMessage, parse, read_envelope

from .helpers import OPENID, compose, event, message, text_message


def read(body: bytes) -> Inbound:
    return parse(read_envelope(body))


# --- what WeChat sends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (text_message("你好"), Kind.TEXT),
        (text_message("satisfied", bizmsgmenuid=101), Kind.TEXT),
        (message("image", PicUrl="http://x", MediaId="M", MsgId=1), Kind.MEDIA),
        (message("voice", MediaId="M", Format="amr", MediaId16K="M2", MsgId=1), Kind.MEDIA),
        (message("video", MediaId="M", ThumbMediaId="T", MsgId=1), Kind.MEDIA),
        (message("shortvideo", MediaId="M", ThumbMediaId="T", MsgId=1), Kind.MEDIA),
        (message("location", Location_X="23.1", Location_Y="113.3", Scale=20, Label="家", MsgId=1), Kind.MEDIA),
        (message("link", Title="t", Description="d", Url="http://x", MsgId=1), Kind.MEDIA),
        (message("miniprogrampage", Title="t", AppId="wx", PagePath="p", MsgId=1), Kind.OTHER),
        (message("hologram", MsgId=1), Kind.OTHER),
        (event("subscribe", EventKey=""), Kind.SUBSCRIBE),
        (event("unsubscribe"), Kind.UNSUBSCRIBE),
        (event("SCAN", EventKey="abc", Ticket="T"), Kind.SCAN),
        (event("CLICK", EventKey="HOTLINE"), Kind.CLICK),
        (event("VIEW", EventKey="https://x/h5/", MenuId=7), Kind.VIEW),
        (event("LOCATION", Latitude="23.1", Longitude="113.3", Precision="65.0"), Kind.OTHER),
        (event("scancode_waitmsg", ScanCodeInfo={"ScanType": "qrcode", "ScanResult": "2"}), Kind.OTHER),
        (event("TEMPLATESENDJOBFINISH", MsgID=200163836, Status="failed:user block"), Kind.OTHER),
        (event("PUBLISHJOBFINISH", PublishEventInfo={"publish_id": 1, "article_detail": {"count": 0}}), Kind.OTHER),
        (event("a_thing_of_2030"), Kind.OTHER),
        (event(""), Kind.OTHER),
    ],
)
def test_every_kind_of_push_is_told_apart(body, kind):
    inbound = read(body)
    assert (inbound.kind, inbound.openid, inbound.account) == (kind, OPENID, "gh_0123456789ab")


def test_a_follow_by_a_scanned_code_carries_its_scene():
    assert read(event("subscribe", EventKey="qrscene_k7x2m9", Ticket="T")).scene == "k7x2m9"
    assert read(event("SCAN", EventKey="k7x2m9", Ticket="T")).scene == "k7x2m9"


def test_a_follow_after_a_payment_has_no_scene():
    assert read(event("subscribe", EventKey="last_trade_no_4200001")).scene == ""
    assert read(event("subscribe")).scene == ""


# --- whatever people type arrives -------------------------------------------------------------------------------------


@given(content=st.text(st.characters(codec="utf-8"), max_size=400))
def test_any_words_arrive_as_they_were_typed_save_for_what_xml_cannot_carry(content):
    words = read(text_message(content)).text
    carried = "".join(letter for letter in content if letter in "\t\n\r" or letter >= " ")
    carried = carried.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "").replace("\uffff", "").strip()
    assert words == carried


@pytest.mark.parametrize(
    "typed",
    [
        "<!DOCTYPE html> 不想活了",
        '<!ENTITY a "b"> 不想活了',
        "a]]>b<b>]]]]></xml>",
        "&amp; &lt;b&gt; &#65; &nbsp;",
        "😭🏳️‍🌈👨‍👩‍👧‍👦",
        "/::) [微笑]",
        "{0} {name} %s ${x}",
    ],
)
def test_markup_that_somebody_typed_is_only_words(typed):
    assert read(text_message(typed)).text == typed


def test_a_control_character_does_not_cost_the_message():
    assert read(text_message("不想\x00\x08\x1f活了\ufffe")).text == "不想活了"


def test_a_broken_byte_does_not_cost_the_message():
    body = text_message("WORDS").replace(b"WORDS", "不想活了".encode() + b"\xff\xc3")
    assert read(body).text.startswith("不想活了")


def test_a_body_that_is_not_in_utf_8_is_still_a_message_from_somebody():
    body = text_message("WORDS").replace(b"WORDS", "你好".encode("gbk"))
    assert (read(body).kind, read(body).openid) == (Kind.TEXT, OPENID)


def test_a_declaration_does_not_change_how_the_body_is_read():
    for head in (b'<?xml version="1.0" encoding="gbk"?>', b'<?xml version="1.0" encoding="UTF-16"?>', b"\xef\xbb\xbf"):
        assert read(head + text_message("测评")).text == "测评"


@pytest.mark.parametrize("content", ["", " ", "\n\t"])
def test_a_text_without_words_is_a_text(content):
    inbound = read(text_message(content))
    assert (inbound.kind, inbound.text) == (Kind.TEXT, "")


def test_the_first_of_two_elements_with_one_name_counts():
    body = text_message("不想活了").replace(b"</xml>", b"<Content>second</Content><FromUserName>x</FromUserName></xml>")
    assert (read(body).text, read(body).openid) == ("不想活了", OPENID)


def test_elements_inside_others_are_not_the_envelope():
    body = compose(Inner={"FromUserName": "x", "MsgType": "text", "CreateTime": 1})
    with pytest.raises(NotAMessage):
        read(body)


# --- what is no message -----------------------------------------------------------------------------------------------

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (ord("a") + n, b"&%c;" % (ord("a") + n - 1) * 10) for n in range(1, 9))
    + b"]><xml><FromUserName>&i;</FromUserName><MsgType>text</MsgType></xml>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        b'{"ToUserName": "gh", "FromUserName": "o", "MsgType": "text"}',
        b"<xml>",
        b"<xml></xml>",
        b"<xml>words</xml>",
        b"<html><FromUserName>o</FromUserName><MsgType>text</MsgType></html>",
        b"<xml><FromUserName>o</FromUserName></xml>",
        b"<xml><MsgType>text</MsgType></xml>",
        b"<xml><FromUserName>o</FromUserName><MsgType>event</MsgType></xml>",
        b"<xml><FromUserName>o</FromUserName><MsgType>text</MsgType><Content>&undefined;</Content></xml>",
        text_message("a") + b"<xml/>",
        text_message("a")[:-20],
        message("text", "o" * 129, Content="a", MsgId=1),
        BOMB,
        b"<!DOCTYPE xml>" + text_message("a"),
        b'<!DOCTYPE xml SYSTEM "file:///etc/passwd">' + text_message("a"),
        b'<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><Content>&x;</Content></xml>',
        b"<xml>" + b"<a>" * 9000,
        text_message("a").replace(b"</xml>", b"<a>" * 40 + b"</a>" * 40 + b"</xml>"),
        b"\x1f\x8b\x08\x00" + b"\x00" * 50,
        text_message("a" * LARGEST_BODY),
    ],
)
def test_what_has_no_envelope_of_a_push_is_no_message(body):
    with pytest.raises(NotAMessage):
        read(body)


@given(
    st.binary(max_size=400) | st.text(alphabet="<>/!?[]=&;\"'xmlDOCTYPECDATA -ab\x00é", max_size=200).map(str.encode)
)
def test_no_bytes_raise_anything_but_not_a_message(body):
    for whole in (body, b"<xml>" + body + b"</xml>", text_message("WORDS").replace(b"WORDS", body)):
        try:
            inbound = read(whole)
        except NotAMessage:
            continue
        assert inbound.openid


FIELD = st.sampled_from(["MsgType", "Event", "EventKey", "CreateTime", "MsgId", "MsgID", "Content"])


@given(st.dictionaries(FIELD, st.text(max_size=30)))
def test_no_fields_raise_anything_but_not_a_message(fields):
    try:
        inbound = parse({"FromUserName": OPENID, "MsgType": "text"} | fields)
    except NotAMessage:
        return
    assert inbound.kind in Kind
    assert 0 <= inbound.sent_at < 10**11


# --- the same push, or another ----------------------------------------------------------------------------------------


def test_a_message_is_known_by_sender_and_msg_id_alone():
    first = read(text_message("一", CreateTime=1, MsgId=7)).identity
    assert read(text_message("二", CreateTime=2, MsgId=7)).identity == first
    assert read(text_message("一", CreateTime=1, MsgId=8)).identity != first
    assert read(text_message("一", "oSomebodyElse", CreateTime=1, MsgId=7)).identity != first


def test_a_msg_id_is_any_string():
    assert read(text_message("a", MsgId="x9")).identity != read(text_message("a", MsgId="9")).identity
    assert read(text_message("a", MsgId=2**63)).identity != read(text_message("a", MsgId=2**63 + 1)).identity


def test_a_message_without_msg_id_is_known_by_its_second_and_its_words():
    def identity(**fields: object) -> str:
        return read(message("text", **fields)).identity

    same = identity(CreateTime=5, Content="一")
    assert identity(CreateTime=5, Content="一") == same
    assert identity(CreateTime=6, Content="一") != same
    assert identity(CreateTime=5, Content="二") != same


@pytest.mark.parametrize("created", ["", "soon", "9" * 5000, "-3", "１７"])
def test_words_are_heard_whatever_time_they_carry(created):
    assert read(text_message("不想活了", CreateTime=created)).text == "不想活了"


@pytest.mark.parametrize("created", ["", "soon", "9" * 12, "-3"])
def test_an_event_that_carries_no_time_cannot_be_told_from_the_next_one(created):
    with pytest.raises(NotAMessage):
        read(event("subscribe", CreateTime=created))


@pytest.mark.parametrize(
    "change",
    [
        {"CreateTime": 6},
        {"Event": "SCAN"},
        {"EventKey": "B"},
        {"MsgID": 2},
        {"FromUserName": "oSomebodyElse"},
        {"SubscribeMsgSentEvent": {"List": {"TemplateId": "T", "MsgID": 9}}},
    ],
)
def test_an_event_is_known_by_sender_second_event_key_and_the_msg_id_inside(change):
    usual = {"FromUserName": OPENID, "CreateTime": 5, "MsgType": "event", "Event": "CLICK", "EventKey": "A"}
    assert read(compose(**usual)).identity == read(compose(**usual, Ticket="T")).identity
    assert read(compose(**usual | change)).identity != read(compose(**usual)).identity


def test_two_results_of_one_second_are_two_events():
    def sent(number: int) -> str:
        results = [
            {"TemplateId": "T", "MsgID": number, "ErrorCode": 0},
            {"TemplateId": "U", "MsgID": 1, "ErrorCode": 0},
        ]
        return read(event("subscribe_msg_sent_event", CreateTime=5, SubscribeMsgSentEvent={"List": results})).identity

    assert sent(10) != sent(11)


CUTS = st.lists(st.integers(0, 5), min_size=2, max_size=2).map(sorted)


@given(words=st.lists(st.sampled_from(["a", "1", ""]), min_size=5, max_size=5), one=CUTS, other=CUTS)
def test_no_choice_of_fields_makes_two_events_look_alike(words, one, other):
    """The same words in the same order, cut into the fields in two ways."""

    def fields(cuts: list[int]) -> list[str]:
        return [":".join(words[begin:end]) for begin, end in zip([0, *cuts], [*cuts, 5], strict=True)]

    def identity(name: str, key: str, message_id: str) -> str:
        envelope = {"FromUserName": OPENID, "CreateTime": "5", "MsgType": "event"}
        return parse(envelope | {"Event": name, "EventKey": key, "MsgID": message_id}).identity

    assert (identity(*fields(one)) == identity(*fields(other))) == (fields(one) == fields(other))


def test_an_event_is_never_taken_for_a_message():
    as_message = parse({"FromUserName": OPENID, "CreateTime": "5", "MsgType": "text", "MsgId": "1"})
    as_event = parse({"FromUserName": OPENID, "CreateTime": "5", "MsgType": "event", "Event": "text", "MsgId": "1"})
    assert as_message.identity != as_event.identity


def test_a_push_can_be_shown_in_a_trace_without_naming_anybody():
    shown = repr(read(text_message("金丝雀说今天很难过")))
    assert OPENID not in shown
    assert "金丝雀" not in shown
