"""Every short sentence that a person reads, by key, from the files zh_cn*.toml. Longer texts live in `content/`."""

import string
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


class MissingText(LookupError):
    """A key without a text is a bug; tests walk all keys that the code uses."""


@cache
def _texts() -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for file in sorted(_FOLDER.glob("zh_cn*.toml")):
        found = dict(_flatten(tomllib.loads(file.read_text(encoding="utf-8"))))
        if twice := texts.keys() & found.keys():
            raise ValueError(f"{file.name}: {', '.join(sorted(twice))} stand in another file too")
        texts |= found
    return texts


def _flatten(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            rows += _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, str):  # the list of hotlines has a reader of its own
            rows.append((f"{prefix}{name}", value.strip("\n")))
    return rows


def text(key: str, **params: object) -> str:
    """The sentence for `key` with its `{names}` filled. Raises MissingText, or KeyError when a name is not given."""
    try:
        template = _texts()[key]
    except KeyError:
        raise MissingText(key) from None
    return template.format(**params) if "{" in template else template


def text_or(key: str, otherwise: str) -> str:
    """The sentence for `key`, or `otherwise` where nobody has written one: for codes that may be older than the texts."""
    return text(key) if has_text(key) else otherwise


def has_text(key: str) -> bool:
    return key in _texts()


def all_keys() -> list[str]:
    return sorted(_texts())


def names_in(key: str) -> set[str]:
    """The parameters that the sentence wants, for tests and tools."""
    return {name for _, name, _, _ in string.Formatter().parse(_texts()[key]) if name}
