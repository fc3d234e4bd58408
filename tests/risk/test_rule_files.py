import shutil

import pytest

from server.errors import ConfigurationError
from server.risk.lexicon import CONTEXT_SLOTS, load
from server.risk.patterns import PatternError
from server.risk.service import RULES_FOLDER, RuleFileError, Scanner


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(RULES_FOLDER, tmp_path / "risk")


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_rules_have_no_idle_slot_group_or_neighbour():
    lexicon = load(RULES_FOLDER)
    rules = lexicon.rules
    filled = {entry.slot for entry in lexicon.entries} | {
        name for slot in rules.slots.values() for name in slot.outcomes()
    }
    needs = {need for rule in rules.rules for need in rule.needs}
    used = {name for need in needs for name in rules.members(need)}
    used |= {name for entry in lexicon.entries for name in (*entry.unless, *entry.unless_near)}

    assert rules.slots.keys() - filled == set()
    assert rules.slots.keys() - used - set(CONTEXT_SLOTS) == set()
    assert rules.groups.keys() - needs == set()
    assert len({rule.id for rule in rules.rules}) == len(rules.rules)


def test_the_version_changes_with_the_version_string_and_with_every_file(folder):
    shipped = load(folder).rule_version
    change(folder / "lexicon" / "wish.yaml", "# A wish", "# One wish")
    mended = load(folder).rule_version
    change(folder / "rules.yaml", "version: ", "version: next-")

    assert len({shipped, mended, load(folder).rule_version}) == 3
    assert mended.split("+")[0] == shipped.split("+")[0]
    assert load(folder).rule_version.startswith("next-")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("rules.yaml", "slots:", "slots: [", "rules.yaml"),
        ("rules.yaml", "grade: high", "grade: huge", "rules.0.grade"),
        ("rules.yaml", "needs: [under_way]", "needs: [under_weigh]", "under_weigh"),
        ("rules.yaml", "needs: [under_way]", "needs: [topic]", "supporting"),
        ("rules.yaml", "denied: drop", "denied: gone", "gone"),
        ("rules.yaml", "  present: {", "  presence: {", "present"),
        ("rules.yaml", "id: bleeding,", "id: under-way,", "two rules under-way"),
        ("words.yaml", "numerals:", "numbers:", "numbers"),
        ("words.yaml", "<kin>, 朋友", "<kith>, 朋友", "list close"),
        ("lexicon/wish.yaml", "死了算了", "死了(算了", "wish-die"),
        ("lexicon/wish.yaml", "slot: wish_loose", "slot: whish", "whish"),
        ("lexicon/wish.yaml", "id: wish-kill-self", "id: wish-die", "wish-die"),
        ("lexicon/wish.yaml", "alone: true", "alones: true", "alones"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_fault(folder, file, old, new, told):
    change(folder / file, old, new)

    with pytest.raises(RuleFileError) as refusal:
        Scanner.load(folder)
    assert str(folder / file) in str(refusal.value)
    assert told in str(refusal.value)
    assert isinstance(refusal.value, ConfigurationError | ValueError)


@pytest.mark.parametrize("missing", ["rules.yaml", "words.yaml", "lexicon"])
def test_a_missing_part_is_refused(folder, missing):
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(RuleFileError, match=missing):
        Scanner.load(folder)


def test_a_file_that_is_no_text_is_refused(folder):
    (folder / "lexicon" / "wish.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleFileError, match=r"wish\.yaml"):
        Scanner.load(folder)


def test_a_fault_of_grammar_is_told_with_its_pattern(folder):
    change(folder / "lexicon" / "wish.yaml", "死了算了", "死了(算了")
    with pytest.raises(RuleFileError) as refusal:
        load(folder)
    assert isinstance(refusal.value.__cause__, PatternError)
    assert "死了(算了" in str(refusal.value)
