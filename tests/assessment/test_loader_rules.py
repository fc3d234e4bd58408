"""One broken definition for each rule that its parts must keep: the fault, the file and the line."""

from pathlib import Path

import pytest

from server.assessment.loader import load_instruments
from server.errors import ConfigurationError

SOUND = (Path(__file__).parent / "vectors" / "tiny.yaml").read_text(encoding="utf-8")

# What stands in the sound file, what stands there instead, how the blamed line begins, and the fault.
BROKEN = {
    "item twice": (
        "scoring:\n",
        "  - {id: extra, options: yes_no, zh: 又一题, scored: false}\nscoring:\n",
        "  - {id: extra",
        "extra: stands twice",
    ),
    "option code twice": (
        "{code: 1, zh: 是}",
        "{code: 1, zh: 是}\n    - {code: 0, zh: 不知道}",
        "    - {code: 0, zh: 不知道",
        "0: stands twice",
    ),
    "band twice": (
        "to: 2, level: green, label: {zh: 低}}",
        "to: 1, level: green, label: {zh: 低}}\n        - {id: low, from: 2, to: 2, level: green, label: {zh: 低}}",
        "        - {id: low, from: 2",
        "low: stands twice",
    ),
    "counted twice": ("items: [a1..a3]", "items: [a1..a3, a2]", "      items:", "a2: stands twice"),
    "scored item without a score": (
        "zh: 第三题}",
        "zh: 第三题}\n  - {id: a4, options: yes_no, zh: 第四题}",
        "  - {id: a4",
        "a4: is scored, but no score counts it",
    ),
    "optional scored item": (
        "zh: 第二题}",
        "zh: 第二题, required: false}",
        "  - {id: a2",
        "a2: a scored item cannot be passed over",
    ),
    "hidden scored item": (
        "zh: 第二题}",
        "zh: 第二题, show_if: {any_ge: [[a1], 1]}}",
        "  - {id: a2",
        "a2: hiding a scored item is not supported",
    ),
    "unknown option set": (
        "{id: a2, options: yes_no,",
        "{id: a2, options: often,",
        "  - {id: a2",
        "often: no such option set",
    ),
    "condition on no item": (
        "any_ge: [[a1..a3], 1]",
        "any_ge: [[a1..a9], 1]",
        "    show_if:",
        "a1..a9: no such earlier item",
    ),
    "condition on itself": (
        "any_ge: [[a1..a3], 1]",
        "any_ge: [[extra], 1]",
        "    show_if:",
        "extra: no such earlier item",
    ),
    "condition that nobody meets": (
        "any_ge: [[a1..a3], 1]",
        "any_ge: [[a1], 2]",
        "    show_if:",
        "a1: no option has a code of 2 or more",
    ),
    "unknown item in a score": ("items: [a1..a3]", "items: [a1..a3, a9]", "      items:", "a9: no such item"),
    "unscored item in a score": ("items: [a1..a3]", "items: [a1..extra]", "      items:", "extra: no such scored item"),
    "backward range": ("items: [a1..a3]", "items: [a1, a2, a3, a3..a1]", "      items:", "a3..a1: no such item"),
    "wrong range": (
        "transform: [{multiply: 2}]",
        "transform: [{multiply: 4}]",
        "      range:",
        "[0, 6]: the items give [0, 12]",
    ),
    "gap between bands": ("from: 3, to: 6", "from: 4, to: 6", "        - {id: high", "high: 3 is in no band"),
    "gap before bands": ("from: 0, to: 2", "from: 1, to: 2", "        - {id: low", "low: 0 is in no band"),
    "gap after bands": ("from: 3, to: 6", "from: 3, to: 4", "      bands:", "5 to 6 is in no band"),
    "band of nothing": (
        "- {id: high,",
        "- {id: none, from: 3, to: 2, level: green, label: {zh: 无}}\n        - {id: high,",
        "        - {id: none",
        "none: ends before it begins",
    ),
    "overlapping bands": ("from: 3, to: 6", "from: 2, to: 6", "        - {id: high", "high: begins at 2, expected 3"),
    "band beyond the range": ("from: 3, to: 6", "from: 3, to: 7", "        - {id: high", "high: ends at 7, beyond 6"),
    "cut-off outside": ("at_least: 4", "at_least: 7", "        - {id: here", "7: is outside the range"),
    "level without text": (
        "  orange: {zh: 谈一谈, actions: [booking]}\n",
        "",
        "results:",
        "orange: high has this level, but there is no text for it",
    ),
    "red flag without text": (
        "  red: {zh: 尽快谈一谈, actions: [hotline]}\n",
        "",
        "results:",
        "red: danger has this level, but there is no text for it",
    ),
    "unknown blank": ("{retake} 天", "{name} 天", "  green:", "{name}: only {retake} can be filled in"),
    "action twice": ("actions: [hotline]", "actions: [hotline, hotline]", "  red:", "an action stands twice"),
    "unknown action": (
        "actions: [hotline]",
        "actions: [pray]",
        "  red:",
        "results.red.actions.0: 'pray' is not supported. "
        "Input should be 'self_help', 'retest', 'contact', 'hotline', 'booking' or 'hospital'",
    ),
    "flag on no item": ("{item: a3, ge: 1}", "{item: a9, ge: 1}", "    when: {item", "a9: no such item"),
    "flag that cannot rise": (
        "{item: a3, ge: 1}",
        "{item: a3, ge: 2}",
        "    when: {item",
        "a3: no option has a code of 2 or more",
    ),
    "flag on no code": ("{item: a3, ge: 1}", "{item: a3, eq: 2}", "    when: {item", "a3: no option has the code 2"),
    "flag without a screen": (
        "then: {screen: crisis}",
        "then: {}",
        "    then:",
        "danger: a flag of level urgent must show the crisis screen",
    ),
    "flag offers nothing": (
        "then: {screen: crisis}",
        "then: {screen: crisis, offer: asq}",
        "    then:",
        "asq: no startable instrument has this id",
    ),
    "offer of nothing": (
        "offer: booking",
        "offer: massage",
        "    offer:",
        "massage: neither an action nor a startable instrument",
    ),
    "next after no score": (
        "band_in: [total, [high]]",
        "band_in: [sum, [high]]",
        "  - when: {band_in",
        "sum: no such score",
    ),
    "next after no band": (
        "band_in: [total, [high]]",
        "band_in: [total, [top]]",
        "  - when: {band_in",
        "top: total has no such band",
    ),
    "answers carried nowhere": (
        "offer: booking",
        "offer: booking\n    carry_items: {a1: b1}",
        "    carry_items:",
        "booking takes no answers",
    ),
    "chart's axis": ("axis: [0, 6]", "axis: [0, 7]", "  axis:", "[0, 7]: the total's range is [0, 6]"),
    "chart's line": ("lines: [3]", "lines: [9]", "  lines:", "9: is outside the axis"),
    "chart upside down": ("better: down", "better: up", "  better:", "up: the total is higher_is_worse"),
    "ages the wrong way round": ("max_age: 80", "max_age: 17", "  max_age:", "is below min_age"),
    "reminder too early": ("remind_days: 14", "remind_days: 7", "  remind_days:", "is below min_days"),
    "falling levels": (
        "to: 2, level: green",
        "to: 2, level: red",
        "        - {id: high",
        "high: orange after red (higher_is_worse)",
    ),
    "reversed outsider": (
        "reverse: [a1]",
        "reverse: [a9]",
        "      reverse:",
        "a9: is reversed, but not among the items",
    ),
}


@pytest.mark.parametrize(("sound", "broken", "blamed", "fault"), BROKEN.values(), ids=BROKEN.keys())
def test_a_definition_that_breaks_a_rule_is_refused_at_its_line(
    tmp_path: Path, sound: str, broken: str, blamed: str, fault: str
) -> None:
    assert SOUND.count(sound) == 1
    path = tmp_path / "tiny.yaml"
    path.write_text(SOUND.replace(sound, broken), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").split("\n")
    (line,) = [number for number, text in enumerate(lines, start=1) if text.startswith(blamed)]

    with pytest.raises(ConfigurationError) as refusal:
        load_instruments(tmp_path)

    assert str(refusal.value).split("\n") == [f"{path}:{line}: {fault}"]
