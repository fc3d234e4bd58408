"""The same request twice is done once, also when two come at once, and the kept answer opens for its client alone."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server import kept_answers
from server.assessment.models import Response
from server.clock import utc_now
from server.kept_answers import Answer, Asked, InProgress, KeptAnswer, KeyReused
from tests.api.conftest import Phone
from tests.conftest import NOW, run_together

KEY = "8f14e45f-ceea-467f-a8e2-1f2a5b3c4d5e"
START = {"age_band": "age_18_59", "consent_version": "assessment-1"}
ASKED = Asked(client="", method="POST", path="/x", key=KEY, body=b"{}")


def test_the_same_request_under_one_key_begins_one_response_and_hears_the_same_answer(phone, world):
    first, again = (phone.call("POST", "/instruments/phq9/responses", START, Idempotency_Key=KEY) for _ in range(2))

    assert first.json == again.json
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(world.responses()) == 1


def test_the_key_with_another_body_is_refused_with_numbers(phone, world):
    phone.post("/instruments/phq9/responses", START, Idempotency_Key=KEY)
    answer = phone.post("/instruments/phq9/responses", START | {"age_band": "age_60_up"}, Idempotency_Key=KEY)

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "idempotency.key_reused")
    assert answer.json["hotlines"]


def test_the_key_at_another_address_is_another_request(phone, world):
    for instrument in ("phq9", "phq2"):
        answer = phone.post(f"/instruments/{instrument}/responses", START, Idempotency_Key=KEY)
        assert answer.status_code == 201

    assert {row.instrument_id for row in world.responses()} == {"phq9", "phq2"}


@pytest.mark.parametrize("key", ["short", "x" * 129, "with a blank in it..."])
def test_a_key_that_others_may_choose_too_is_refused(phone, key):
    answer = phone.post("/instruments/phq9/responses", START, Idempotency_Key=key)

    assert (answer.status_code, answer.json["error"]["code"]) == (422, "idempotency.bad_key")


def test_a_refusal_is_not_kept(phone, world):
    refused = phone.post("/instruments/phq9/responses", START | {"age_band": "age_14_17"}, Idempotency_Key=KEY)

    assert refused.status_code == 403
    assert world.all(KeptAnswer) == []


def test_no_key_of_another_request_stands_before_an_answer_or_a_call_for_help(phone, world):
    phone.begin()
    for code in (1, 2):
        path = "/instruments/phq9/response/answers/phq9_9"
        assert phone.call("PUT", path, {"code": code}, Idempotency_Key=KEY).json["care"]
    for number in ("13812345678", "13900000000"):
        assert phone.post("/contacts", {"phone": number}, Idempotency_Key=KEY).status_code == 200


def test_a_scan_that_is_sent_twice_counts_once(phone, world):
    code = world.print_code(world.root)
    for _ in range(2):
        assert phone.post(f"/entry-points/{code}/scans", Idempotency_Key=KEY).json["state"] == "open"

    assert world.uses(code)[0] == 1


# --- what is kept -------------------------------------------------------------------------------------------------------


def test_what_is_kept_holds_neither_token_nor_key_nor_minute(app, phone, world):
    token = phone.post("/instruments/phq9/responses", START, Idempotency_Key=KEY).json["token"]
    row = world.only(KeptAnswer)
    held = repr([row.slot, row.request_hash, row.answer_sealed])

    assert token not in held
    assert KEY not in held
    assert (row.forget_at.minute, row.forget_at.second, row.forget_at.microsecond) == (0, 0, 0)
    assert token.encode() not in row.answer_sealed


def test_what_is_kept_is_gone_after_a_day(phone, world, database, clock):
    phone.post("/instruments/phq9/responses", START, Idempotency_Key=KEY)
    clock.shift(timedelta(hours=23, minutes=-1))
    database.write(lambda session: kept_answers.purge(session, utc_now()))
    assert len(world.all(KeptAnswer)) == 1
    clock.shift(timedelta(hours=1, minutes=1))
    assert phone.post("/instruments/phq9/responses", START, Idempotency_Key=KEY).status_code == 201
    assert len(world.all(Response)) == 2
    clock.shift(timedelta(hours=24))
    database.write(lambda session: kept_answers.purge(session, utc_now()))

    assert world.all(KeptAnswer) == []


# --- two at once --------------------------------------------------------------------------------------------------------


def test_of_many_at_once_one_works_and_all_hear_its_answer(app, world):
    def ask(_number):
        answer = Phone(app).post("/instruments/phq9/responses", START, Idempotency_Key=KEY)
        return answer.status_code, answer.json

    found = run_together(8, ask)

    assert {status for status, _ in found} == {201}
    assert len({body["token"] for _, body in found}) == 1
    assert len(world.responses()) == 1


def test_work_that_fails_leaves_neither_itself_nor_its_answer(database):
    def work(session):
        session.execute(sa.delete(Response))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(lambda session: kept_answers.answer_once(session, asked=ASKED, work=work, now=NOW))
    found = database.write(
        lambda session: kept_answers.answer_once(session, asked=ASKED, work=lambda _: Answer(200, 1), now=NOW)
    )

    assert found == Answer(200, 1)


def test_while_the_first_is_worked_on_the_second_is_told_so_with_a_code_of_its_own(database):
    assert database.write(lambda session: kept_answers.claim(session, asked=ASKED, now=NOW)) is None
    with pytest.raises(InProgress):
        database.write(lambda session: kept_answers.claim(session, asked=ASKED, now=NOW))
    database.write(lambda session: kept_answers.keep(session, asked=ASKED, answer=Answer(200, {"n": 1})))

    assert database.write(lambda session: kept_answers.claim(session, asked=ASKED, now=NOW)) == Answer(
        200, {"n": 1}, is_repeat=True
    )
    assert InProgress.code != KeyReused.code


def test_what_was_released_may_be_tried_again(database):
    for _ in range(2):
        assert database.write(lambda session: kept_answers.claim(session, asked=ASKED, now=NOW)) is None
        database.write(lambda session: kept_answers.release(session, asked=ASKED))


def test_another_client_with_the_same_key_is_another_slot(database):
    other = Asked(client="somebody", method="POST", path="/x", key=KEY, body=b"{}")

    for asked in (ASKED, other):
        assert database.write(lambda session, asked=asked: kept_answers.claim(session, asked=asked, now=NOW)) is None
