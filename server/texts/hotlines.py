"""Numbers to call, with their hours. They stand in one key of the texts; the local line comes from the settings."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("zh_cn.toml")


@dataclass(frozen=True, slots=True)
class Hotline:
    """`audience`: all, young (who is under age sees it first) or danger (life is at risk now)."""

    name: str
    number: str
    hours: str
    audience: str


@cache
def _rows() -> list[dict[str, str]]:
    with _FILE.open("rb") as file:
        return list(tomllib.load(file)["hotlines"])


def hotlines(local: str) -> tuple[Hotline, ...]:
    """All numbers in the order in which they are shown. `local` is `number|hours`, or empty where there is no local line."""
    number, _, hours = local.partition("|")
    filled = (
        Hotline(
            row["name"],
            row["number"].format(local=number.strip()),
            row["hours"].format(local_hours=hours.strip()),
            row["for"],
        )
        for row in _rows()
    )
    return tuple(line for line in filled if line.number)


def spoken(lines: tuple[Hotline, ...]) -> dict[str, str]:
    """The numbers as sentences use them: {first} to talk to somebody, {young} for the young, {danger} when life is at risk."""
    by_audience = {
        audience: [line.number for line in lines if line.audience == audience] for audience in ("all", "young")
    }
    danger = [line.number for line in reversed(lines) if line.audience == "danger"]
    return {"first": by_audience["all"][0], "young": by_audience["young"][0], "danger": " / ".join(danger)}
