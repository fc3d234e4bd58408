"""docs/security/asvs.md cannot rot in silence: no requirement is missing, what is named is there, what is counted is right."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.config import ROOT

DOCUMENT = ROOT / "docs" / "security" / "asvs.md"
INVENTORY = ROOT / "docs" / "security" / "inventory.md"
STATES = ("met", "partly", "open", "n/a")

# ASVS 5.0.0 by section: the level of its first requirement, of its second, and so on. "-" is level 3, not assessed.
SECTIONS = {
    "1.1": "22", "1.2": "111112222-", "1.3": "11222222222-", "1.4": "222", "1.5": "12-",
    "2.1": "122", "2.2": "112", "2.3": "1222-", "2.4": "2-",
    "3.1": "-", "3.2": "11-", "3.3": "1222-", "3.4": "112222--", "3.5": "11122---", "3.6": "-", "3.7": "22---",
    "4.1": "122--", "4.2": "2----", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112---", "5.3": "11-", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "1122----", "6.4": "1122--", "6.5": "22222---", "6.6": "222-",
    "6.7": "--", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "22-", "7.6": "22",
    "8.1": "12--", "8.2": "112-", "8.3": "1--", "8.4": "2-",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "22-", "10.3": "2222-", "10.4": "11111222222-----", "10.5": "22222", "10.6": "22", "10.7": "222",
    "11.1": "22--", "11.2": "222--", "11.3": "112--", "11.4": "1222", "11.5": "2-", "11.6": "2-", "11.7": "--",
    "12.1": "122--", "12.2": "11", "12.3": "2222-",
    "13.1": "2---", "13.2": "22222-", "13.3": "22--", "13.4": "12222--",
    "14.1": "22", "14.2": "1222----", "14.3": "122",
    "15.1": "122--", "15.2": "122--", "15.3": "1222222", "15.4": "----",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "222-",
    "17.1": "2-", "17.2": "2222----", "17.3": "22",
}  # fmt: skip
LEVELS = {
    f"{section}.{place}": level
    for section, levels in SECTIONS.items()
    for place, level in enumerate(levels, start=1)
    if level != "-"
}
_ROW = re.compile(r"\| (\d+\.\d+\.\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|")
_FOLDERS = ("server/", "tests/", "docs/", "content/", "deploy/", "scripts/", ".ci/")
_FILES = re.compile(r"[\w.-]+\.(?:txt|json|toml|md|example)|\.importlinter")


@dataclass(frozen=True)
class Row:
    number: str
    level: str
    asks: str
    state: str
    where: str


def rows() -> list[Row]:
    return [Row(*found.groups()) for line in text().splitlines() if (found := _ROW.fullmatch(line))]


def text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def named(document: Path) -> list[str]:
    """What a document names of the repository: `path` or `path::test`."""
    return [
        name
        for name in re.findall(r"`([^`\s]+)`", document.read_text(encoding="utf-8"))
        if name.startswith(_FOLDERS) or _FILES.fullmatch(name)
    ]


def test_the_list_here_is_as_long_as_the_standard() -> None:
    assert sum(map(len, SECTIONS.values())) == 345
    assert Counter(LEVELS.values()) == {"1": 70, "2": 183}


def test_every_requirement_of_levels_1_and_2_stands_there_once_in_order_with_its_level() -> None:
    assert [(row.number, row.level) for row in rows()] == list(LEVELS.items())


def test_every_row_has_a_state_and_a_reason() -> None:
    for row in rows():
        assert row.state in STATES, row
        assert row.asks.strip(), row
        assert row.where.strip(), row


def test_what_is_said_to_be_met_names_a_file_or_a_test_unless_there_is_nothing_to_name() -> None:
    nameless = [row.number for row in rows() if row.state == "met" and "`" not in row.where]

    assert len(nameless) < 20, nameless


def test_every_chapter_holds_its_own_numbers() -> None:
    chapter = ""
    for line in text().splitlines():
        if heading := re.match(r"## V(\d+) ", line):
            chapter = heading[1]
        elif found := _ROW.fullmatch(line):
            assert found[1].split(".")[0] == chapter, line


def test_the_counts_above_are_those_of_the_tables_below() -> None:
    counts = {found[1]: [int(one) for one in found[2].split("|")] for found in _summary()}
    for chapter in range(1, 18):
        inside = [row.state for row in rows() if row.number.startswith(f"{chapter}.")]
        assert counts[str(chapter)] == [*(inside.count(state) for state in STATES), len(inside)], chapter
    assert counts["all"] == [*(sum(row.state == state for row in rows()) for state in STATES), len(rows())]


def _summary() -> list[re.Match[str]]:
    return list(re.finditer(r"^\| (?:V(?=\d))?(all|\d+)\b[^|]*\| ((?:\d+ \| ){4}\d+) \|$", text(), re.MULTILINE))


def test_the_list_of_what_is_open_names_all_that_is_open_or_partly_and_nothing_else() -> None:
    section = text().split("## What is open")[1].split("\n## ")[0]
    listed = re.findall(r"\b\d+\.\d+\.\d+\b", section)

    assert set(listed) == {row.number for row in rows() if row.state in {"open", "partly"}}


@pytest.mark.parametrize("document", [DOCUMENT, INVENTORY], ids=lambda file: file.stem)
def test_every_file_and_every_test_that_is_named_is_there(document: Path) -> None:
    gone = []
    for name in named(document):
        path, _, test = name.partition("::")
        file = ROOT / path
        if not file.exists() or (test and f"def {test}(" not in file.read_text(encoding="utf-8")):
            gone.append(name)

    assert len(named(document)) > 10
    assert not gone
