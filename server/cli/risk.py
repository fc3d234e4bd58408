"""`flask risk …`: the scanner on texts from standard input. Needs neither secrets nor database nor app."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from server.risk.service import RULES_FOLDER, RuleFileError, Scanner


@click.group("risk")
def risk_group() -> None:
    """The scanner that grades letters and chat messages."""


@risk_group.command("grade")
@click.option(
    "--rules",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=RULES_FOLDER,
    help="Folder of the rule set.",
)
def grade_lines(folder: Path) -> None:
    """Read one JSON object {"text"} a line, write {"grade", "report", "evidence"} one a line, in order.

    A line that is no such object gets {"error": "malformed"}, and the exit code is 1 in the end. `start` and `end` of a
    piece of evidence count code points of the text as it was sent.
    """
    try:
        scanner = Scanner.load(folder)
    except RuleFileError as fault:
        raise click.ClickException(str(fault)) from None
    is_clean = True
    for line in sys.stdin.buffer:
        answer = _answer_to(scanner, line)
        is_clean = is_clean and "error" not in answer
        # echo flushes, so whoever asks line by line may wait for each answer; ASCII fits any terminal's encoding.
        click.echo(json.dumps(answer))
    if not is_clean:
        raise click.exceptions.Exit(1)


def _answer_to(scanner: Scanner, line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number beyond Python's limit, brackets without end
        asked = None
    match asked:
        case {"text": str() as text}:
            finding = scanner.scan(text)
            evidence = [asdict(piece) for piece in finding.evidence]
            return {"grade": finding.grade, "report": finding.report, "evidence": evidence}
    return {"error": "malformed"}
