"""A file that is no definition: the fault, the file and the line for each way to misspell one."""

from pathlib import Path

import pytest

from server.assessment.loader import load_instruments
from server.errors import ConfigurationError

SOUND = (Path(__file__).parent / "vectors" / "tiny.yaml").read_text(encoding="utf-8")

# What stands in the sound file, what stands there instead, how the blamed line begins, and the fault.
BROKEN = {
    "unknown field": (
        "duration_min: 1",
        "duration_min: 1\ncolour: red",
        "colour:",
        "colour: unknown field, or one that is not supported yet",
    ),
    "skip logic": ("quality:", "skip: []\nquality:", "skip:", "skip: unknown field, or one that is not supported yet"),
    "missing field": ("recall: {zh: 过去一周, days: 7}\n", "", "schema: 1", "recall: is missing"),
    "missing band label": (
        "level: green, label: {zh: 低}}",
        "level: green}",
        "        - {id: low",
        "scoring.scores.0.bands.0.label: is missing",
    ),
    "missing band level": (
        "level: orange, label",
        "label",
        "        - {id: high",
        "scoring.scores.0.bands.1.level: is missing",
    ),
    "unknown level": (
        "level: orange,",
        "level: purple,",
        "        - {id: high",
        "scoring.scores.0.bands.1.level: 'purple' is not supported. "
        "Input should be 'green', 'yellow', 'orange' or 'red'",
    ),
    "mean": (
        "method: sum",
        "method: mean",
        "      method:",
        "scoring.scores.0.method: 'mean' is not supported. Input should be 'sum'",
    ),
    "prorating": (
        "missing: complete",
        "missing: prorate",
        "      missing:",
        "scoring.scores.0.missing: 'prorate' is not supported. Input should be 'complete'",
    ),
    "randomised order": (
        "randomise: false",
        "randomise: true",
        "display:",
        "display.randomise: True is not supported. Input should be False",
    ),
    "code of another type": (
        "{code: 1,",
        "{code: yes,",
        "    - {code: yes",
        "option_sets.yes_no.1.code: Input should be a valid integer",
    ),
    "empty text": ("en: Tiny scale", "en: '  '", "  en:", "name.en: String should match pattern '\\S'"),
    "no such day": (
        "2026-01-31",
        "2026-02-31",
        "translation:",
        "translation.reviewed_on: Input should be a valid date or datetime, day value is outside expected range",
    ),
    "condition on a band": (
        "when: {item: a3, ge: 1}",
        "when: {item: a3, ge: 1, band: high}",
        "    when: {item",
        "red_flags.0.when.band: unknown field, or one that is not supported yet",
    ),
    "condition without comparison": (
        "when: {item: a3, ge: 1}",
        "when: {item: a3}",
        "    when: {item",
        "red_flags.0.when: needs exactly one of ge and eq",
    ),
    "nested condition": (
        "when: {item: a3, ge: 1}",
        "when: {all: [{any: [{item: a3, gt: 1}, {item: a1, eq: 1}]}]}",
        "    when: {all",
        "red_flags.0.when.all.0.any.0.gt: unknown field, or one that is not supported yet",
    ),
    "written hash": (
        "schema: 1\n",
        "schema: 1\ndefinition_hash: abc\n",
        "definition_hash:",
        "definition_hash: is computed, not written",
    ),
    "repeated key": (
        "duration_min: 1",
        "duration_min: 1\nduration_min: 2",
        "duration_min: 2",
        "duration_min: the key stands twice",
    ),
    "repeated inner key": (
        "{id: a2, options: yes_no,",
        "{id: a2, options: yes_no, options: yes_no,",
        "  - {id: a2",
        "options: the key stands twice",
    ),
    "broken YAML": (
        "recall: {zh: 过去一周, days: 7}",
        "recall: {zh: 过去一周, days: 7",
        "retake:",
        "expected ',' or '}', but got ':'",
    ),
    "wrong tag": ("duration_min: 1", "duration_min: !!bool maybe", "# A small", "cannot be read as YAML (KeyError)"),
    "control character": (
        "duration_min: 1",
        "duration_min: \u0007",
        "duration_min:",
        "special characters are not allowed: #x0007",
    ),
    "diagnosis": (
        "orange: {zh: 谈一谈,",
        "orange: {zh: 诊断为轻度,",
        "  orange:",
        "results.orange.zh: must not say 诊断",
    ),
    "diagnosis beside its denial": (
        "orange: {zh: 谈一谈,",
        "orange: {zh: 不是诊断，但诊断很近,",
        "  orange:",
        "results.orange.zh: must not say 诊断",
    ),
    "suffers from": (
        "label: {zh: 高}",
        "label: {zh: 患有某病}",
        "        - {id: high",
        "scoring.scores.0.bands.1.label.zh: must not say 患有",
    ),
    "confirmed case": ("zh: 第二题", "zh: 您确诊过吗", "  - {id: a2", "items.1.zh: must not say 确诊"),
    "tell-tale short name": ("short: 小问卷", "short: 抑郁问卷", "  short:", "name.short: must not say 抑郁"),
    "no denial at the end": ("这不是诊断。", "再见。", "closing:", "must say that the result is not a diagnosis"),
}


@pytest.mark.parametrize(("sound", "broken", "blamed", "fault"), BROKEN.values(), ids=BROKEN.keys())
def test_a_misshapen_definition_is_refused_at_its_line(
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
