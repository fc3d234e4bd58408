"""The vectors that WeChat publishes (message push guide); nothing here came out of our own code."""

import json

import pytest

from server.wechat.sandbox.crypto import CryptoError, MessageCipher, is_signed, sign

TOKEN = "AAAAA"
AES_KEY = "A" * 43
APP_ID = "wxba5fad812f8e6fb9"
ENCRYPT = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT"
    "740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8Y"
    "L/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
REPLY = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="


@pytest.mark.parametrize(
    ("timestamp", "nonce", "signature"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        ("1714112445", "415670741", "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
        ("1715943329", "1590219412", "cc0c594499c1634947d5b502f158ee518947db27"),
    ],
)
def test_signatures_equal_the_official_ones(timestamp: str, nonce: str, signature: str) -> None:
    assert sign(TOKEN, timestamp, nonce) == signature


def test_the_message_signature_covers_the_ciphertext_as_in_the_official_vector() -> None:
    assert sign(TOKEN, "1714112445", "415670741", ENCRYPT) == "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"


def test_the_official_push_opens_to_its_published_text() -> None:
    message = json.loads(MessageCipher(AES_KEY, APP_ID).open(ENCRYPT))

    assert message == {
        "ToUserName": "gh_97417a04a28d",
        "FromUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        "CreateTime": 1714112445,
        "MsgType": "event",
        "Event": "debug_demo",
        "debug_str": "hello world",
    }


def test_the_official_reply_comes_out_letter_by_letter() -> None:
    sealed = MessageCipher(AES_KEY, APP_ID).seal(b'{"demo_resp":"good luck"}', random=b"707722b803182950")

    assert sealed == REPLY
    assert sign(TOKEN, "1713424427", "415670741", sealed) == "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"


def test_a_message_of_any_length_survives_the_way_there_and_back() -> None:
    cipher = MessageCipher(AES_KEY, APP_ID)

    for length in range(70):
        message = bytes(range(length))
        assert cipher.open(cipher.seal(message)) == message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not base64 at all!", "base64"),
        ("", "blocks"),
        ("AAAA", "blocks"),
        (ENCRYPT[:-24] + "A" * 24, "base64|blocks|padding"),
        ("A" * 43 + "=", "padding"),
    ],
)
def test_what_is_no_ciphertext_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(CryptoError, match=reason):
        MessageCipher(AES_KEY, APP_ID).open(text)


def test_a_message_for_another_account_is_refused() -> None:
    sealed = MessageCipher(AES_KEY, "wx0000000000000000").seal(b"hello")

    with pytest.raises(CryptoError, match="app id"):
        MessageCipher(AES_KEY, APP_ID).open(sealed)


def test_a_signature_with_strange_letters_is_wrong_and_no_crash() -> None:
    assert not is_signed("签名", TOKEN, "1", "2")
