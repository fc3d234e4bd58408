"""Identifiers that leave the server. All of them are random: an id that counts tells order, and order tells who."""

import secrets

# 128 random bits, 22 characters of base64url. Case matters, hence the binary collation of every id column.
PUBLIC_ID_LENGTH = 22

# Entry points are printed under a code and read out on the phone: no 0/O, 1/l/I, and short enough to type.
PRINTED_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
PRINTED_CODE_LENGTH = 10


def new_public_id() -> str:
    return secrets.token_urlsafe(16)


def new_token() -> str:
    """A bearer secret of 256 bits, for forms and cookies. Only its hash is stored."""
    return secrets.token_urlsafe(32)


def new_printed_code() -> str:
    """About 49 bits: not a secret (it hangs on a wall), but not enumerable either."""
    return "".join(secrets.choice(PRINTED_ALPHABET) for _ in range(PRINTED_CODE_LENGTH))


def is_printed_code(value: str) -> bool:
    return len(value) == PRINTED_CODE_LENGTH and all(letter in PRINTED_ALPHABET for letter in value)
