import pytest

from server.errors import ConfigurationError
from server.risk.grades import Grade
from server.risk.lexicon import CONTEXT_SLOTS, load
from server.risk.service import RULES_FOLDER, RuleFileError, Scanner

# A rule set as small as the reader accepts: what is broken in it is broken in the shipped one.
FILES = {
    "words.yaml": """
characters: {著: 着}
numerals: 0123456789
gap_stops: 不没
speaker: [我]
past_stops: 了
negation: {words: [没有], between: [想], asking: [有没有]}
lists:
  want: [想, 要]
  wanting: [<want>, 只<want>]
spellings:
  - {word: 想死, written: [想4], not_before: [点]}
""",
    "rules.yaml": """
version: test-1
slots:
  wish: {means: a wish to die, denied: drop}
  ready: {means: something made ready}
  soon: {means: a time, supporting: true}
"""
    + "".join(f"  {name}: {{means: context, supporting: true}}\n" for name in CONTEXT_SLOTS)
    + """
groups:
  any_wish: [wish]
rules:
  - {id: planned, grade: high, needs: [any_wish, ready], within: 1}
  - {id: wished, grade: serious, needs: [any_wish]}
""",
    "lexicon/all.yaml": """
- {id: wish-die, slot: wish, patterns: ["<wanting>死"]}
- {id: rope, slot: ready, patterns: ["绳子~好了"], unless: [soon]}
- {id: tonight, slot: soon, patterns: [今晚]}
""",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_small_rule_set_grades_by_its_own_words(folder):
    scanner = Scanner.load(folder)

    assert scanner.scan("只想死").grade is Grade.SERIOUS
    assert scanner.scan("我想4，绳子都挂好了").grade is Grade.HIGH
    assert scanner.scan("我没有想死").grade is Grade.NONE
    assert scanner.scan("我想4点走").grade is Grade.NONE
    assert scanner.scan("想死。好。好。绳子好了").grade is Grade.SERIOUS  # too far apart for one plan


def test_the_shipped_rules_have_no_idle_slot_or_group():
    lexicon = load(RULES_FOLDER)
    slots, groups = lexicon.rules.slots, lexicon.rules.groups
    filled = {entry.slot for entry in lexicon.entries} | {name for slot in slots.values() for name in slot.outcomes()}
    needs = {need for rule in lexicon.rules.rules for need in rule.needs}
    used = {name for need in needs for name in lexicon.rules.members(need)} | set(CONTEXT_SLOTS)
    used |= {name for entry in lexicon.entries for name in (*entry.unless, *entry.unless_near)}

    assert slots.keys() - filled == set()
    assert slots.keys() - used == set()
    assert groups.keys() - needs == set()


def test_the_version_changes_with_the_version_string_and_with_every_file(folder):
    versions = [load(folder).rule_version]
    for name in FILES:
        change(folder / name, "\n", "\n# mended\n")
        versions.append(load(folder).rule_version)
    assert len(set(versions)) == len(versions)
    assert {version.split("+")[0] for version in versions} == {"test-1"}

    change(folder / "rules.yaml", "test-1", "test-2")
    assert load(folder).rule_version.startswith("test-2+")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("rules.yaml", "slots:", "slots: [", "expected"),
        ("rules.yaml", "grade: high", "grade: huge", "rules.0.grade"),
        ("rules.yaml", "needs: [any_wish]", "needs: [any_wishes]", "any_wishes"),
        ("rules.yaml", "needs: [any_wish]", "needs: [soon]", "rule wished could be met by supporting slots alone"),
        ("rules.yaml", "denied: drop", "denied: gone", "gone"),
        ("rules.yaml", "  present: {", "  presence: {", "present"),
        ("rules.yaml", "any_wish: [wish]", "any_wish: [wishes]", "wishes"),
        ("rules.yaml", "id: wished", "id: planned", "two rules planned"),
        ("words.yaml", "numerals:", "numbers:", "numbers"),
        ("words.yaml", "{著: 着}", "{著者: 着}", "characters"),
        ("words.yaml", "[<want>, 只<want>]", "[<wishing>]", "list wanting"),
        ("lexicon/all.yaml", "<wanting>死", "(<wanting>死", "entry wish-die"),
        ("lexicon/all.yaml", "slot: wish", "slot: whish", "entry wish-die uses the slot whish"),
        ("lexicon/all.yaml", "unless: [soon]", "unless: [sooner]", "sooner"),
        ("lexicon/all.yaml", "id: rope", "id: wish-die", "two entries wish-die"),
        ("lexicon/all.yaml", "unless:", "unles:", "unles"),
        ("lexicon/all.yaml", "- {id: tonight", "- [", "expected"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_fault(folder, file, old, new, told):
    change(folder / file, old, new)

    with pytest.raises(RuleFileError) as refusal:
        Scanner.load(folder)
    assert str(folder / file) in str(refusal.value)
    assert told in str(refusal.value)


def test_a_refusal_stops_the_start_like_any_fault_of_configuration():
    assert issubclass(RuleFileError, ConfigurationError)
    assert issubclass(RuleFileError, ValueError)


@pytest.mark.parametrize("missing", ["rules.yaml", "words.yaml", "lexicon/all.yaml"])
def test_a_missing_file_is_refused(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(RuleFileError, match=missing.partition("/")[0]):
        Scanner.load(folder)


def test_a_file_that_is_no_text_is_refused(folder):
    (folder / "lexicon" / "all.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleFileError, match=r"all\.yaml"):
        Scanner.load(folder)
