"""`instruments check` and `instruments score`: the definitions on trial, without secrets, database or app."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from server.assessment.definition import Instrument
from server.assessment.loader import InstrumentCatalogue, load_instruments
from server.assessment.scoring import Result, ResultStatus, score
from server.errors import ConfigurationError

CONTENT = Path(__file__).resolve().parents[2] / "content" / "instruments"

_FOLDER = click.Path(file_okay=False, path_type=Path)
_HEADINGS = ("id", "version", "items", "licence", "status", "hash")


@click.group("instruments")
def instruments_group() -> None:
    """The self-assessment instruments of content/instruments."""


@instruments_group.command("check")
@click.argument("folder", type=_FOLDER, default=CONTENT)
@click.option("--commercial", is_flag=True, help="Check as a commercial deployment, which some licences exclude.")
@click.option(
    "--vectors",
    "vector_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file whose `cases` are run against the instruments that they name.",
)
def check(folder: Path, commercial: bool, vector_file: Path | None) -> None:
    """Load every definition of FOLDER and list them, or list all faults as file:line and exit with 1."""
    catalogue = _load(folder, commercial=commercial)
    for line in _table(catalogue):
        click.echo(line)
    if vector_file is not None and not _run_vectors(catalogue, _cases_of(vector_file)):
        raise click.exceptions.Exit(1)


@instruments_group.command("score")
@click.option("--content", type=_FOLDER, default=CONTENT, help="Folder of definitions.")
def score_lines(content: Path) -> None:
    """Read one JSON object {"id", "instrument", "context", "answers"} a line, write one result a line, in order.

    Every line gets its line, whatever it holds; `answers` lists the scored items in their order.
    """
    catalogue = _load(content)
    for line in sys.stdin.buffer:
        # echo flushes, so whoever asks line by line may wait for each answer; ASCII fits any terminal's encoding.
        click.echo(json.dumps(_answer_to(catalogue, line)))


def _load(folder: Path, *, commercial: bool = False) -> InstrumentCatalogue:
    try:
        return load_instruments(folder, commercial=commercial)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(1) from None


def _answer_to(catalogue: InstrumentCatalogue, line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number beyond Python's limit, brackets without end
        asked = None
    match asked:
        case {"id": str() | int() as line_id, "instrument": str() as name, "answers": list() as answers}:
            context = asked.get("context")
        case _:
            return _row(None, Result(ResultStatus.INVALID), error="malformed")
    if not isinstance(context, dict | None):
        return _row(None, Result(ResultStatus.INVALID), error="malformed")
    if name not in catalogue:
        return _row(line_id, Result(ResultStatus.INVALID), error="unknown_instrument")
    return _row(line_id, score(catalogue[name], answers, context))


def _row(line_id: str | int | None, result: Result, *, error: str | None = None) -> dict[str, Any]:
    return {
        "id": line_id,
        "status": result.status,
        "total": result.total,
        "band_id": result.band_id,
        "subscale_scores": dict(result.subscale_scores),
        "subscale_bands": dict(result.subscale_bands),
        "flags": [{"id": flag.id, "level": flag.level} for flag in result.flags],
        "red_flag": result.red_flag,
        "error": error or result.error,
    }


def _table(catalogue: InstrumentCatalogue) -> Iterator[str]:
    rows = [_HEADINGS]
    for version in catalogue.versions():
        count = f"{len(version.scored_items)}{_unscored(version)}"
        is_superseded = version.status == "active" and catalogue.get(version.id) is not version
        status = "superseded" if is_superseded else version.status
        digest = version.definition_hash[:12]
        rows.append((version.id, version.version, count, version.licence.status, status, digest))
    for blocked in catalogue.blocked.values():
        rows.append((blocked.id, blocked.version, "-", blocked.licence.status, blocked.status, "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _unscored(version: Instrument) -> str:
    extra = len(version.items) - len(version.scored_items)
    return f"+{extra}" if extra else ""


def _cases_of(vector_file: Path) -> list[dict[str, Any]]:
    """The file's cases, each with all that a vector must state."""
    needed = {"instrument", "answers", "expected_total"} | _row(None, Result(ResultStatus.INVALID)).keys() - {"total"}
    try:
        cases: list[dict[str, Any]] = json.loads(vector_file.read_text(encoding="utf-8"))["cases"]
        incomplete = [case for case in cases if needed - case.keys()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise click.ClickException(f"{vector_file}: is no JSON object with a list of cases") from None
    if incomplete:
        raise click.ClickException(f"{vector_file}: {incomplete[0].get('id')} does not state all of {sorted(needed)}")
    return cases


def _run_vectors(catalogue: InstrumentCatalogue, cases: Sequence[dict[str, Any]]) -> bool:
    """Run the cases of the instruments at hand, print how many passed, and say whether all did."""
    passed, failed, absent = Counter[str](), Counter[str](), Counter[str]()
    for case in cases:
        name = case["instrument"]
        if name not in catalogue:
            absent[name] += 1
            continue
        wrong = _differences(case, score(catalogue[name], case["answers"], case.get("context")))
        (failed if wrong else passed)[name] += 1
        for difference in wrong:
            click.echo(f"{case['id']}: {difference}", err=True)
    for name in catalogue:
        if passed[name] or failed[name]:
            click.echo(f"{name}: {passed[name]} passed, {failed[name]} failed")
        else:
            click.echo(f"{name}: no vectors")
    if absent:
        click.echo(f"{absent.total()} vectors for instruments that are not here: {', '.join(sorted(absent))}")
    return not failed


def _differences(case: dict[str, Any], result: Result) -> list[str]:
    found = []
    row = _row(case["id"], result)
    for key, value in row.items():
        expected = case["expected_total" if key == "total" else key]
        if key == "flags":  # a set: their order says nothing
            value, expected = (sorted(value, key=str), sorted(expected, key=str))
        if value != expected:
            found.append(f"{key} is {json.dumps(value)}, expected {json.dumps(expected)}")
    return found
