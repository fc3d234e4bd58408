"""What is sealed opens only where it was sealed, whole and unchanged; what is indexed meets only its like."""

import base64
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from server.vault import BLIND_INDEX_BYTES, BadKeyRing, CannotOpen, Place, Vault, token_hash

PLACE = Place("letters", "row-1", "words")
OLD, NEW = ("old", bytes(range(32))), ("new", bytes(range(32, 64)))
VAULT = Vault([OLD])
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
places = st.builds(Place, table=names, row=names, field=names)


def refuses(sealed: bytes, place: Place = PLACE, vault: Vault = VAULT) -> bool:
    try:
        vault.open(sealed, place)
    except CannotOpen:
        return True
    return False


# --- round trips --------------------------------------------------------------------------------------------------


@given(plain=st.binary(max_size=3000), place=places)
def test_what_is_sealed_opens_again_in_its_place(plain: bytes, place: Place) -> None:
    assert VAULT.open(VAULT.seal(plain, place), place) == plain


# Lone surrogates too: st.text() without categories makes them.
@given(st.text(st.characters()))
def test_every_text_opens_again_letter_by_letter(words: str) -> None:
    assert VAULT.open_text(VAULT.seal_text(words, PLACE), PLACE) == words


def test_half_an_emoji_does_not_cost_the_whole_message() -> None:
    words = "今天很难过\ud83d"

    assert VAULT.open_text(VAULT.seal_text(words, PLACE), PLACE) == words


def test_the_same_words_sealed_twice_do_not_look_alike() -> None:
    first, second = VAULT.seal(b"the same", PLACE), VAULT.seal(b"the same", PLACE)

    # Only the format and the key's id are the same; both nonces, the wrapped key and the text differ.
    assert first[:9] == second[:9]
    assert first[9:69] != second[9:69]
    assert first[69:] != second[69:]


@given(plain=st.binary(min_size=8, max_size=200))
def test_a_sealed_value_does_not_hold_the_plain_one(plain: bytes) -> None:
    assert plain not in VAULT.seal(plain, PLACE)


# --- what must not open -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["table", "row", "field"])
def test_a_value_that_was_moved_does_not_open(part: str) -> None:
    sealed = VAULT.seal(b"words", PLACE)

    assert refuses(sealed, replace(PLACE, **{part: "another"}))


@given(one=places, other=places)
def test_no_two_places_are_taken_for_each_other(one: Place, other: Place) -> None:
    assume(one != other)

    assert refuses(VAULT.seal(b"words", one), other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Place("ab", "c", "d"), Place("a", "bc", "d")),
        (Place("a", "", "b"), Place("a", "b", "")),
        (Place("a\0b", "c", "d"), Place("a", "b\0c", "d")),
    ],
)
def test_names_that_run_together_are_still_two_places(one: Place, other: Place) -> None:
    assert refuses(VAULT.seal(b"words", one), other)


def test_another_key_under_the_same_id_does_not_open() -> None:
    assert refuses(VAULT.seal(b"words", PLACE), vault=Vault([("old", NEW[1])]))


def test_a_key_that_left_the_ring_does_not_open() -> None:
    assert refuses(Vault([NEW, OLD]).seal(b"words", PLACE), vault=Vault([OLD]))


def test_a_value_cut_at_any_length_does_not_open() -> None:
    sealed = VAULT.seal(b"five!", PLACE)

    assert [length for length in range(len(sealed)) if not refuses(sealed[:length])] == []


def test_no_byte_can_be_added() -> None:
    assert refuses(VAULT.seal(b"words", PLACE) + b"\0")


def test_no_single_bit_can_be_turned() -> None:
    sealed = VAULT.seal(b"five!", PLACE)
    turned = [
        (byte, bit)
        for byte in range(len(sealed))
        for bit in range(8)
        if not refuses(sealed[:byte] + bytes([sealed[byte] ^ 1 << bit]) + sealed[byte + 1 :])
    ]

    assert turned == []


def test_the_body_of_one_value_does_not_open_under_the_head_of_another() -> None:
    first, second = VAULT.seal(b"words", PLACE), VAULT.seal(b"other", PLACE)

    assert refuses(first[:69] + second[69:])


@given(st.binary(max_size=200))
def test_garbage_does_not_open(garbage: bytes) -> None:
    assert refuses(garbage)


def test_a_refusal_says_nothing() -> None:
    with pytest.raises(CannotOpen) as refusal:
        VAULT.open(VAULT.seal(b"words", PLACE), replace(PLACE, row="row-2"))

    assert str(refusal.value) == ""
    assert refusal.value.__cause__ is None


# --- the ring -----------------------------------------------------------------------------------------------------


def test_a_new_key_put_first_seals_while_the_old_one_still_opens() -> None:
    before = VAULT.seal(b"before", PLACE)
    both = Vault([NEW, OLD])
    after = both.seal(b"after", PLACE)

    assert (both.open(before, PLACE), both.open(after, PLACE)) == (b"before", b"after")
    assert refuses(after, vault=Vault([OLD]))
    assert Vault([NEW]).open(after, PLACE) == b"after"


def test_a_value_that_was_rewrapped_needs_the_old_key_no_longer() -> None:
    sealed = VAULT.seal(b"words", PLACE)

    rewrapped = Vault([NEW, OLD]).rewrap(sealed, PLACE)

    assert Vault([NEW]).open(rewrapped, PLACE) == b"words"
    assert refuses(rewrapped, vault=Vault([OLD]))
    assert rewrapped[69:] == sealed[69:], "the text itself was not touched"


def test_a_value_in_the_wrong_place_cannot_be_rewrapped() -> None:
    with pytest.raises(CannotOpen):
        VAULT.rewrap(VAULT.seal(b"words", PLACE), replace(PLACE, row="row-2"))


def test_a_ring_is_read_newest_first() -> None:
    texts = [f"{key_id}:{base64.b64encode(secret).decode()}" for key_id, secret in (NEW, OLD)]

    ring = Vault.from_text(f" {texts[0]} , {texts[1]}")

    assert Vault([NEW]).open(ring.seal(b"words", PLACE), PLACE) == b"words"
    assert ring.open(VAULT.seal(b"words", PLACE), PLACE) == b"words"


def test_a_key_text_that_was_made_is_one_that_is_read() -> None:
    text = Vault.new_key_text()

    assert text.startswith("k1:")
    assert text != Vault.new_key_text()
    assert Vault.from_text(text).open(Vault.from_text(text).seal(b"words", PLACE), PLACE) == b"words"


KEY = base64.b64encode(b"\x5a" * 32).decode()


@pytest.mark.parametrize(
    ("ring", "says"),
    [
        ("", "entry 1 is not id:base64"),
        (KEY, "entry 1 is not id:base64"),
        ("k1:", "entry 1 is not id:base64"),
        ("k1:not base64!", "entry 1 is not id:base64"),
        ("k1:汉字", "entry 1 is not id:base64"),
        (f"k1:{KEY[:-1]}", "entry 1 is not id:base64"),
        (f"k1:{KEY},", "entry 2 is not id:base64"),
        (f"k1:{base64.b64encode(b'short').decode()}", "entry 1: the key has 5 bytes, 32 are needed"),
        (f"k2:{KEY},k1:{base64.b64encode(bytes(33)).decode()}", "entry 2: the key has 33 bytes, 32 are needed"),
        (f"K1:{KEY}", "entry 1: an id has 1 to 8 of a-z and 0-9"),
        (f"ninechars:{KEY}", "entry 1: an id has 1 to 8 of a-z and 0-9"),
        (f":{KEY}", "entry 1: an id has 1 to 8 of a-z and 0-9"),
        (f"{KEY}:{KEY}", "entry 1: an id has 1 to 8 of a-z and 0-9"),
        (f"k1:{KEY},k1:{KEY}", "two keys of the ring have one id"),
    ],
)
def test_a_bad_ring_is_explained_without_showing_a_key(ring: str, says: str) -> None:
    with pytest.raises(BadKeyRing) as fault:
        Vault.from_text(ring)

    assert str(fault.value) == says
    assert KEY not in str(fault.value)


def test_a_ring_without_keys_is_refused() -> None:
    with pytest.raises(BadKeyRing, match="holds no key"):
        Vault([])


def test_a_vault_does_not_show_its_keys() -> None:
    shown = repr(VAULT) + repr(vars(VAULT))

    assert OLD[1].hex() not in shown
    assert repr(OLD[1])[2:-1] not in shown


# --- blind indexes ------------------------------------------------------------------------------------------------


@given(value=st.text(st.characters()), other=st.text(st.characters()))
def test_equal_values_meet_and_different_ones_do_not(value: str, other: str) -> None:
    index = VAULT.blind_index("openid", value)

    assert len(index) == BLIND_INDEX_BYTES
    assert (index == VAULT.blind_index("openid", other)) == (value == other)


def test_one_value_has_another_index_for_each_purpose() -> None:
    assert VAULT.blind_index("openid", "x") != VAULT.blind_index("phone", "x")
    assert VAULT.blind_index("a", "b\0c") != VAULT.blind_index("a\0b", "x\0c")


def test_nobody_without_the_key_can_compute_an_index() -> None:
    assert VAULT.blind_index("openid", "x") != Vault([("old", NEW[1])]).blind_index("openid", "x")


def test_while_keys_rotate_a_value_is_looked_for_under_each() -> None:
    both = Vault([NEW, OLD])

    assert both.blind_indexes("openid", "x") == [
        Vault([NEW]).blind_index("openid", "x"),
        Vault([OLD]).blind_index("openid", "x"),
    ]
    assert both.blind_index("openid", "x") == both.blind_indexes("openid", "x")[0]


def test_the_index_is_not_made_with_the_wrapping_key() -> None:
    """One derived key each: what is learned of one purpose helps with no other."""
    key = VAULT._keys[0]

    assert key.indexing != OLD[1]
    assert refuses(VAULT.seal(b"words", PLACE), vault=Vault([("old", key.indexing)]))


# --- tokens -------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(), max_size=60))
def test_a_token_is_kept_as_64_hex_digits_that_do_not_hold_it(token: str) -> None:
    kept = token_hash(token)

    assert len(kept) == 64
    assert set(kept) <= set("0123456789abcdef")
    assert kept == token_hash(token)
    assert kept != token_hash(token + "x")
