"""Which passwords are taken, and how they are kept. Nothing here reads the database or the network."""

import itertools
import re
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.errors import Invalid

SHORTEST_PASSWORD = 12
# What is left when everything that a guesser tries first counts as a single sign.
_FEWEST_SIGNS = 8
_SHORTEST_KNOWN = 2
# The roots of the usual lists. Their variants (doubled, numbered, with years behind) fall to the rules about runs.
_COMMON = (
    "password passwort passw0rd p@ssw0rd p@ssword admin administrator root welcome letmein login master secret changeme "
    "iloveyou woaini aini 5201314 1314520 1314 woshi wode mima zhongguo beijing guangzhou shanghai nihao xinqiao "
    "test guest user default system computer internet monkey dragon football baseball superman sunshine princess "
    "shadow michael jordan charlie daniel hello love abc xyz 007"
)
_COMMON_WORDS = sorted(_COMMON.split(), key=len, reverse=True)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "abcdefghijklmnopqrstuvwxyz")
_DIGITS = "01234567890123456789"
_SHORTEST_RUN = 3
_RUNS = frozenset(
    line[at : at + _SHORTEST_RUN]
    for row in (*_ROWS, _DIGITS)
    for line in (row, row[::-1])
    for at in range(len(line) - _SHORTEST_RUN + 1)
)
_YEAR = re.compile(r"(19|20)\d\d")
# Argon2id with OWASP's first recommendation (19 MiB, t=2, p=1).
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified where there is nothing to verify, so that an absence cannot be heard in the time it takes.
_NOBODY = _hasher.hash("nobody has this password")


class WeakPassword(Invalid):
    code = "accounts.weak_password"


class GuessablePassword(Invalid):
    """Long enough, and yet among the first that somebody would try."""

    code = "accounts.guessable_password"


def check_strength(password: str, known: Iterable[str] = ()) -> None:
    """Raises WeakPassword, GuessablePassword. `known` is what others know of its owner: names, places.

    Length is what counts; rules about characters only make people write passwords down.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(shortest=SHORTEST_PASSWORD)
    if count_signs(password, known) < _FEWEST_SIGNS:
        raise GuessablePassword


def count_signs(password: str, known: Iterable[str] = ()) -> int:
    """How long the password is for whoever tries names, usual words, years, rows of keys and repetitions first."""
    rest = password.casefold()
    words = sorted({word.casefold() for word in known if len(word) >= _SHORTEST_KNOWN}, key=len, reverse=True)
    for word in (*words, *_COMMON_WORDS):
        rest = rest.replace(word, "\0")
    rest = _YEAR.sub("\0", rest)
    signs = [sign for index, sign in enumerate(rest) if not _goes_on(rest, index)]
    return len(_without_repetition("".join(signs)))


def _goes_on(text: str, index: int) -> bool:
    """Whether this sign only continues a row: the second of two alike, or the third of a sequence."""
    if index and text[index] == text[index - 1]:
        return True
    return index >= _SHORTEST_RUN - 1 and text[index - _SHORTEST_RUN + 1 : index + 1] in _RUNS


def _without_repetition(text: str) -> str:
    """The shortest beginning of which the whole text is a repetition."""
    return next(
        (
            text[:size]
            for size in range(1, len(text))
            if all(one == other for one, other in zip(text, itertools.cycle(text[:size]), strict=False))
        ),
        text,
    )


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def is_password(kept: str, password: str) -> bool:
    """Takes as long for an empty hash (nobody, or nobody yet) as for a wrong password."""
    try:
        return _hasher.verify(kept or _NOBODY, password) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False
