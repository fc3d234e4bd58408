"""`instruments check` and `instruments score`, called in this process and as a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from server.cli.instruments import instruments_group

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "assessment" / "vectors" / "phq.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
TINY = (ROOT / "tests" / "assessment" / "vectors" / "tiny.yaml").read_text(encoding="utf-8")
COMMAND = [sys.executable, "-c", "from server.cli.instruments import instruments_group as run; run()", "score"]
MALFORMED: dict[str, Any] = {
    "id": None,
    "status": "invalid",
    "total": None,
    "band_id": None,
    "subscale_scores": {},
    "subscale_bands": {},
    "flags": [],
    "red_flag": False,
    "error": "malformed",
}


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(instruments_group, [str(argument) for argument in arguments], input=stdin)


def scored(stdin: bytes) -> list[dict[str, Any]]:
    result = run("score", stdin=stdin)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def question(case: dict[str, Any]) -> str:
    return json.dumps({key: case[key] for key in ("id", "instrument", "context", "answers")})


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """What the command must write for a vector: all that it states, with the total under its short name."""
    renamed = {"total" if key == "expected_total" else key: value for key, value in case.items()}
    return {key: renamed[key] for key in MALFORMED}


def test_every_vector_gets_its_line_in_order() -> None:
    stdin = "".join(f"{question(case)}\n" for case in CASES)

    assert scored(stdin.encode()) == [expected(case) for case in CASES]


def test_an_instrument_that_is_not_here_is_named_as_unknown() -> None:
    line = b'{"id": "x", "instrument": "scl90", "context": {}, "answers": [1]}'

    assert scored(line) == [MALFORMED | {"id": "x", "error": "unknown_instrument"}]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b"{}",
        b'{"id": "x", "instrument": "phq2"}',
        b'{"id": "x", "instrument": ["phq2"], "answers": [0, 0]}',
        b'{"id": "x", "instrument": "phq2", "answers": {"phq2_1": 0}}',
        b'{"id": "x", "instrument": "phq2", "answers": "00"}',
        b'{"id": "x", "instrument": "phq2", "answers": [0, 0], "context": 7}',
        b'{"instrument": "phq2", "answers": [0, 0]}',
        b'{"id": "\xff", "instrument": "phq2", "answers": [0, 0]}',
        b'{"id": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
    ids=range(14),
)
def test_a_malformed_line_is_answered_and_the_next_one_is_scored(line: bytes) -> None:
    good = question(CASES[0]).encode()

    assert scored(line + b"\n" + good + b"\n") == [MALFORMED, expected(CASES[0])]


def test_the_context_may_be_left_out() -> None:
    (row,) = scored(b'{"id": 7, "instrument": "phq2", "answers": [1, 2]}')

    assert (row["id"], row["total"], row["band_id"]) == (7, 3, "positive")


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)))
def test_any_bytes_get_one_line_for_each_line(lines: list[bytes]) -> None:
    assert scored(b"".join(line + b"\n" for line in lines)) == [MALFORMED] * len(lines)


def test_a_process_without_secrets_answers_line_by_line_while_it_is_asked() -> None:
    """Whoever pipes waits for each answer before asking on: nothing may sit in a buffer."""
    bare = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for case in (CASES[1], CASES[-1]):
            process.stdin.write(question(case | {"id": "编号"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == expected(case) | {"id": "编号"}
        process.stdin.close()
        assert process.wait() == 0


def test_score_refuses_to_begin_with_a_broken_folder(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY.replace("range: [0, 6]", "range: [0, 5]"), encoding="utf-8")

    result = run("score", "--content", tmp_path, stdin=question(CASES[0]).encode())

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "the items give [0, 6]" in result.stderr


def test_check_lists_what_ships() -> None:
    result = run("check")

    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["id", "version", "items", "licence", "status", "hash"]
    assert [row[:5] for row in rows if row[0] == "phq9"] == [["phq9", "1.0.0", "9+1", "free", "active"]]


def test_check_lists_superseded_and_blocked_instruments_too(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(TINY.replace("version: 1.0.0", "version: 1.1.0"), encoding="utf-8")
    (tmp_path / "paid.yaml").write_text(
        "{schema: 1, id: paid, version: 1.0.0, status: draft, name: {zh: 收费, en: Paid}, "
        "licence: {status: blocked, text: none, evidence: letter}}",
        encoding="utf-8",
    )

    rows = [line.split()[:5] for line in run("check", tmp_path).stdout.splitlines()[1:]]

    assert rows == [
        ["tiny", "1.0.0", "3+1", "non_commercial", "superseded"],
        ["tiny", "1.1.0", "3+1", "non_commercial", "active"],
        ["paid", "1.0.0", "-", "blocked", "draft"],
    ]


def test_check_tells_all_faults_and_fails(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TINY.replace("range: [0, 6]", "range: [0, 5]"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("", encoding="utf-8")

    result = run("check", tmp_path)

    assert result.exit_code == 1
    assert f"{tmp_path / 'a.yaml'}:54: [0, 5]: the items give [0, 6]" in result.stderr
    assert f"{tmp_path / 'b.yaml'}:1: must hold one YAML mapping" in result.stderr
    assert result.stdout == ""


def test_check_as_a_commercial_deployment_refuses_a_non_commercial_licence(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")

    assert run("check", tmp_path).exit_code == 0
    assert run("check", tmp_path, "--commercial").exit_code == 1


def test_check_runs_vectors_and_counts_them() -> None:
    result = run("check", "--vectors", VECTORS)

    assert result.exit_code == 0
    assert "phq2: 15 passed, 0 failed" in result.stdout
    assert "phq9: 19 passed, 0 failed" in result.stdout


def test_check_fails_where_a_vector_expects_something_else(tmp_path: Path) -> None:
    wrong = [CASES[0] | {"id": "lie", "band_id": "positive"}, CASES[1], CASES[2] | {"instrument": "scl90"}]
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps({"cases": wrong}), encoding="utf-8")

    result = run("check", "--vectors", file)

    assert result.exit_code == 1
    assert 'lie: band_id is "negative", expected "positive"' in result.stderr
    assert "phq2: 1 passed, 1 failed" in result.stdout
    assert "phq9: no vectors" in result.stdout
    assert "1 vectors for instruments that are not here: scl90" in result.stdout


def test_check_takes_the_flags_of_a_vector_as_a_set(tmp_path: Path) -> None:
    second = "red_flags:\n  - {id: also, level: caution, when: {item: a2, eq: 1}, evaluate: on_answer}\n"
    (tmp_path / "tiny.yaml").write_text(TINY.replace("red_flags:\n", second), encoding="utf-8")
    flags = [{"id": "danger", "level": "urgent"}, {"id": "also", "level": "caution"}]
    vector = MALFORMED | {"id": "v", "instrument": "tiny", "answers": [1, 1, 1], "status": "complete", "error": None}
    vector |= {"expected_total": 4, "band_id": "high", "red_flag": True}
    files = {name: tmp_path / f"{name}.json" for name in ("one", "other")}
    files["one"].write_text(json.dumps({"cases": [vector | {"flags": flags}]}), encoding="utf-8")
    files["other"].write_text(json.dumps({"cases": [vector | {"flags": flags[::-1]}]}), encoding="utf-8")

    assert [run("check", tmp_path, "--vectors", file).exit_code for file in files.values()] == [0, 0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cases": [7]}', '{"cases": [{"id": "x"}]}'])
def test_check_says_what_is_wrong_with_a_vector_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vectors.json"
    file.write_text(text, encoding="utf-8")

    result = run("check", "--vectors", file)

    assert result.exit_code == 1
    assert f"Error: {file}: " in result.stderr
