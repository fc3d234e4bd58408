"""存到我的: by an explicit tap alone, as a copy that leads to no response, and gone when its owner says so."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.accounts.models import Resident, ResidentConsent
from server.assessment import keeping
from server.assessment.models import KeptResult, Response
from server.clock import utc_now
from tests.blueprints.visitor import Visitor
from tests.blueprints.wechat_login import Phone, Platform, platform_for

OFFER = "存到“我的”"


@pytest.fixture
def platform(app, world):
    with platform_for(app) as found:
        yield found


@pytest.fixture
def phone(app, platform: Platform) -> Phone:
    return Phone(app, platform)


def rows(database, model):
    return database.read(lambda session: session.scalars(sa.select(model)).all())


def offer(page):
    return next(form for form in page.forms if form.action == "/h5/me/keep")


def agree(phone, age: str = "age_18_59", **more: str):
    form = next(form for form in phone.page.forms if form.action == "/h5/me/keep/yes")
    fields = {"consent": form.choices["consent"][0]} | ({"age": age} if "age" in form.choices else {})
    return phone.send(form, **fields | more)


def sentence_of(page) -> str:
    return page.html.split('class="result-sentence">')[1].split("<")[0]


def keep_one(phone, codes=(1,) * 9, **more: str):
    phone.lose_cookies("xq_r", "xq_m")  # another day: the one before was cleared
    phone.finish(list(codes))
    phone.send(offer(phone.page))
    if phone.page.path == "/h5/me/sign-in":
        phone.log_in("keep")
    return agree(phone, **more)


def test_a_result_is_kept_after_a_log_in_and_the_persons_word(phone, database):
    sentence = sentence_of(phone.finish([1] * 9))
    phone.send(offer(phone.page))
    assert phone.page.path == "/h5/me/sign-in"
    assert phone.log_in("keep").path == "/h5/me/keep"
    assert rows(database, KeptResult) == [], "nothing is kept before they have said so"

    page = agree(phone)

    assert page.path == "/h5/me/results"
    assert sentence in page.words
    assert "11月23日 周一" in page.words
    assert len(rows(database, KeptResult)) == len(rows(database, ResidentConsent)) == 1


def test_who_is_logged_in_already_is_still_asked_before_anything_is_kept(phone, database):
    phone.log_in()
    phone.finish([1] * 9)
    page = phone.send(offer(phone.page))

    assert page.path == "/h5/me/keep"
    assert rows(database, KeptResult) == []


def test_before_the_word_is_given_the_page_shows_no_result(phone):
    """Phones are shared: whoever logged in need not be who answered."""
    phone.log_in()
    sentence = sentence_of(phone.finish([3] * 8 + [0]))
    phone.send(offer(phone.page))

    assert sentence
    assert sentence not in phone.page.words


def test_without_consent_or_age_nothing_is_kept(phone, database):
    phone.log_in()
    phone.finish([1] * 9)
    phone.send(offer(phone.page))
    form = next(form for form in phone.page.forms if form.action == "/h5/me/keep/yes")

    assert phone.send(form, consent=form.choices["consent"][0]).status == 422
    assert phone.send(form, age="age_18_59").status == 422
    assert phone.send(form, age="age_18_59", consent="an older text").status == 422
    assert rows(database, KeptResult) == []


def test_who_does_not_want_to_after_all_leaves_nothing_on_the_phone(phone, database):
    phone.finish([1] * 9)
    phone.send(offer(phone.page))
    phone.log_in("keep")
    phone.press("不存了")

    assert "xq_me_copy" not in phone.cookies()
    assert phone.open("/h5/me/keep").status == 404


def test_the_copy_waits_ten_minutes_and_no_longer(phone, clock):
    phone.finish([1] * 9)
    phone.send(offer(phone.page))
    waiting = phone.cookies()["xq_me_copy"]
    clock.shift(timedelta(minutes=10))
    phone.log_in("keep")
    phone._client.set_cookie("xq_me_copy", waiting, path="/h5/me")

    assert phone.open("/h5/me/keep").status == 404


@pytest.mark.parametrize("forged", ["", "x", "AAAA", "汉字", "A" * 400])
def test_a_copy_that_we_did_not_seal_is_none(phone, forged):
    phone.log_in()

    assert phone.post("/h5/me/keep", {"copy": forged}).status == 404


def test_a_double_tap_keeps_one(phone, database):
    keep_one(phone)
    before = next(page for page in phone.history if any(form.action == "/h5/me/keep" for form in page.forms))
    phone.send(offer(before))
    agree(phone)

    assert len(rows(database, KeptResult)) == 1


def test_nothing_of_what_is_kept_leads_to_the_response_or_says_when(phone, database):
    keep_one(phone)
    [kept], [response] = rows(database, KeptResult), rows(database, Response)

    assert {column.name for column in KeptResult.__table__.columns} == {"public_id", "resident_id", "copy_sealed"}
    assert KeptResult.__table__.kwargs["sqlite_with_rowid"] is False
    copy = database.read(
        lambda session: keeping.list_kept(session, resident=session.scalars(sa.select(Resident)).one())
    )[0].copy
    assert response.public_id not in repr(copy)
    assert copy.day == "2026-11-23"
    for word in (b"phq9", b"2026", response.public_id.encode()):
        assert word not in kept.copy_sealed


def test_the_page_of_the_result_says_nothing_of_its_response_in_what_it_hands_over(phone, app, database):
    phone.finish([1] * 9)
    sealed = offer(phone.page).fields["copy"]
    copy, number = keeping.look_into(app.extensions["xinqiao"].vault, sealed, now=utc_now())
    [response] = rows(database, Response)

    assert response.public_id not in repr((copy, number))
    assert response.token_hash not in repr((copy, number))


def test_each_can_be_deleted_by_its_owner_alone(phone, app, platform, database):
    keep_one(phone)
    [kept] = rows(database, KeptResult)
    stranger = Phone(app, platform, "li-qiang")
    stranger.log_in()
    key = stranger.page.form_with("退出这部手机").fields["form_key"]
    stranger.post(f"/h5/me/results/{kept.public_id}/delete", {"form_key": key})
    assert len(rows(database, KeptResult)) == 1

    phone.press("删掉这一份")
    assert rows(database, KeptResult) == []
    assert "没有存下的结果" in phone.page.words


def test_of_two_people_none_sees_the_others(phone, app, platform):
    keep_one(phone)
    stranger = Phone(app, platform, "li-qiang")
    stranger.log_in()

    assert "没有存下的结果" in stranger.open("/h5/me/results").words


def test_taking_the_consent_back_deletes_what_was_kept(phone, database, world):
    keep_one(phone)
    phone.open("/h5/me/consents")
    phone.press("撤回同意")

    assert rows(database, KeptResult) == []
    assert "撤回" in phone.page.words
    [consent] = rows(database, ResidentConsent)
    assert (consent.standing, str(consent.withdrawn_on)) == (None, "2026-11-23")
    assert [len(world.acts(act)) for act in ("consent.given", "consent.withdrawn")] == [1, 1]


def test_a_hundred_are_enough(phone, database, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_KEPT", 1)
    keep_one(phone)
    page = keep_one(phone, [2] * 8 + [0])

    assert page.status == 409
    assert "最多存 1 份" in page.words


def test_the_result_page_of_somebody_in_danger_puts_the_numbers_before_the_offer(phone):
    page = phone.finish([1] * 8 + [2])

    assert page.html.index("tel:12356") < page.html.index('action="/h5/me/keep"')


def test_after_the_chats_link_the_waiting_copy_is_one_tap_away(app, world, database):
    visitor = Visitor(app)
    visitor.finish([1] * 9)
    visitor.send(offer(visitor.page))

    assert "xq_me_copy" in visitor.cookies()
    assert visitor.page.path == "/h5/me/sign-in"


# --- under fourteen -----------------------------------------------------------------------------------------------


def invite(phone) -> str:
    phone.press("给家长一个二维码")
    return phone.page.html.split('class="address">')[1].split("<")[0].removeprefix("http://127.0.0.1:8000")


def agree_as_guardian(guardian):
    form = next(form for form in guardian.page.forms if form.action == "/h5/me/guardian")
    return guardian.send(form, adult="1", consent=form.choices["consent"][0])


def test_under_fourteen_a_guardian_has_to_agree_first(phone, app, platform, database):
    page = keep_one(phone, age="age_12_13")
    assert page.path == "/h5/me/guardian/ask"
    assert "不需要家长同意" in page.words
    assert rows(database, KeptResult) == []

    guardian = Phone(app, platform, "li-qiang")
    guardian.open(invite(phone))
    assert guardian.log_in("guardian").path == "/h5/me/guardian"
    assert agree_as_guardian(guardian).path == "/h5/me/consents"

    assert keep_one(phone).path == "/h5/me/results"
    assert len(rows(database, KeptResult)) == 1


def test_an_age_can_be_put_right_and_what_it_forbids_goes(phone, database):
    keep_one(phone)
    phone.open("/h5/me/age")
    phone.press("存下", age="nonsense")
    assert len(rows(database, KeptResult)) == 1
    phone.open("/h5/me/age")
    phone.press("存下", age="age_12_13")

    assert rows(database, Resident)[0].age_band == "age_12_13"
    assert rows(database, KeptResult) == []


def test_a_guardian_has_to_say_that_they_are_one_and_that_they_agree(phone, app, platform, database):
    keep_one(phone, age="under_12")
    guardian = Phone(app, platform, "li-qiang")
    guardian.open(invite(phone))
    guardian.log_in("guardian")
    form = next(form for form in guardian.page.forms if form.action == "/h5/me/guardian")

    assert (
        guardian.send(form, adult="1").status == guardian.send(form, consent=form.choices["consent"][0]).status == 422
    )
    assert guardian.send(form, adult="1", consent="an older text").status == 422
    assert [row for row in rows(database, ResidentConsent) if row.guardian_id] == []


def test_nobody_agrees_for_themselves(phone, database):
    keep_one(phone, age="under_12")
    phone.open(invite(phone))

    assert phone.page.status == 403
    assert "家长" in phone.page.words


def test_the_guardians_code_works_once_and_for_a_day(phone, app, platform, clock):
    keep_one(phone, age="under_12")
    address = invite(phone)
    first, second = Phone(app, platform, "li-qiang"), Phone(app, platform, "wu-min")
    for guardian in (first, second):
        guardian.open(address)
        guardian.log_in("guardian")
    agree_as_guardian(first)
    assert agree_as_guardian(second).status == 404

    other = invite_again(phone)
    clock.shift(timedelta(hours=24))
    assert Phone(app, platform, "wu-min").open(other).status == 404


def invite_again(phone) -> str:
    phone.open("/h5/me/guardian/ask")
    return invite(phone)


@pytest.mark.parametrize("who", ["guardian", "child"])
def test_either_may_take_the_guardians_consent_back_and_what_was_kept_goes(phone, app, platform, database, who):
    keep_one(phone, age="under_12")
    guardian = Phone(app, platform, "li-qiang")
    guardian.open(invite(phone))
    guardian.log_in("guardian")
    agree_as_guardian(guardian)
    keep_one(phone)
    assert len(rows(database, KeptResult)) == 1

    person = guardian if who == "guardian" else phone
    person.open("/h5/me/consents")
    wanted = next(row.public_id for row in rows(database, ResidentConsent) if row.guardian_id)
    form = next(form for form in person.page.forms if wanted in form.action)
    person.send(form)

    assert rows(database, KeptResult) == []


def test_the_guardian_sees_that_they_agreed_and_nothing_of_the_child(phone, app, platform):
    keep_one(phone, age="under_12")
    guardian = Phone(app, platform, "li-qiang")
    guardian.open(invite(phone))
    guardian.log_in("guardian")
    agree_as_guardian(guardian)
    keep_one(phone)

    assert "我作为家长同意的" in guardian.open("/h5/me/consents").words
    assert "没有存下的结果" in guardian.open("/h5/me/results").words
    assert "分数" not in guardian.open("/h5/me/data").words
