"""One shape for every fault, numbers whatever is down, public content with its ETag, and a document that is whole."""

import json
import re

import pytest

from server.blueprints.miniapp.document import document
from server.blueprints.miniapp.walls import MOST_BYTES
from server.blueprints.requests import _is_worth_a_line as is_worth_a_line

CONTACTS = "/api/v1/contacts"


# --- faults -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("GET", "/api/v1/nothing", {}, 404, "not_found"),
        ("GET", "/api/nothing", {}, 404, "not_found"),
        ("DELETE", "/api/v1/hotlines", {}, 405, "method"),
        ("POST", CONTACTS, {"data": "phone=1"}, 415, "api.media_type"),
        ("POST", CONTACTS, {"data": "phone=1", "content_type": "application/x-www-form-urlencoded"}, 415, "api.media_type"),
        ("POST", CONTACTS, {"data": "{", "content_type": "application/json"}, 400, "invalid"),
        ("POST", CONTACTS, {"data": "[]", "content_type": "application/json"}, 422, "invalid"),
        ("POST", CONTACTS, {"data": "[" * 5000, "content_type": "application/json"}, 422, "api.malformed"),
        ("POST", CONTACTS, {"json": {"phone": "x" * MOST_BYTES}}, 413, "too_large"),
        ("POST", CONTACTS, {"json": {"phone": "\ud800"}}, 422, "invalid"),
        ("GET", "/api/v1/organisations?cursor=made-up", {}, 422, "bad_cursor"),
        ("GET", "/api/v1/organisations?limit=1000000", {}, 422, "invalid"),
    ],
)  # fmt: skip
def test_every_fault_has_the_one_shape(phone, method, path, sent, status, code):
    answer = phone.client.open(path, method=method, **sent)

    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert re.search(r"[\u4e00-\u9fff]", answer.json["error"]["message"])
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_fault_of_ours_shows_numbers_and_nothing_of_what_broke(app, phone, monkeypatch):
    def broken(**_):
        raise ZeroDivisionError("what somebody typed")

    monkeypatch.setitem(app.view_functions, "api.places.list_organisations", broken)
    answer = phone.get("/organisations")

    assert answer.status_code == 500
    assert len(answer.json["hotlines"]) == 5
    assert "ZeroDivision" not in answer.text
    assert "typed" not in answer.text


def test_every_wrong_field_is_named_and_nothing_that_was_sent_is_repeated(phone):
    answer = phone.post("/instruments/phq9/responses", {"age_band": "金丝雀", "extra": 1})

    assert {(one["field"], one["code"]) for one in answer.json["error"]["fields"]} == {
        ("age_band", "wrong"),
        ("consent_version", "missing"),
        ("extra", "unknown"),
    }
    assert "金丝雀" not in answer.text


def test_pages_keep_their_own_faults(phone):
    for path in ("/nothing", "/h5/nothing", "/console/nothing"):
        answer = phone.client.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_no_other_site_is_let_in(phone):
    answer = phone.client.options("/api/v1/contacts", headers={"Origin": "https://elsewhere.example"})

    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_no_line_of_the_log_keeps_the_minute_of_an_anonymous_call(app):
    anonymous = re.compile(r"/api/v1/(instruments/|contacts|entry-points/)")
    rules = [rule.rule for rule in app.url_map.iter_rules() if anonymous.match(rule.rule)]

    assert len(rules) > 8
    assert not [rule for rule in rules if is_worth_a_line(rule, 200)]


# --- numbers and public content -----------------------------------------------------------------------------------------


def test_numbers_stand_while_the_store_is_away(phone, lose_store):
    lose_store()
    answer = phone.get("/hotlines")

    assert answer.status_code == 200
    assert [line["number"] for line in answer.json["hotlines"]] == ["12356", "020-55550000", "12355", "110", "120"]


@pytest.mark.parametrize("path", ["/hotlines", "/instruments", "/instruments/phq9", "/organisations", "/openapi.json"])
def test_public_content_is_kept_and_asked_about_by_its_etag(phone, path):
    answer = phone.get(path)
    again = phone.get(path, If_None_Match=answer.headers["ETag"])

    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert (again.status_code, again.data) == (304, b"")


def test_a_reader_pages_through_every_place_once(phone, world):
    seen, cursor = [], ""
    while cursor is not None:
        page = phone.get(f"/organisations?limit=2&cursor={cursor}").json
        assert len(page["organisations"]) <= 2
        seen += [place["name"] for place in page["organisations"]]
        cursor = page["next_cursor"]

    assert seen == ["榕江区", "云岭街道", "云岭街道新庄社区", "荷溪街道", "荷溪街道新庄社区"]


def test_below_a_place_lies_what_is_directly_below(phone, world):
    root = phone.get("/organisations?limit=1").json["organisations"][0]
    page = phone.get(f"/organisations?parent_id={root['id']}&limit=1").json

    assert [place["name"] for place in page["organisations"]] == ["云岭街道"]
    assert page["organisations"][0]["parent_id"] == root["id"]
    assert phone.get(f"/organisations?cursor={page['next_cursor']}").status_code == 422


@pytest.mark.parametrize("code", ["garbage", "2345678923"])
def test_a_code_that_leads_nowhere_is_answered_all_the_same(phone, world, code):
    answer = phone.get(f"/entry-points/{code}")

    assert (answer.status_code, answer.json["state"]) == (200, "unknown")
    assert answer.json["message"] == "没有找到这张码"


# --- the document -------------------------------------------------------------------------------------------------------


@pytest.fixture
def spec(app):
    return document(app)


def test_the_document_holds_the_api_and_nothing_else(app, spec):
    served = {
        re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith("api.docs.")
    }

    assert spec["openapi"] == "3.1.0"
    assert set(spec["paths"]) == served


def operations(spec):
    return [(f"{method} {path}", one) for path, found in spec["paths"].items() for method, one in found.items()]


def test_every_operation_has_a_name_of_its_own_an_example_and_its_faults(spec):
    names = [one["operationId"] for _, one in operations(spec)]
    assert len(set(names)) == len(names)
    for name, one in operations(spec):
        success = [answer for status, answer in one["responses"].items() if status in {"200", "201"}]
        assert all("example" in answer["content"]["application/json"] for answer in success), name
        assert {"500", "503"} <= set(one["responses"]), name
        if "requestBody" in one:
            assert "example" in one["requestBody"]["content"]["application/json"], name
            assert {"400", "413", "415", "422"} <= set(one["responses"]), name
        assert one["summary"], name


def test_every_reference_leads_somewhere(spec):
    wanted = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(spec)))

    assert wanted == set(spec["components"]["schemas"]) & wanted
    assert not [name for name in spec["components"]["schemas"] if "." in name]


def test_what_may_carry_a_cry_for_help_is_never_said_to_be_limited(spec):
    limited = {name for name, one in operations(spec) if "429" in one["responses"]}

    assert not [name for name in limited if re.search("hotlines|instruments|contacts", name)]
    assert "get /api/v1/organisations" in limited


def test_the_page_shows_every_operation_without_script_or_anything_from_elsewhere(phone, spec):
    page = phone.get("/docs")

    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", page.text)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page.text)
    for _, one in operations(spec):
        assert f'id="{one["operationId"]}"' in page.text


def test_no_answer_sets_a_cookie(phone):
    assert "Set-Cookie" not in phone.begin().headers
