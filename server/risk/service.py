"""The scanner's door: load a rule set once, scan as many texts as come.

A scan is pure: the same text and the same rules give the same finding, on any thread, and nothing is kept. `scan` takes
every string. Should it raise all the same, that is a bug, and the caller must grade the text SERIOUS ("scanner failed"),
store it and log the fault: a fault of ours is never a reason to hear less.
"""

from dataclasses import dataclass
from pathlib import Path

from server.risk import lexicon as lexicons
from server.risk.context import Denial, Layout, settle
from server.risk.folding import Folding
from server.risk.grades import Grade
from server.risk.grading import Grader
from server.risk.lexicon import Lexicon, RuleFileError
from server.risk.matching import Matcher

__all__ = ["RULES_FOLDER", "Evidence", "Finding", "RuleFileError", "Scanner"]

RULES_FOLDER = Path(__file__).resolve().parents[2] / "content" / "risk"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place that speaks for the grade: [start, end) of the text as it was sent, never the words themselves."""

    slot: str
    rule: str  # "<rule>/<lexicon entry>": why it counts, and which entry to mend when it should not
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a text says to the rules of one version. `report`: perhaps harm to a minor, apart from the grade."""

    grade: Grade
    report: bool
    evidence: tuple[Evidence, ...]
    rule_version: str


class Scanner:
    """A rule set, ready to read texts. Safe to share between threads."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._folding = Folding(lexicon.words.characters, {sign for entry in lexicon.entries for sign in entry.signs})
        self._matcher = Matcher(lexicon)
        self._denial = Denial(lexicon.words.negation)
        self._grader = Grader(lexicon)
        self._nothing = Finding(Grade.NONE, report=False, evidence=(), rule_version=lexicon.rule_version)

    @classmethod
    def load(cls, folder: Path) -> "Scanner":
        """Read and check a rule set; takes about a second. Raises RuleFileError, a ConfigurationError."""
        return cls(lexicons.load(folder))

    @property
    def rule_version(self) -> str:
        return self._lexicon.rule_version

    def scan(self, text: str) -> Finding:
        """Grade a text of any kind and length."""
        if not self._matcher.is_needed(self._folding.plain(text)):
            return self._nothing
        view = self._matcher.respelled(self._folding.view(text))
        layout = Layout(view.text)
        hits = settle(view, layout, self._matcher.hits(view), self._lexicon, self._denial)
        verdict = self._grader.judge(hits, layout)
        evidence = tuple(Evidence(hit.slot, f"{rule.id}/{hit.entry.id}", *hit.origin) for rule, hit in verdict.reasons)
        return Finding(verdict.grade, verdict.report, evidence, self.rule_version)
