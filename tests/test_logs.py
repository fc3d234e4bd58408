"""What is logged are codes, routes and durations: never words, openids, addresses or the messages of exceptions."""

import ast
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from server import create_app
from server.config import ROOT, Settings
from server.db import Database
from server.logs import ALLOWED_KEYS, configure_logs, log
from tests import canaries
from tests.conftest import LOG_FILE


class Journal:
    """What this process has written since the test began, line by line."""

    def __init__(self) -> None:
        self._began = LOG_FILE.stat().st_size

    @property
    def text(self) -> str:
        return LOG_FILE.read_bytes()[self._began :].decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        [only] = self.lines
        return only


@pytest.fixture
def journal() -> Iterator[Journal]:
    structlog.contextvars.clear_contextvars()
    yield Journal()
    structlog.contextvars.clear_contextvars()


def fail(words: str) -> None:
    resident = words  # a local variable, which must not be written either
    raise ValueError(resident)


# --- our own records ----------------------------------------------------------------------------------------------


def test_a_record_is_one_line_of_json_with_its_time_and_level(journal: Journal) -> None:
    log.info("request", route="/h5/", status=200, duration_ms=1.5)

    assert {**journal.line, "timestamp": "-"} == {
        "event": "request", "route": "/h5/", "status": 200, "duration_ms": 1.5, "level": "info", "timestamp": "-"
    }  # fmt: skip
    assert journal.line["timestamp"].endswith("Z")


def test_keys_that_nobody_allowed_are_dropped_with_their_values_and_named(journal: Journal) -> None:
    log.info("request", openid=canaries.OPENID, words=canaries.WORDS, status=200)

    assert journal.line["dropped_keys"] == ["openid", "words"]
    assert canaries.OPENID not in journal.text
    assert canaries.WORDS not in journal.text


@pytest.mark.parametrize(
    "key", ["path", "query", "url", "ip", "remote_addr", "openid", "user", "resident_id", "msg", "exception"]
)
def test_no_key_that_names_a_person_or_quotes_them_is_allowed(key: str) -> None:
    assert key not in ALLOWED_KEYS


def test_what_is_bound_to_the_request_passes_the_same_gate(journal: Journal) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1", resident_id=4711)

    log.info("request")

    assert journal.line["request_id"] == "r-1"
    assert "4711" not in journal.text


def test_an_exception_is_named_and_placed_but_not_quoted(journal: Journal) -> None:
    try:
        fail(canaries.WORDS)
    except ValueError as fault:
        log.error("bug", exc_info=fault)

    assert journal.line["error"] == "builtins.ValueError"
    assert journal.line["trace"][-1].startswith("tests/test_logs.py:")
    assert journal.line["trace"][-1].endswith(":fail")
    assert canaries.WORDS not in journal.text


def test_an_exception_that_is_being_handled_need_not_be_named(journal: Journal) -> None:
    try:
        fail(canaries.WORDS)
    except ValueError:
        log.exception("bug")

    assert journal.line["error"] == "builtins.ValueError"
    assert canaries.WORDS not in journal.text


def test_what_an_exception_came_from_is_not_quoted_either(journal: Journal) -> None:
    try:
        try:
            fail(canaries.WORDS)
        except ValueError as cause:
            raise RuntimeError(canaries.PHONE) from cause
    except RuntimeError as fault:
        fault.add_note(canaries.OPENID)
        log.error("bug", exc_info=fault)

    assert journal.line["error"] == "builtins.RuntimeError"
    for canary in (canaries.WORDS, canaries.PHONE, canaries.OPENID):
        assert canary not in journal.text


def test_an_object_in_place_of_a_code_is_named_by_its_type(journal: Journal) -> None:
    log.warning("refused", error=ValueError(canaries.WORDS), code=[object(), canaries.Path("x")])

    assert journal.line["error"] == "ValueError"
    assert journal.line["code"] == ["object", "PosixPath"]


def test_a_frame_outside_the_project_shows_no_folder(journal: Journal) -> None:
    try:
        json.loads("{")
    except ValueError as fault:
        log.error("bug", exc_info=fault)

    assert [frame for frame in journal.line["trace"] if frame.startswith("/")] == []


def test_what_is_only_of_interest_to_developers_is_not_written(journal: Journal) -> None:
    log.debug("detail", code="x")

    assert journal.text == ""


def test_a_second_start_in_one_process_does_not_move_the_log(journal: Journal) -> None:
    configure_logs()
    log.info("request")

    assert journal.line["event"] == "request"


# --- libraries' records -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "apscheduler.executors", "server", "server.something"])
def test_a_library_is_named_but_its_words_are_not_written(journal: Journal, name: str, capfd: Any) -> None:
    """Flask's own logger bears the app's name and quotes the path."""
    logging.getLogger(name).warning("said %s", canaries.WORDS)

    assert {**journal.line, "timestamp": "-"} == {
        "event": "library", "logger": name, "level": "warning", "timestamp": "-"
    }  # fmt: skip
    assert capfd.readouterr() == ("", ""), "nothing is written beside the log"


def test_a_fault_that_a_library_reports_is_named_and_placed_but_not_quoted(journal: Journal, capfd: Any) -> None:
    try:
        fail(canaries.WORDS)
    except ValueError:
        logging.getLogger("library").exception("failed with %s", canaries.PHONE, stack_info=True)

    assert journal.line["error"] == "builtins.ValueError"
    assert journal.line["level"] == "error"
    assert journal.line["trace"][-1].endswith(":fail")
    assert canaries.WORDS not in journal.text
    assert canaries.PHONE not in journal.text
    assert capfd.readouterr() == ("", "")


def test_a_fault_that_is_reported_later_is_named_too(journal: Journal) -> None:
    given: Any = None
    try:
        fail(canaries.WORDS)
    except ValueError:
        given = sys.exc_info()

    logging.getLogger("library").error("later", exc_info=given)

    assert journal.line["error"] == "builtins.ValueError"


def test_what_libraries_tell_without_need_is_not_written(journal: Journal) -> None:
    logging.getLogger("library").info("hello")

    assert journal.text == ""


# --- the application ----------------------------------------------------------------------------------------------


def test_a_bug_behind_a_page_is_logged_with_its_request_and_without_its_words(
    settings: Settings, database: Database, journal: Journal, capfd: Any
) -> None:
    app = create_app(settings, database=database)

    def broken() -> str:
        raise RuntimeError(canaries.WORDS)

    app.add_url_rule("/broken/<words>", view_func=lambda words: broken())

    answer = app.test_client().get(f"/broken/{canaries.PHONE}?openid={canaries.OPENID}")

    assert answer.status_code == 500
    bug, request = journal.lines
    assert (bug["event"], bug["error"]) == ("bug", "builtins.RuntimeError")
    assert (request["event"], request["route"]) == ("request", "/broken/<words>")
    assert bug["request_id"] == request["request_id"] == answer.headers["X-Request-Id"]
    for canary in (canaries.WORDS, canaries.PHONE, canaries.OPENID, "127.0.0.1"):
        assert canary not in journal.text
    assert capfd.readouterr() == ("", "")


def test_every_record_of_ours_names_an_event_that_is_fixed() -> None:
    """An event that is built at run time could hold anything."""
    calls = [
        (f"{file.relative_to(ROOT)}:{node.lineno}", node)
        for file in (ROOT / "server").rglob("*.py")
        if "sandbox" not in file.parts and file.name != "logs.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ]

    assert len(calls) > 8
    assert [where for where, call in calls if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant)] == []
    unknown = [
        (where, keyword.arg)
        for where, call in calls
        for keyword in call.keywords
        if keyword.arg not in ALLOWED_KEYS | {"exc_info"}
    ]
    assert unknown == []


# --- the hunt for canaries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "canary",
    [canaries.OPENID, canaries.WORDS, canaries.PHONE, canaries.PASSWORD, canaries.NAME, "access_token=", "想死"],
)
def test_the_search_finds_a_planted_canary(tmp_path: Path, canary: str) -> None:
    (tmp_path / "main.jsonl").write_text(f'{{"event": "fine"}}\n{{"event": "{canary}"}}\n', encoding="utf-8")
    (tmp_path / "gw1.jsonl").write_text('{"event": "fine"}\n', encoding="utf-8")

    assert canaries.search(tmp_path) == [f"main.jsonl:2: {canary}"]


def test_the_search_is_content_with_a_clean_log(tmp_path: Path) -> None:
    (tmp_path / "main.jsonl").write_text('{"event": "request", "route": "/h5/"}\n', encoding="utf-8")

    assert canaries.search(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(("planted", "status"), [(canaries.PHONE, 1), ("fine", 0)])
def test_a_run_of_the_tests_fails_when_a_canary_stands_in_its_log(tmp_path: Path, planted: str, status: int) -> None:
    (tmp_path / "test_planted.py").write_text(
        f"from server.logs import log\n\n\ndef test_planted():\n    log.warning('x', reason={planted!r})\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    environ = {**os.environ, "XINQIAO_TEST_LOGS": str(tmp_path / "logs")}

    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, env=environ, capture_output=True, text=True)

    assert done.returncode == status, done.stdout
    assert ("CANARIES IN THE LOG" in done.stdout) == bool(status)
