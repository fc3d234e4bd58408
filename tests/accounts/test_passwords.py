"""Long passwords are taken as they are; what a guesser tries first is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.passwords import GuessablePassword, WeakPassword, check_strength, count_signs, is_password
from tests import canaries

KNOWN = ("chen.duty", "陈老师", "云岭街道", "榕江区")


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaa", "123456789012", "012345678901", "987654321098", "qwertyuiop12", "QWERTYUIOPas", "asdfghjklzxc",
        "1qaz2wsx3edc", "abcabcabcabc", "Abcdefghijkl", "passwordpassword", "Password1234", "P@ssw0rd2026",
        "admin123456789", "woaini5201314", "iloveyou2026!", "zhongguo123456", "xinqiao20261122", "111111222222",
        "!!!!!!!!!!!!", "1a1a1a1a1a1a1a", "hellohellohello",
        "chen.duty2026", "chen.dutychen.duty", "CHEN.DUTY1234", "陈老师陈老师陈老师陈老师",
        "云岭街道云岭街道榕江区榕江区", "云岭街道12345678",
    ],
)  # fmt: skip
def test_what_is_tried_first_is_refused(password: str) -> None:
    with pytest.raises(GuessablePassword):
        check_strength(password, KNOWN)


@pytest.mark.parametrize(
    "password",
    [
        canaries.PASSWORD,
        "金木水火土日月山石田禾竹",
        "correct horse battery",
        "k7-Wolke.Tisch",
        "雨后的石阶很滑，要慢慢走",
        "zebra kettle moss",
    ],
)
def test_what_is_long_and_not_on_any_list_is_taken(password: str) -> None:
    check_strength(password, KNOWN)


@given(st.text(max_size=11))
def test_a_short_one_is_refused_for_its_length(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_strength(password, KNOWN)


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=4))
def test_any_text_can_be_weighed_and_weighs_no_more_than_it_is_long(password: str, known: list[str]) -> None:
    assert 0 <= count_signs(password, known) <= len(password.casefold())


@given(sign=st.characters(), times=st.integers(12, 60))
def test_one_sign_however_often_is_one(sign: str, times: int) -> None:
    assert count_signs(sign * times) <= 2  # some letters have two small ones


def test_a_password_that_is_not_there_is_never_right() -> None:
    assert not is_password("", "nobody has this password")
    assert not is_password("", "")
