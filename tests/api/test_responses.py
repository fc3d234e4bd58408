"""A self-assessment over the API: the same promises as on the pages."""

import pytest

from server.assessment.models import Care, Response, ResponseStatus
from server.crisis.models import Alert, ContactRequest
from tests.api.conftest import HALF, NEARLY_DAILY, SOME_DAYS, ZERO
from tests.canaries import PHONE

NUMBERS = ["12356", "020-55550000", "12355", "110", "120"]


def numbers(body):
    return [line["number"] for line in body["hotlines"]]


# --- the way through ----------------------------------------------------------------------------------------------------


def test_question_follows_question_until_the_result(phone, world):
    state = phone.begin().json["state"]
    assert (state["step"], state["missing"]) == ("item", 9)
    while state["step"] == "item":
        item = state["item"]
        state = phone.answer(item["id"], ZERO, revision=state["revision"]).json["state"]
        if item["next_item_id"] is None:
            break
    result = phone.post("/instruments/phq9/response/submission").json

    assert result["step"] == "result"
    assert result["result"]["level"] == "green"
    assert world.only(Response).status is ResponseStatus.COMPLETE


def test_a_result_is_read_again_with_the_token_alone(phone):
    phone.begin()
    phone.finish([SOME_DAYS] * 8 + [ZERO])

    assert phone.get("/instruments/phq9/response").json["result"]["level"] == "yellow"


def test_the_way_counts_for_the_code_on_the_wall(phone, world):
    code = world.print_code(world.communities[0])
    scanned = phone.post(f"/entry-points/{code}/scans").json
    phone.begin(entry_code=code)
    phone.finish([ZERO] * 9)

    assert (scanned["state"], scanned["door"], scanned["target"]) == ("open", "assessment", "phq9")
    assert world.uses(code) == (1, 1, 1)


def test_a_log_in_that_is_sent_along_changes_nothing_and_is_not_looked_at(phone, world):
    phone.access = "not.a.token"

    assert phone.begin().status_code == 201
    assert phone.answer("phq9_1", HALF).status_code == 200


def test_an_older_page_never_undoes_a_newer_answer(phone, world):
    phone.begin()
    phone.answer("phq9_1", HALF, revision=0)
    stale = phone.answer("phq9_1", ZERO, revision=0).json

    assert (stale["is_kept"], stale["is_stale"]) == (False, True)
    assert world.answers() == {"phq9_1": HALF}


def test_what_is_open_cannot_be_submitted(phone, world):
    phone.begin()
    answer = phone.finish([ZERO] * 3)

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "assessment.unfinished")
    assert world.only(Response).status is ResponseStatus.IN_PROGRESS


def test_who_clears_opens_nothing_any_more_and_may_say_it_twice(phone):
    phone.begin()

    assert phone.call("DELETE", "/instruments/phq9/response").status_code == 204
    assert phone.call("DELETE", "/instruments/phq9/response").status_code == 204
    assert phone.get("/instruments/phq9/response").status_code == 404


def test_a_token_opens_its_own_instrument_only(phone):
    phone.begin()

    assert phone.get("/instruments/phq2/response").status_code == 404


# --- a danger sign ------------------------------------------------------------------------------------------------------


def test_a_danger_sign_gets_its_alert_and_the_numbers_in_the_answer_to_that_very_call(phone, world):
    phone.begin()
    answer = phone.answer("phq9_9", SOME_DAYS)

    assert answer.status_code == 200
    assert numbers(answer.json["care"]) == NUMBERS
    assert answer.json["state"]["step"] == "care"
    assert len(world.alerts()) == 1


def test_the_screen_of_danger_comes_before_everything_until_it_is_passed(phone, world):
    phone.begin()
    phone.finish([ZERO] * 8 + [HALF])

    assert phone.get("/instruments/phq9/response").json["step"] == "care"
    assert phone.get("/instruments/phq9/response/items/phq9_1").json["step"] == "care"
    passed = phone.post("/instruments/phq9/response/care").json
    assert (passed["step"], passed["result"]["is_red"]) == ("result", True)
    assert world.only(Response).care is Care.PASSED


@pytest.mark.parametrize("token", ["", "unknown"])
def test_a_danger_sign_without_a_response_still_meets_the_numbers(phone, world, token):
    phone.token = token
    answer = phone.answer("phq9_9", NEARLY_DAILY)

    assert answer.status_code == 200
    assert (answer.json["is_kept"], answer.json["state"]) == (False, None)
    assert numbers(answer.json["care"]) == NUMBERS


def test_a_danger_sign_in_a_finished_response_arrives(phone, world):
    phone.begin()
    phone.finish([ZERO] * 9)
    answer = phone.answer("phq9_9", NEARLY_DAILY)

    assert answer.json["is_kept"] is False
    assert answer.json["state"]["step"] == "care"
    assert len(world.alerts()) == 1


@pytest.mark.parametrize(
    ("body", "mimetype"),
    [
        ('{"code": 3, "revision": "x"}', "application/json"),
        ('{"code": 3, "who": "me", "revision": -1}', "application/json"),
        ('{"code": 3}', "text/plain"),
        ('{"code": "3"}', "application/json"),
    ],
)
def test_nothing_about_its_form_stands_before_a_danger_sign(phone, world, body, mimetype):
    phone.begin()
    answer = phone.client.put(
        "/api/v1/instruments/phq9/response/answers/phq9_9",
        data=body,
        content_type=mimetype,
        headers={"X-Response-Token": phone.token},
    )

    assert answer.status_code == 200
    assert len(world.alerts()) == 1


def test_while_the_store_is_away_a_danger_sign_meets_numbers_and_words_and_arrives_with_the_next_try(
    phone, world, lose_store
):
    phone.begin()
    give_back = lose_store()
    away = phone.answer("phq9_9", HALF)

    assert away.status_code == 503
    assert away.json["error"]["code"] == "unavailable"
    assert numbers(away.json) == numbers(away.json["care"]) == NUMBERS
    give_back()
    assert phone.answer("phq9_9", HALF).json["state"]["step"] == "care"
    assert len(world.alerts()) == 1


def test_yes_is_no_answer(phone, world):
    phone.begin()

    assert phone.answer("phq9_9", True).status_code == 422
    assert world.alerts() == []


def test_while_the_store_is_away_an_ordinary_answer_meets_numbers_and_no_words_of_danger(phone, lose_store):
    phone.begin()
    lose_store()
    away = phone.answer("phq9_1", HALF)

    assert away.status_code == 503
    assert numbers(away.json) == NUMBERS
    assert "care" not in away.json


# --- refusals with a hand held out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", ["under_12", "age_12_13", "age_14_17"])
def test_who_is_too_young_gets_numbers_the_young_peoples_own_first(phone, world, age):
    answer = phone.begin(age=age)

    assert (answer.status_code, answer.json["error"]["code"]) == (403, "assessment.too_young")
    assert numbers(answer.json)[0] == "12355"
    assert sorted(numbers(answer.json)) == sorted(NUMBERS)
    assert world.responses() == []


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("/instruments/phq9/responses", "POST", {}),
        ("/instruments/phq9/responses", "POST", {"age_band": "age_18_59", "consent_version": "old"}),
        ("/instruments/nothing/responses", "POST", {"age_band": "age_18_59", "consent_version": "assessment-1"}),
        ("/instruments/phq9/response", "GET", None),
        ("/instruments/phq9/response/answers/phq9_1", "PUT", {"code": 77}),
        ("/contacts", "POST", {"phone": "1"}),
        ("/contacts", "DELETE", None),
    ],
)
def test_every_refusal_of_these_doors_shows_the_numbers(phone, path, method, body):
    answer = phone.call(method, path, body)

    assert 400 <= answer.status_code < 500
    assert numbers(answer.json) == NUMBERS


def test_agreeing_to_an_older_text_is_no_agreement(phone):
    answer = phone.begin(consent_version="assessment-0")

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "api.consent_changed")


# --- please call me -----------------------------------------------------------------------------------------------------


def test_a_number_left_with_a_response_rings_with_its_alert_and_says_by_when(phone, world):
    phone.begin()
    phone.answer("phq9_9", HALF)
    answer = phone.post("/instruments/phq9/response/contact", {"phone": PHONE, "call_when": "evening"})

    assert answer.status_code == 200
    assert answer.json["promised_by"].endswith("+08:00")
    assert world.only(Alert).is_reachable
    assert phone.get("/instruments/phq9/response").json["care"]["is_contact_left"]


@pytest.mark.parametrize("key", ["8f14e45f-ceea-467f-a8e2-1f2a5b3c4d5e", None])
def test_a_number_without_a_response_makes_one_request_however_often_it_is_sent_under_one_key(phone, world, key):
    headers = {"Idempotency_Key": key} if key else {}
    for _ in range(2):
        assert phone.post("/contacts", {"phone": PHONE, "is_minor": True}, **headers).status_code == 200

    assert len(world.all(ContactRequest)) == (1 if key else 2)


def test_two_people_who_chose_the_same_short_key_stay_two(phone, world):
    for number in (PHONE, "13900000000"):
        phone.post("/contacts", {"phone": number}, Idempotency_Key="1")

    assert len(world.alerts()) == 2


def test_a_response_that_is_gone_does_not_cost_the_person_their_call(phone, world):
    phone.token = "gone"

    assert phone.post("/instruments/phq9/response/contact", {"phone": PHONE}).status_code == 200
    assert len(world.all(ContactRequest)) == 1


def test_a_number_that_is_none_is_told_at_its_field(phone):
    answer = phone.post("/contacts", {"phone": "12", "is_minor": "yes"})

    assert answer.status_code == 422
    assert answer.json["error"]["fields"] == [{"field": "is_minor", "code": "wrong", "message": "这一项没有填对。"}]
    assert phone.post("/contacts", {"phone": "12"}).json["error"]["code"] == "crisis.bad_phone"
