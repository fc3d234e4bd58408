"""WeChat's own vectors, another implementation's ciphers, and everything that is not from WeChat."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from server.wechat.crypto import CallbackCrypto, NotFromWechat, Opened
from server.wechat.sandbox.crypto import MessageCipher, sign

from .helpers import Account, read_reply

# The official vectors, from the message push guide. Their key is 43 times A.
TOKEN, APP_ID, AES_KEY = "AAAAA", "wxba5fad812f8e6fb9", "A" * 43
PUSH_AT, PUSH_NONCE = "1714112445", "415670741"
PUSH_SIGNATURE = "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"
PUSH_ENCRYPTED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740X"
    "gXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7m"
    "StwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
REPLY_ENCRYPTED = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="

PREVIOUS_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
NOW = 1_764_000_000.0


@pytest.fixture
def crypto() -> CallbackCrypto:
    return CallbackCrypto(token=TOKEN, aes_keys=[AES_KEY, PREVIOUS_KEY], app_id=APP_ID)


def open_sealed(crypto: CallbackCrypto, encrypted: str, *, now: float = NOW) -> Opened:
    """Open a text that is signed as it should be, whatever it holds."""
    signature = sign(TOKEN, str(int(NOW)), "n", encrypted)
    return crypto.open_body(encrypted=encrypted, msg_signature=signature, timestamp=str(int(NOW)), nonce="n", now=now)


# --- the official vectors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "nonce", "signature"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        ("1714112445", "415670741", "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
        ("1715943329", "1590219412", "cc0c594499c1634947d5b502f158ee518947db27"),
    ],
)
def test_the_official_signatures_are_good_and_any_other_is_not(crypto, timestamp, nonce, signature):
    now = float(timestamp)
    crypto.check_signature(signature=signature, timestamp=timestamp, nonce=nonce, now=now)
    for wrong in ("", signature[:-1], signature.upper(), signature[:-1] + "é", "0" * 40):
        with pytest.raises(NotFromWechat):
            crypto.check_signature(signature=wrong, timestamp=timestamp, nonce=nonce, now=now)


def test_the_official_push_opens(crypto):
    opened = crypto.open_body(
        encrypted=PUSH_ENCRYPTED,
        msg_signature=PUSH_SIGNATURE,
        timestamp=PUSH_AT,
        nonce=PUSH_NONCE,
        now=float(PUSH_AT),
    )
    assert len(opened.message) == 167
    assert opened.message.startswith(b'{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY"')


def test_the_official_reply_opens_with_the_same_key(crypto):
    assert open_sealed(crypto, REPLY_ENCRYPTED).message == b'{"demo_resp":"good luck"}'


# --- what was sealed is read, by either side ----------------------------------------------------------------------


@given(message=st.binary(max_size=3000))
def test_whatever_was_sealed_for_the_account_opens_unchanged(message):
    crypto = CallbackCrypto(token=TOKEN, aes_keys=[AES_KEY], app_id=APP_ID)
    assert open_sealed(crypto, MessageCipher(AES_KEY, APP_ID).seal(message)).message == message


@given(content=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=800))
def test_another_implementation_reads_our_sealed_replies(content):
    crypto = CallbackCrypto(token=TOKEN, aes_keys=[AES_KEY], app_id=APP_ID)
    opened = open_sealed(crypto, MessageCipher(AES_KEY, APP_ID).seal(b"hello"))
    sealed = opened.seal_reply(content, timestamp=int(NOW))
    assert Account(TOKEN, AES_KEY, APP_ID).unpack(sealed.encode()).decode() == content


def test_a_reply_is_sealed_with_the_key_that_opened_its_message(crypto):
    # While the key is being changed in WeChat's console, that one alone is known to both sides.
    for key in (AES_KEY, PREVIOUS_KEY):
        opened = open_sealed(crypto, MessageCipher(key, APP_ID).seal(b"hello"))
        sealed = opened.seal_reply("<xml/>", timestamp=int(NOW))
        assert Account(TOKEN, key, APP_ID).unpack(sealed.encode()) == b"<xml/>"


def test_no_two_sealed_replies_are_alike(crypto):
    opened = open_sealed(crypto, MessageCipher(AES_KEY, APP_ID).seal(b"hello"))
    sealed = [read_reply(opened.seal_reply("<xml/>", timestamp=int(NOW)).encode()) for _ in range(20)]
    assert len({one["Nonce"] for one in sealed}) == len({one["Encrypt"] for one in sealed}) == 20


# --- what is not from WeChat --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encrypted",
    [
        "",
        "A",
        "not base64!",
        "测试",
        base64.b64encode(b"x" * 15).decode(),
        base64.b64encode(b"x" * 64).decode(),
        MessageCipher(AES_KEY, "wx0000000000000000").seal(b"<xml/>"),
        MessageCipher("B" * 42 + "A", APP_ID).seal(b"<xml/>"),
        PUSH_ENCRYPTED[:-24] + PUSH_ENCRYPTED[-4:],
    ],
    ids=[
        "empty", "one letter", "no base64", "no ascii", "no block", "random", "other app", "other key", "shortened"
    ],
)  # fmt: skip
def test_a_signed_text_that_does_not_open_is_refused(crypto, encrypted):
    with pytest.raises(NotFromWechat):
        open_sealed(crypto, encrypted)


@pytest.mark.parametrize("pad", [33, 48, 64, 255])
def test_a_padding_longer_than_wechat_makes_is_refused(crypto, pad):
    key = base64.b64decode(AES_KEY + "=")
    message = b"m" * (-(16 + 4 + len(APP_ID) + pad) % 16)
    plain = b"r" * 16 + len(message).to_bytes(4, "big") + message + APP_ID.encode() + bytes([pad]) * pad
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    with pytest.raises(NotFromWechat):
        open_sealed(crypto, base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode())


@given(garbage=st.binary(max_size=200))
def test_signed_garbage_is_refused_and_raises_nothing_else(garbage):
    crypto = CallbackCrypto(token=TOKEN, aes_keys=[AES_KEY, PREVIOUS_KEY], app_id=APP_ID)
    with pytest.raises(NotFromWechat):
        open_sealed(crypto, base64.b64encode(garbage).decode())


@given(text=st.text(max_size=60), part=st.sampled_from(["signature", "timestamp", "nonce"]))
def test_an_unsigned_request_is_refused_whatever_it_says(text, part):
    crypto = CallbackCrypto(token=TOKEN, aes_keys=[AES_KEY], app_id=APP_ID)
    query = {"signature": "0" * 40, "timestamp": str(int(NOW)), "nonce": "n"} | {part: text}
    with pytest.raises(NotFromWechat):
        crypto.check_signature(**query, now=NOW)


def test_a_changed_letter_of_the_encrypted_text_breaks_the_signature(crypto):
    swapped = "B" + PUSH_ENCRYPTED[1:]
    with pytest.raises(NotFromWechat):
        crypto.open_body(
            encrypted=swapped,
            msg_signature=PUSH_SIGNATURE,
            timestamp=PUSH_AT,
            nonce=PUSH_NONCE,
            now=float(PUSH_AT),
        )


@pytest.mark.parametrize("age", [0, 300, -300])
def test_a_timestamp_within_five_minutes_is_fresh(crypto, age):
    assert open_sealed(crypto, MessageCipher(AES_KEY, APP_ID).seal(b"m"), now=NOW + age).message == b"m"


@pytest.mark.parametrize("age", [301, -301, 86400, 1_800_000_000])
def test_a_timestamp_further_away_is_stale(crypto, age):
    with pytest.raises(NotFromWechat):
        open_sealed(crypto, MessageCipher(AES_KEY, APP_ID).seal(b"m"), now=NOW + age)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "１７６４００００００", " 1764000000", "9" * 5000, "NaN"])
def test_a_signed_timestamp_that_is_no_number_is_refused(crypto, timestamp):
    with pytest.raises(NotFromWechat):
        crypto.check_signature(signature=sign(TOKEN, timestamp, "n"), timestamp=timestamp, nonce="n", now=NOW)


class _Unequal(str):
    """A signature that notices when somebody compares it letter by letter, which tells how many letters were right."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared by ==")

    __ne__ = __eq__

    def encode(self, *how: str) -> bytes:
        return _UnequalBytes(super().encode(*how))


class _UnequalBytes(bytes):
    __hash__ = bytes.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared by ==")

    __ne__ = __eq__


def test_signatures_are_compared_in_constant_time(crypto):
    good = sign(TOKEN, str(int(NOW)), "n")
    crypto.check_signature(signature=_Unequal(good), timestamp=str(int(NOW)), nonce="n", now=NOW)
    with pytest.raises(NotFromWechat):
        crypto.check_signature(signature=_Unequal("0" * 40), timestamp=str(int(NOW)), nonce="n", now=NOW)
