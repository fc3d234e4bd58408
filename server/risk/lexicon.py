"""Reads the rule set from its folder and refuses it, with every fault named, unless it is whole.

words.yaml       readings of characters, named lists, spellings that stand for a word, negators
rules.yaml       the version, the slots and what a context makes of them, groups of slots, the rules
lexicon/*.yaml   the entries: kinds of sentence, each with its slot and its patterns
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from server.errors import ConfigurationError
from server.risk.grades import Grade
from server.risk.patterns import Grammar, Pattern, PatternError, Words, expand, parse

DROP = "drop"  # what a context makes of a hit that no longer means anything
# Slots that the code itself understands; all others are known to the YAML alone.
BENIGN, PAST, PRESENT, FRAME, GAME, JOKE, EARNEST, ANYONE, SUPPOSED = CONTEXT_SLOTS = (
    "benign",
    "past",
    "present",
    "frame",
    "game",
    "joke",
    "earnest",
    "anyone",
    "supposed",
)

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(-[a-z0-9_]+)*$")]
Nonempty = Annotated[str, Field(min_length=1)]


class RuleFileError(ConfigurationError, ValueError):
    """A rule file is missing or broken; the message names the file and the fault."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spelling(_Strict):
    """Ways in which a word is written to slip past a reader or a filter."""

    word: Nonempty
    written: list[Nonempty]
    not_after: list[Nonempty] = []  # the first character belongs to another word
    not_before: list[Nonempty] = []  # what follows shows that it is meant literally (a number of things, an hour)


class Negation(_Strict):
    """`words` turn a hit round when they stand before it with nothing but `between` in between; `asking` do not."""

    words: list[Nonempty]
    between: list[Nonempty]
    asking: list[Nonempty]  # questions and idioms that hold a negator


class WordsFile(_Strict):
    characters: dict[Annotated[str, Field(min_length=1, max_length=1)], str]
    lists: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], list[Nonempty]]
    spellings: list[Spelling]
    negation: Negation
    speaker: list[Nonempty]  # "I" and its like
    past_stops: Nonempty  # characters after which a past time no longer holds
    numerals: Nonempty
    gap_stops: Nonempty
    everyday: list[Nonempty] = []  # never changes what is found, only how fast


class Slot(_Strict):
    """What a slot means, and what a context turns its hits into: another slot, `drop`, or (left out) nothing changes."""

    means: Nonempty
    supporting: bool = False  # common words that count only beside others: alone they do not even start a closer look
    inside: bool = False  # its words may be part of another hit of the same rule
    denied: Code | None = None
    framed: Code | None = None
    supposed: Code | None = None
    past: Code | None = None
    playing: Code | None = None
    joking: Code | None = None

    def outcomes(self) -> Iterator[str]:
        for outcome in (self.denied, self.framed, self.supposed, self.past, self.playing, self.joking):
            if outcome not in (None, DROP):
                yield outcome


class Rule(_Strict):
    """All `needs` (slots or groups), each by a place of its own, no further apart than `within` clauses."""

    id: Code
    grade: Grade
    needs: list[Code] = Field(min_length=1)
    within: int | None = Field(default=None, ge=0)  # None: anywhere in the text
    report: bool = False


class RulesFile(_Strict):
    version: Nonempty
    slots: dict[Code, Slot]
    groups: dict[Code, list[Code]]
    rules: list[Rule]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        missing = [name for name in CONTEXT_SLOTS if name not in self.slots]
        known = self.slots.keys() | self.groups.keys()
        missing += [name for slot in self.slots.values() for name in slot.outcomes() if name not in self.slots]
        missing += [name for members in self.groups.values() for name in members if name not in self.slots]
        missing += [name for rule in self.rules for name in rule.needs if name not in known]
        if missing:
            raise ValueError(f"these slots are used but not described: {', '.join(sorted(set(missing)))}")
        twice = [rule.id for number, rule in enumerate(self.rules) if rule.id in {r.id for r in self.rules[:number]}]
        if twice:
            raise ValueError(f"there are two rules {', '.join(twice)}")
        for rule in self.rules:
            if all(any(self.slots[name].supporting for name in self.members(need)) for need in rule.needs):
                raise ValueError(f"rule {rule.id} could be met by supporting slots alone")
        return self

    def members(self, need: str) -> list[str]:
        """The slots that a need of a rule stands for."""
        return self.groups.get(need, [need])


class Entry(_Strict):
    """One kind of sentence. `unless` names slots that make it harmless when they stand in the same clause.

    `unless_near` looks one clause further on either side: for what is only dangerous as long as nothing explains it.
    """

    id: Code
    slot: Code
    patterns: list[Nonempty] = []
    signs: list[Annotated[str, Field(min_length=1, max_length=1)]] = []  # pictures
    unless: list[Code] = []
    unless_near: list[Code] = []
    alone: bool = False  # counts only as a sentence of its own


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The rule set, read and checked."""

    rule_version: str
    words: WordsFile
    rules: RulesFile
    entries: tuple[Entry, ...]
    patterns: tuple[tuple[Entry, Pattern], ...]


def load(folder: Path) -> Lexicon:
    """Read a rule set. Raises RuleFileError."""
    words_path, rules_path = folder / "words.yaml", folder / "rules.yaml"
    entry_paths = sorted((folder / "lexicon").glob("*.yaml"))
    words = _read(words_path, TypeAdapter(WordsFile))
    rules = _read(rules_path, TypeAdapter(RulesFile))
    grammar = _grammar(words_path, words)
    entries: dict[str, Entry] = {}
    patterns: list[tuple[Entry, Pattern]] = []
    for path in entry_paths:
        for entry in _read(path, TypeAdapter(list[Entry])):
            if entry.id in entries:
                raise RuleFileError(f"{path}: there are two entries {entry.id}")
            for name in (entry.slot, *entry.unless, *entry.unless_near):
                if name not in rules.slots:
                    raise RuleFileError(
                        f"{path}: entry {entry.id} uses the slot {name}, which rules.yaml does not describe"
                    )
            entries[entry.id] = entry
            try:
                patterns += [(entry, parse(source, grammar)) for source in entry.patterns]
            except PatternError as fault:
                raise RuleFileError(f"{path}: entry {entry.id}: {fault}") from fault
    if not patterns:
        raise RuleFileError(f"{folder / 'lexicon'}: no entry was found")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (words_path, rules_path, *entry_paths))).hexdigest()
    return Lexicon(f"{rules.version}+{digest[:8]}", words, rules, tuple(entries.values()), tuple(patterns))


T = TypeVar("T")


def _read(path: Path, shape: TypeAdapter[T]) -> T:
    try:
        return shape.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise RuleFileError(f"{path}: {fault}") from fault
    except ValidationError as fault:
        faults = (f"{path}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in fault.errors())
        raise RuleFileError("\n".join(faults)) from fault


def _grammar(path: Path, words: WordsFile) -> Grammar:
    """The grammar with its named lists written out; a list may use those above it."""
    lists: dict[str, Words] = {}
    grammar = Grammar(lists, words.numerals, words.gap_stops, frozenset(words.everyday))
    for name, members in words.lists.items():
        try:
            lists[name] = frozenset[str]().union(*(expand(member, grammar) for member in members))
        except PatternError as fault:
            raise RuleFileError(f"{path}: list {name}: {fault}") from fault
    return grammar
