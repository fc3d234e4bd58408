"""Structured logs: codes, routes and durations, never people.

The keys that may be written are listed here; anything else is dropped, and so is the message of an exception, which may
quote what somebody typed. Nothing logs a client address, an openid, a resident's id, a path or a query.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "request_id", "route", "method", "status", "duration_ms", "code", "error",
        "trace", "process", "count", "msg_type", "outcome", "job", "grade", "lane", "alert", "organisation", "version",
        "errcode", "rid", "api", "attempt", "logger", "reason", "seconds", "backend", "port", "action", "dropped_keys",
    }
)  # fmt: skip
_ROOT = Path(__file__).resolve().parent.parent


def _drop_unknown(_logger: Any, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    unknown = [key for key in record if key not in ALLOWED_KEYS]
    for key in unknown:
        del record[key]
    if unknown:
        record["dropped_keys"] = sorted(unknown)
    return record


def _name_exception(_logger: Any, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where it broke and what kind of fault it was; never its message, never a local variable."""
    given = record.pop("exc_info", None)
    if not given:
        return record
    if isinstance(given, tuple):  # what the standard library's records carry
        given = given[1]
    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    if error is not None:
        record["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        record["trace"] = [f"{_short(frame.filename)}:{frame.lineno}:{frame.name}" for frame in frames]
    return record


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name


def _name_type(value: object) -> str:
    """An object in place of a code, such as an exception: its text may hold words, its type does not."""
    return type(value).__qualname__


class _LibraryRecords(logging.Handler):
    """Libraries' own records: who spoke and which fault it was. Their words may quote addresses or bodies, so they go."""

    def emit(self, record: logging.LogRecord) -> None:
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say("library", logger=record.name, exc_info=record.exc_info)


_is_configured = False


def configure_logs(stream: TextIO | None = None) -> None:
    """One JSON object a line, for our own records and the libraries' warnings. A second call without a stream does
    nothing: the first one decides where the process writes."""
    global _is_configured
    if _is_configured and stream is None:
        return
    _is_configured = True
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
            _name_exception,
            _drop_unknown,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=_name_type),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_LibraryRecords()]
    root.setLevel(logging.WARNING)


log: structlog.stdlib.BoundLogger = structlog.get_logger()
