"""The sentences of the imitation, read from texts.toml: what the phone says and who lives in it."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("texts.toml")


@cache
def texts() -> dict[str, Any]:
    """All of them, by section. The same mapping each time: readers must not write to it."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def notice(code: str) -> str:
    """The grey line in the middle of a chat."""
    return str(texts()["notices"][code])
