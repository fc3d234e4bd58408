"""What stands as an example in the document. Tests send the requests among them and compare the answers' shape."""

from typing import Any

LINE = {"name": "-", "number": "000", "hours": "00:00-24:00", "audience": "all"}
CARE: dict[str, Any] = {
    "message": "-",
    "danger": "-",
    "contact": "-",
    "is_contact_left": False,
    "may_continue": True,
    "hotlines": [LINE],
}
ITEM = {
    "id": "phq9_1",
    "text": "-",
    "options": [{"code": 0, "text": "-"}, {"code": 1, "text": "-"}],
    "is_required": True,
    "number": 1,
    "count": 9,
    "chosen": None,
    "previous_item_id": None,
    "next_item_id": "phq9_2",
}
STATE: dict[str, Any] = {
    "instrument_id": "phq9",
    "status": "in_progress",
    "step": "item",
    "revision": 0,
    "missing": 9,
    "item": ITEM,
    "care": None,
    "result": None,
}
START = {"age_band": "age_18_59", "consent_version": "assessment-1", "entry_code": "", "carry_token": ""}
STARTED = {"token": "S0mE-unguessable-token", "state": STATE}
ANSWER = {"code": 1, "revision": 0}
ANSWERED = {"is_kept": True, "is_stale": False, "care": None, "state": STATE}
CONTACT = {"phone": "13800000000", "call_when": "any"}
NAMELESS_CONTACT = CONTACT | {"is_minor": False, "entry_code": ""}
CONTACT_LEFT = {"promised_by": "2026-11-23T14:00:00+08:00", "message": "-"}
ENTRY = {"state": "open", "place": "-", "opens": "-", "door": "assessment", "target": "phq9", "message": None}
ORGANISATIONS = {
    "organisations": [{"id": "A" * 22, "name": "-", "level": "street", "parent_id": None}],
    "next_cursor": None,
}
LOGIN = {"code": "0a1B2c", "device_label": "-"}
REFRESH = {"refresh_token": "S0mE-unguessable-token"}
TOKENS = {
    "access_token": "header.payload.signature",
    "access_seconds": 900,
    "refresh_token": "S0mE-unguessable-token",
    "refresh_days": 30,
    "device_id": "A" * 22,
}
PHONE = {"ending": "0000", "consent_version": "phone-1", "given_on": "2026-11-23"}
PROFILE = {"id": "A" * 22, "since": "2026-11-23", "device_id": "A" * 22, "phone": PHONE}
DEVICE = {"id": "A" * 22, "label": "-", "created_on": "2026-11-23", "last_used_on": "2026-11-23", "is_this_one": True}
CONSENT = {"version": "phone-1", "html": "<p>-</p>"}
PHONE_GIVEN = {"code": "0a1B2c", "consent_version": "phone-1"}

_FAULT_CODES = {
    400: "invalid",
    401: "not_signed_in",
    403: "assessment.too_young",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    415: "api.media_type",
    422: "invalid",
    429: "too_many",
    500: "internal",
    503: "unavailable",
}
_SERVER_FAULT = 500


def error(status: int) -> dict[str, Any]:
    fault: dict[str, Any] = {"code": _FAULT_CODES[status], "message": "-"}
    if fault["code"] == "invalid" and status != 400:
        fault["fields"] = [{"field": "age_band", "code": "missing", "message": "-"}]
    return {"error": fault} | ({"hotlines": [LINE]} if status >= _SERVER_FAULT else {})
