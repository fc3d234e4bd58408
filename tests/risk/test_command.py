import json

import pytest
from click.testing import CliRunner

from server.cli.risk import risk_group


@pytest.fixture
def grade():
    def run(*lines, options=()):
        data = b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines)
        result = CliRunner().invoke(risk_group, ["grade", *options], input=data)
        return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]

    return run


def test_each_line_gets_its_line_in_order(grade):
    code, answers = grade(
        json.dumps({"text": "你好"}),
        json.dumps({"text": "我不想活了"}),
        json.dumps({"text": "爸爸用皮带打我", "id": 7}),
    )

    assert code == 0
    assert [(answer["grade"], answer["report"]) for answer in answers] == [
        ("none", False),
        ("serious", False),
        ("serious", True),
    ]
    assert answers[0]["evidence"] == []
    assert answers[1]["evidence"] == [{"slot": "wish", "rule": "wish/wish-not-live", "start": 1, "end": 4}]


def test_malformed_lines_are_told_and_the_run_goes_on(grade):
    malformed = ["", "no JSON", "[]", "{}", '{"text": 4}', '{"text": null}', "[" * 100_000, "9" * 5_000]
    code, answers = grade(*malformed, b'{"text": "\xff"}\n', json.dumps({"text": "我不想活了"}))

    assert code == 1
    assert answers[:-1] == [{"error": "malformed"}] * (len(malformed) + 1)
    assert answers[-1]["grade"] == "serious"


def test_half_a_character_is_graded_with_the_rest(grade):
    code, answers = grade('{"text": "\\ud800我不想活了\\udfff"}')
    assert (code, answers[0]["grade"]) == (0, "serious")


def test_broken_rules_are_told_in_one_message(tmp_path):
    result = CliRunner().invoke(risk_group, ["grade", "--rules", str(tmp_path)], input=b"")

    assert result.exit_code == 1
    assert "words.yaml" in result.stderr
    assert result.stdout == ""
