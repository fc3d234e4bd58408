"""What a folder of definitions becomes: the catalogue, its versions, and one list of everything that is wrong."""

from hashlib import sha256
from pathlib import Path

import pytest

from server.assessment.loader import InstrumentCatalogue, load_instruments
from server.errors import ConfigurationError, NotFound

SOUND = (Path(__file__).parent / "vectors" / "tiny.yaml").read_text(encoding="utf-8")
CONTENT = Path(__file__).resolve().parents[2] / "content" / "instruments"
BLOCKED = """\
schema: 1
id: paid
version: 1.0.0
status: draft
name: {zh: 收费量表, en: Paid scale}
licence: {status: blocked, text: Written permission needed., evidence: the publisher's letter}
"""


def load(folder: Path, **files: str) -> InstrumentCatalogue:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_instruments(folder)


def faults(folder: Path, **files: str) -> list[str]:
    """What a load of these files complains of, as `name.yaml:line: fault`."""
    with pytest.raises(ConfigurationError) as refusal:
        load(folder, **files)
    return [line.removeprefix(f"{folder}/") for line in str(refusal.value).split("\n")]


def line_of(text: str, beginning: str) -> int:
    (line,) = [number for number, line in enumerate(text.split("\n"), start=1) if line.startswith(beginning)]
    return line


def test_an_instrument_is_found_by_its_id_and_by_its_version(tmp_path: Path) -> None:
    catalogue = load(tmp_path, tiny=SOUND)

    assert list(catalogue) == ["tiny"]
    assert catalogue["tiny"] is catalogue.get_version("tiny", "1.0.0")
    assert catalogue["tiny"].definition_hash == sha256(SOUND.encode()).hexdigest()
    assert catalogue.definition_hashes() == {("tiny", "1.0.0"): sha256(SOUND.encode()).hexdigest()}


def test_a_version_that_never_was_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load(tmp_path, tiny=SOUND).get_version("tiny", "9.9.9")


def test_the_newest_version_is_current_and_the_old_one_stays_readable(tmp_path: Path) -> None:
    # 1.10.0 comes after 1.9.0, though not in the alphabet.
    texts = {f"v{n}": SOUND.replace("version: 1.0.0", f"version: 1.{n}.0") for n in (9, 10)}

    catalogue = load(tmp_path, **texts)

    assert catalogue["tiny"].version == "1.10.0"
    assert catalogue.get_version("tiny", "1.9.0").version == "1.9.0"
    assert [version.version for version in catalogue.versions()] == ["1.9.0", "1.10.0"]


def test_a_retired_newest_version_withdraws_the_instrument_and_stays_readable(tmp_path: Path) -> None:
    retired = SOUND.replace("version: 1.0.0", "version: 2.0.0").replace("status: active", "status: retired")

    catalogue = load(tmp_path, one=SOUND, two=retired)

    assert "tiny" not in catalogue
    assert catalogue.get_version("tiny", "1.0.0").status == "active"
    assert catalogue.get_version("tiny", "2.0.0").status == "retired"


def test_a_draft_is_not_started_and_displaces_nothing(tmp_path: Path) -> None:
    draft = SOUND.replace("version: 1.0.0", "version: 2.0.0").replace("status: active", "status: draft")

    catalogue = load(tmp_path, one=SOUND, two=draft)

    assert catalogue["tiny"].version == "1.0.0"
    assert ("tiny", "2.0.0") not in catalogue.definition_hashes()


def test_a_version_that_was_published_with_another_content_is_refused(tmp_path: Path) -> None:
    published = load(tmp_path, tiny=SOUND).definition_hashes()
    changed = SOUND.replace("zh: 第二题", "zh: 第二道题")
    (tmp_path / "tiny.yaml").write_text(changed, encoding="utf-8")

    with pytest.raises(ConfigurationError) as refusal:
        load_instruments(tmp_path, known=published)

    line = line_of(changed, "version:")
    said = "version 1.0.0 was published with another content: a change needs a new version"
    assert str(refusal.value) == f"{tmp_path / 'tiny.yaml'}:{line}: {said}"


def test_a_change_with_a_new_version_is_welcome_beside_what_was_published(tmp_path: Path) -> None:
    published = load(tmp_path, tiny=SOUND).definition_hashes()
    changed = SOUND.replace("zh: 第二题", "zh: 第二道题").replace("version: 1.0.0", "version: 1.0.1")
    (tmp_path / "tiny-2.yaml").write_text(changed, encoding="utf-8")

    assert load_instruments(tmp_path, known=published)["tiny"].items[1].zh == "第二道题"


def test_one_version_in_two_files_is_refused(tmp_path: Path) -> None:
    said = "tiny 1.0.0 is defined in a.yaml too"
    assert faults(tmp_path, a=SOUND, b=SOUND) == [f"b.yaml:{line_of(SOUND, 'version:')}: {said}"]


def test_a_non_commercial_licence_is_refused_to_a_commercial_deployment_only(tmp_path: Path) -> None:
    load(tmp_path, tiny=SOUND)

    with pytest.raises(ConfigurationError) as refusal:
        load_instruments(tmp_path, commercial=True)

    line = line_of(SOUND, "  status: non_commercial")
    assert str(refusal.value) == f"{tmp_path / 'tiny.yaml'}:{line}: non_commercial: this deployment is commercial"


def test_a_blocked_instrument_is_known_by_name_and_cannot_be_started(tmp_path: Path) -> None:
    catalogue = load(tmp_path, paid=BLOCKED, tiny=SOUND)

    assert list(catalogue) == ["tiny"]
    assert catalogue.blocked["paid"].licence.evidence == "the publisher's letter"
    with pytest.raises(NotFound):
        catalogue.get_version("paid", "1.0.0")


@pytest.mark.parametrize("field", ["items: [{id: a1}]", "scoring: {}", "option_sets: {}", "instruction: {zh: 请作答}"])
def test_a_blocked_instrument_may_hold_nothing_of_the_form(tmp_path: Path, field: str) -> None:
    (found,) = faults(tmp_path, paid=BLOCKED + field + "\n")

    assert found == f"paid.yaml:7: {field.split(':')[0]}: unknown field, or one that is not supported yet"


def test_a_blocked_instrument_cannot_call_itself_active(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, paid=BLOCKED.replace("status: draft", "status: active"))

    assert found == "paid.yaml:4: status: 'active' is not supported. Input should be 'draft' or 'retired'"


def test_no_other_file_may_start_what_is_blocked(tmp_path: Path) -> None:
    found = faults(tmp_path, paid=BLOCKED.replace("id: paid", "id: tiny"), tiny=SOUND)

    assert found == [f"tiny.yaml:{line_of(SOUND, 'id: tiny')}: tiny: another file says that its licence is blocked"]


def test_one_error_tells_all_faults_of_all_files_in_their_order(tmp_path: Path) -> None:
    crooked = (
        SOUND.replace("id: tiny", "id: crooked")
        .replace("from: 3, to: 6", "from: 4, to: 6")
        .replace("duration_min: 1", "duration_min: 1\nskip: []")
        .replace("zh: 高}", "zh: 患有某病}")
        .replace("range: [0, 6]", "range: [0, 6]\n      range: [0, 6]")
    )
    misshapen = SOUND.replace("id: tiny", "id: Tiny!").replace("days: 7", "days: 0")
    (tmp_path / "d.yml").write_text(SOUND, encoding="utf-8")

    found = faults(tmp_path, a=crooked, b="", c=misshapen, e="- a list")

    high = line_of(crooked, "        - {id: high")
    assert found == [
        f"a.yaml:{line_of(crooked, 'skip:')}: skip: unknown field, or one that is not supported yet",
        f"a.yaml:{line_of(crooked, '      direction:') - 1}: range: the key stands twice",
        f"a.yaml:{high}: scoring.scores.0.bands.1.label.zh: must not say 患有",
        f"a.yaml:{high}: high: 3 is in no band",
        "b.yaml:1: must hold one YAML mapping",
        f"c.yaml:{line_of(misshapen, 'id: Tiny!')}: id: String should match pattern '^[a-z][a-z0-9_]*$'",
        f"c.yaml:{line_of(misshapen, 'recall:')}: recall.days: Input should be greater than 0",
        "d.yml:1: the name of an instrument's file ends in .yaml",
        "e.yaml:1: must hold one YAML mapping",
    ]


def test_a_file_that_is_no_utf_8_is_told_at_the_broken_line(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_bytes(b"schema: 1\nid: tiny\nname: \xff\n")

    assert faults(tmp_path) == ["tiny.yaml:3: is not UTF-8"]


def test_a_folder_with_the_name_of_a_file_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").mkdir()

    assert faults(tmp_path) == ["tiny.yaml:1: cannot be read: Is a directory"]


@pytest.mark.parametrize("name", ["", "absent"])
def test_a_folder_without_instruments_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no folder with instruments"):
        load_instruments(tmp_path / name)


def test_items_without_a_total_count_in_one_score_only(tmp_path: Path) -> None:
    """DASS-21 has three disjoint subscales and no total; an item sorted into two of them is a slip."""
    second = SOUND[SOUND.index("    - id: total\n") : SOUND.index("red_flags:")].replace("id: total", "id: second")
    text = SOUND.replace("red_flags:", second + "red_flags:").replace("id: total", "id: first")
    text = text.replace("[total, [high]]", "[first, [high]]").replace("chart:\n  axis: [0, 6]\n", "")
    text = text.replace("  lines: [3]\n  better: down\n", "")

    found = faults(tmp_path, tiny=text)

    line = text.split("\n").index("    - id: second") + 3
    assert found == [
        f"tiny.yaml:{line}: {n}: counts in first already, and there is no total" for n in ("a1", "a2", "a3")
    ]


def test_a_chart_needs_a_total(tmp_path: Path) -> None:
    text = SOUND.replace("id: total", "id: first").replace("[total, [high]]", "[first, [high]]")

    assert faults(tmp_path, tiny=text) == [f"tiny.yaml:{line_of(text, 'chart:')}: there is no total to draw"]


def test_a_flag_on_an_item_that_may_hide_or_be_passed_over_is_refused(tmp_path: Path) -> None:
    text = SOUND.replace("when: {item: a3, ge: 1}", "when: {any: [{item: extra, eq: 1}, {item: a3, ge: 1}]}")

    assert faults(tmp_path, tiny=text) == [
        f"tiny.yaml:{line_of(text, '    required:')}: extra: raises danger and cannot be passed over",
        f"tiny.yaml:{line_of(text, '    show_if:')}: extra: raises danger and must never be hidden",
    ]


def test_a_score_that_is_better_when_higher_turns_levels_chart_and_cut_offs(tmp_path: Path) -> None:
    text = SOUND.replace("higher_is_worse", "higher_is_better")

    assert faults(tmp_path, tiny=text) == [
        f"tiny.yaml:{line_of(text, '        - {id: high')}: high: orange after green (higher_is_better)",
        f"tiny.yaml:{line_of(text, '        - {id: here')}: points the wrong way: a higher score is better here",
        f"tiny.yaml:{line_of(text, '  better:')}: down: the total is higher_is_better",
    ]


class TestOffers:
    LONG = SOUND.replace("id: tiny", "id: long")
    GATE = SOUND.replace("offer: booking", "offer: long\n    carry_items: {a1: a2}")
    BLAMED = "    carry_items:"

    def test_an_answer_is_carried_to_the_same_question_only(self, tmp_path: Path) -> None:
        found = faults(tmp_path, gate=self.GATE, long=self.LONG)

        assert found == [f"gate.yaml:{line_of(self.GATE, self.BLAMED)}: a2: the question or its options differ from a1"]

    def test_an_answer_is_not_carried_under_another_instruction(self, tmp_path: Path) -> None:
        gate = self.GATE.replace("{a1: a2}", "{a1: a1}")
        other = self.LONG.replace("请作答", "请想一想再作答")

        found = faults(tmp_path, gate=gate, long=other)

        assert found == [f"gate.yaml:{line_of(gate, self.BLAMED)}: a1: long asks it under another instruction"]

    def test_an_answer_is_carried_between_items_that_exist(self, tmp_path: Path) -> None:
        gate = self.GATE.replace("{a1: a2}", "{a1: b1, c1: a1}")

        found = faults(tmp_path, gate=gate, long=self.LONG)

        line = line_of(gate, self.BLAMED)
        assert found == [f"gate.yaml:{line}: c1: no such item", f"gate.yaml:{line}: b1: long has no such item"]

    def test_a_retired_instrument_cannot_be_offered(self, tmp_path: Path) -> None:
        retired = self.LONG.replace("status: active", "status: retired")

        found = faults(tmp_path, gate=self.GATE, long=retired)

        said = "long: neither an action nor a startable instrument"
        assert found == [f"gate.yaml:{line_of(self.GATE, '    offer:')}: {said}"]

    def test_what_a_file_beyond_reading_defines_is_not_missed_at_the_offer(self, tmp_path: Path) -> None:
        found = faults(tmp_path, gate=self.GATE, long="id: [long")

        assert len(found) == 1
        assert found[0].startswith("long.yaml:1: ")

    def test_the_faults_of_an_offered_file_are_not_told_a_second_time_at_the_offer(self, tmp_path: Path) -> None:
        broken = self.LONG.replace("days: 7", "days: 0")

        found = faults(tmp_path, gate=self.GATE, long=broken)

        assert found == [f"long.yaml:{line_of(broken, 'recall:')}: recall.days: Input should be greater than 0"]


def test_what_ships_loads_and_the_phq_may_ship_anywhere() -> None:
    catalogue = load_instruments(CONTENT)

    assert [catalogue[name].licence.status for name in ("phq2", "phq9")] == ["free", "free"]
