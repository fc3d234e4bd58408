"""/q/<code>: the paper on the wall, opened in any browser."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.assessment.models import Response
from server.clock import utc_now
from server.crisis.models import Alert
from server.organisations import service as organisations
from server.organisations.models import EntryPoint
from tests.blueprints.visitor import ZERO, Visitor
from tests.conftest import NOW


def test_a_code_leads_to_its_test_and_names_its_place(visitor, world):
    code = world.print_code(world.communities[0])
    page = visitor.open(f"/q/{code}")

    assert page.address == f"/h5/test/phq9?from={code}"
    assert "云岭街道新庄社区" in page.words


@pytest.mark.parametrize(
    ("door", "target", "path"),
    [("assessment", "phq2", "/h5/test/phq2"), ("assessment", "", "/h5/"), ("contact", "", "/h5/contact"),
     ("help", "", "/h5/help"), ("home", "", "/h5/")],
)  # fmt: skip
def test_every_door_opens(visitor, world, door, target, path):
    page = visitor.open(f"/q/{world.print_code(world.root, door=door, target=target)}")

    assert (page.status, page.path) == (200, path)


def test_scans_starts_and_finishes_are_counted_once_each_however_often_pages_are_loaded_again(visitor, world):
    code = world.print_code(world.communities[0])
    visitor.open(f"/q/{code}")
    visitor.open(f"/q/{code}")  # a double tap on the link
    visitor.open(f"/h5/test/phq9?from={code}")
    visitor.finish([ZERO] * 9, code=code)
    visitor.open("/h5/test/phq9/result")

    assert world.uses(code) == (1, 1, 1)


def test_a_second_person_a_minute_later_on_the_same_phone_is_a_second_scan(visitor, world):
    code = world.print_code(world.communities[0])
    visitor.open(f"/q/{code}")
    visitor.lose_cookies("xq_q")  # it lasts a minute
    visitor.open(f"/q/{code}")

    assert world.uses(code) == (2, 0, 0)


def test_two_phones_are_two_scans_and_two_codes_do_not_count_for_each_other(app, world):
    one, other = world.print_code(world.communities[0]), world.print_code(world.communities[1])
    first = Visitor(app)
    first.open(f"/q/{one}")
    first.open(f"/q/{other}")
    Visitor(app).open(f"/q/{one}")

    assert world.uses(one) == (2, 0, 0)
    assert world.uses(other) == (1, 0, 0)


def test_looking_at_the_head_of_a_code_is_no_scan(app, world):
    code = world.print_code(world.communities[0])
    assert app.test_client().head(f"/q/{code}").status_code == 303

    assert world.uses(code) == (0, 0, 0)


@pytest.mark.parametrize(
    ("code", "status"), [("nichtdabei", 404), ("x", 404), ("中文", 404), ("2" * 10, 404), ("ABCDEFGHJK", 404)]
)
def test_an_unknown_code_leads_on_all_the_same(visitor, world, code, status):
    page = visitor.open(f"/q/{code}")

    assert page.status == status
    assert "没有找到这张码" in page.words
    assert {"/h5/test/phq9", "/h5/contact", "tel:12356"} <= set(page.links)


@pytest.mark.parametrize(
    ("dates", "status", "title"),
    [
        ({"revoked_at": NOW}, 410, "这张码已经停用"),
        ({"valid_until": NOW}, 410, "这张码已过期"),
        ({"valid_from": NOW + timedelta(seconds=1)}, 403, "这张码还没开放"),
    ],
)
def test_a_code_out_of_use_says_why_and_leads_on(visitor, world, database, dates, status, title):
    code = world.print_code(world.communities[0])
    database.write(lambda session: session.execute(sa.update(EntryPoint).values(**dates)))
    page = visitor.open(f"/q/{code}")

    assert page.status == status
    assert title in page.words
    assert "云岭街道新庄社区" in page.words
    assert {"/h5/test/phq9", "/h5/contact", "tel:12356"} <= set(page.links)


@pytest.mark.parametrize(
    "dates",
    [{"valid_until": NOW + timedelta(seconds=1)}, {"valid_from": NOW}, {"revoked_at": NOW + timedelta(seconds=1)}],
)
def test_a_code_is_in_use_from_its_first_instant_to_before_its_last(visitor, world, database, dates):
    code = world.print_code(world.communities[0])
    database.write(lambda session: session.execute(sa.update(EntryPoint).values(**dates)))

    assert visitor.open(f"/q/{code}").path == "/h5/test/phq9"


def test_a_code_of_a_test_that_is_no_longer_offered_leads_on(visitor, world, database):
    code = world.print_code(world.communities[0])
    database.write(lambda session: session.execute(sa.update(EntryPoint).values(target="gad7")))
    page = visitor.open(f"/q/{code}")

    assert page.status == 410
    assert "/h5/test/phq9" in page.links


def test_a_revoked_code_stays_revoked_from_when_it_was_first_taken_down(visitor, world, clock, database):
    code = world.print_code(world.communities[0])
    database.write(lambda session: organisations.revoke_entry_point(session, code=code, now=utc_now()))
    clock.shift(3600)
    database.write(lambda session: organisations.revoke_entry_point(session, code=code, now=utc_now()))

    assert world.only(EntryPoint).revoked_at == NOW


# --- the place goes along -----------------------------------------------------------------------------------------------


def test_the_response_belongs_to_the_place_whose_code_was_scanned(visitor, world):
    code = world.print_code(world.communities[1])
    visitor.open(f"/q/{code}")
    visitor.press("开始", age="age_18_59", consent="assessment-1")

    assert world.only(Response).organisation_id == world.communities[1].id


def test_the_place_goes_along_over_the_first_page(visitor, world):
    code = world.print_code(world.communities[1], target="")
    page = visitor.open(f"/q/{code}")
    assert {f"/h5/test/phq9?from={code}", f"/h5/contact?from={code}"} <= set(page.links)
    visitor.open(f"/h5/test/phq9?from={code}")
    visitor.press("开始", age="age_18_59", consent="assessment-1")

    assert world.only(Response).organisation_id == world.communities[1].id
    assert world.uses(code) == (1, 1, 0)


@pytest.mark.parametrize("forged", ['"><script>', "//evil.example", "中文", "x" * 300])
def test_a_forged_code_goes_nowhere(visitor, world, forged):
    page = visitor.open(f"/h5/?from={forged}")
    assert not any("from" in link for link in page.links)
    page = visitor.open(f"/h5/test/phq9?from={forged}")
    visitor.press("开始", age="age_18_59", consent="assessment-1")

    assert "<script>" not in page.html
    assert world.only(Response).organisation_id == world.root.id


def test_who_scans_another_code_and_starts_anew_belongs_to_the_new_place(visitor, world):
    first, second = world.print_code(world.communities[0]), world.print_code(world.communities[1])
    visitor.begin(code=first)
    visitor.answer(ZERO)
    visitor.open(f"/q/{second}")
    visitor.press("重新开始")
    visitor.press("开始", age="age_18_59", consent="assessment-1")

    places = {row.is_cleared: row.organisation_id for row in world.responses()}
    assert places == {True: world.communities[0].id, False: world.communities[1].id}
    assert world.uses(second) == (1, 1, 0)


def test_who_scans_another_code_and_goes_on_stays_where_they_began(visitor, world):
    first, second = world.print_code(world.communities[0]), world.print_code(world.communities[1])
    visitor.begin(code=first)
    visitor.answer(ZERO)
    visitor.open(f"/q/{second}")
    visitor.press("继续")

    assert world.only(Response).organisation_id == world.communities[0].id


def test_a_number_left_behind_a_streets_code_goes_to_that_street(visitor, world):
    code = world.print_code(world.streets[1], door="contact", target="")
    visitor.open(f"/q/{code}")
    visitor.press("请老师联系我", phone="13812345678")

    assert world.only(Alert).organisation_id == world.streets[1].id


# --- the store is away --------------------------------------------------------------------------------------------------


def test_with_the_store_away_a_code_leads_to_the_first_page_and_is_not_lost(visitor, world, lose_store):
    code = world.print_code(world.communities[0])
    give_back = lose_store()
    page = visitor.open(f"/q/{code}")

    assert (page.status, page.path) == (200, "/h5/")
    assert "tel:12356" in page.links
    give_back()
    visitor.open(next(link for link in page.links if link.startswith("/h5/test/phq9")))
    visitor.press("开始", age="age_18_59", consent="assessment-1")
    assert world.only(Response).organisation_id == world.communities[0].id


@pytest.mark.parametrize("path", ["/h5/", "/h5/help", "/h5/bye", "/h5/contact", "/h5/test/phq9", "/healthz"])
def test_these_pages_stand_with_the_store_away(visitor, lose_store, path):
    lose_store()
    page = visitor.open(path)

    assert page.status == 200
    assert path == "/healthz" or "tel:12356" in page.links


def test_a_code_that_is_garbage_is_a_clear_page_with_the_store_away(visitor, lose_store):
    lose_store()
    page = visitor.open("/q/garbage")

    assert page.status in {404, 503}
    assert "tel:12356" in page.links


@pytest.mark.slow
def test_a_count_that_cannot_be_written_stands_in_nobodys_way(visitor, world, database):
    code = world.print_code(world.communities[0])
    visitor.open(f"/q/{code}")
    other = Visitor(visitor.app)
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE entry_point_days SET scans = scans"))
        page = other.open(f"/q/{code}")

    assert page.address == f"/h5/test/phq9?from={code}"
    assert world.uses(code) == (1, 0, 0)
