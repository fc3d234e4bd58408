"""The scanner against the sample letters of the specification, which lie beside the repository, and our own rows."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from server.risk.grades import Grade
from tests.risk.rows import own_rows

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "risk-examples.jsonl"
KINDS = sorted({row["kind"] for row in own_rows()})


@pytest.fixture(scope="module")
def samples():
    if not SAMPLES.exists():
        pytest.skip(f"the sample letters are not here: {SAMPLES}")
    return [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def graded(samples, scanner):
    graded = defaultdict(list)
    for row in samples:
        graded[Grade(row["label"])].append((scanner.scan(row["text"]), row))
    return graded


def test_every_letter_in_high_danger_rings(graded):
    assert [row["text"] for finding, row in graded[Grade.HIGH] if not finding.grade.rings] == []


def test_at_least_nine_tenths_of_the_serious_letters_ring(graded):
    ringing = [row for finding, row in graded[Grade.SERIOUS] if finding.grade.rings]
    assert len(ringing) >= 0.9 * len(graded[Grade.SERIOUS]) > 0


def test_at_most_one_harmless_letter_in_twenty_rings_and_none_as_high(graded):
    grades = Counter(finding.grade for finding, _ in graded[Grade.NONE])
    assert grades[Grade.SERIOUS] <= 0.05 * grades.total()
    assert grades[Grade.HIGH] == 0


def test_lasting_distress_is_noticed_without_ringing(graded):
    grades = Counter(finding.grade for finding, _ in graded[Grade.GENERAL])
    assert grades[Grade.GENERAL] >= 0.75 * grades.total() > 0


def test_the_report_flag_stands_where_a_minor_may_be_harmed_and_nowhere_else(graded):
    for finding, row in (pair for pairs in graded.values() for pair in pairs):
        assert finding.report is ("强制报告" in row["note"]), row["text"]


def test_our_own_rows_are_many_and_each_is_there_once():
    texts = [row["text"] for row in own_rows()]
    assert len(texts) == len(set(texts)) >= 120


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_rows_are_graded_as_they_should(scanner, kind):
    wrong = []
    for row in (row for row in own_rows() if row["kind"] == kind):
        finding = scanner.scan(row["text"])
        rank = finding.grade.rank
        is_right = (
            rank >= Grade(row.get("least", Grade.NONE)).rank
            and rank <= Grade(row.get("most", Grade.HIGH)).rank
            and finding.grade == row.get("grade", finding.grade)
            and finding.report == row.get("report", finding.report)
        )
        if not is_right:
            wrong.append((row["text"], finding))
    assert wrong == []
