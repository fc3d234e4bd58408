"""The one shape of a fault below /api/: `{"error": {"code", "message"}}`, the fields that are wrong, and numbers to call.

Numbers stand in what is no fault of the caller, and in every refusal of the doors where somebody may be in need. Nothing
here asks the store.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, current_app, jsonify, make_response, request
from pydantic import ValidationError

from server.errors import Invalid
from server.parts import Parts
from server.texts import text
from server.texts.hotlines import Hotline

# Self-assessments and "please call me": whoever is refused here may be in danger.
_DOORS_OF_NEED = ("/api/v1/instruments/", "/api/v1/contacts")
_SERVER_FAULT = 500
_LONGEST_NAME = 60


class WrongMediaType(Invalid):
    code = "api.media_type"


class Malformed(Invalid):
    """No JSON, or JSON that is nested too deeply."""

    code = "api.malformed"


def lines_out(lines: Iterable[Hotline]) -> list[dict[str, str]]:
    return [{"name": one.name, "number": one.number, "hours": one.hours, "audience": one.audience} for one in lines]


def answer(
    status: int,
    code: str,
    sentence: str,
    *,
    fields: Iterable[Mapping[str, str]] = (),
    lines: Iterable[Hotline] | None = None,
    care: Mapping[str, Any] | None = None,
) -> Response:
    """`lines` in another order than the usual one; `care` is what the red-flag screen says."""
    error: dict[str, Any] = {"code": code, "message": sentence}
    body: dict[str, Any] = {"error": error}
    if named := list(fields):
        error["fields"] = named
    if lines is not None or status >= _SERVER_FAULT or request.path.startswith(_DOORS_OF_NEED):
        body["hotlines"] = lines_out(lines if lines is not None else _all_lines())
    if care is not None:
        body["care"] = care
    return make_response(jsonify(body), status)


def _all_lines() -> Iterable[Hotline]:
    parts = current_app.extensions["xinqiao"]
    assert isinstance(parts, Parts)
    return parts.lines


def bad_input(cause: BaseException | None) -> Response:
    """What pydantic found, field by field. Nothing that was sent is repeated but the names of fields."""
    faults = cause.errors(include_input=False, include_url=False) if isinstance(cause, ValidationError) else []
    fields = [
        {"field": ".".join(map(str, fault["loc"]))[:_LONGEST_NAME], **_what_is_wrong(fault["type"])} for fault in faults
    ]
    return answer(422, "invalid", text("errors.invalid"), fields=fields)


def _what_is_wrong(kind: str) -> dict[str, str]:
    code = {"missing": "missing", "extra_forbidden": "unknown", "string_too_long": "too_long"}.get(kind, "wrong")
    return {"code": code, "message": text(f"api.field_{code}")}
