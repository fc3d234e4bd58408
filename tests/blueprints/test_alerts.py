"""The page of all alerts: filters in the address, places of the tree, pages by key, and no words anywhere."""

import re

import pytest

from server.accounts.policy import Role
from server.ids import new_public_id
from server.risk.grades import Grade
from tests.blueprints.staff import Colleague, text_of
from tests.canaries import PHONE


@pytest.fixture
def boss(app, world) -> Colleague:
    world.hire("boss", role=Role.SUPERVISOR, name="督导甲")
    return Colleague(app).sign_in("boss")


def ids_on(answer) -> list[str]:
    return re.findall(r'class="row-link" href="/console/duty/alerts/([^"]+)"', text_of(answer))


def link(answer, rel: str) -> str:
    return re.search(rf'rel="{rel}" href="([^"]+)"', text_of(answer))[1].replace("&amp;", "&")


def test_the_list_shows_place_and_clock_but_neither_number_nor_words(world, boss, clock):
    alert = world.raise_alert(world.communities[0], number=PHONE)
    clock.shift(12 * 60)
    answer = boss.get("/console/alerts")

    assert ids_on(answer) == [alert]
    assert "云岭街道新庄社区" in text_of(answer).split("<tbody>")[1]
    assert "12 分钟前" in text_of(answer)
    assert PHONE not in text_of(answer)


def test_filters_stay_in_the_address_and_on_the_page(world, boss):
    high = world.raise_alert(number=PHONE, grade=Grade.HIGH)
    world.raise_alert(number=PHONE)
    answer = boss.get("/console/alerts?grade=high&reach=yes&state=open&source=response")

    assert ids_on(answer) == [high]
    assert '<option value="high" selected>' in text_of(answer)
    assert "grade=high" in re.search(r'<th scope="col" aria-sort="descending"><a href="([^"]+)"', text_of(answer))[1]


def test_a_filter_that_nobody_offers_is_named_and_hides_nothing(world, boss):
    alert = world.raise_alert()
    answer = boss.get("/console/alerts?grade=purple")

    assert ids_on(answer) == [alert]
    assert "请从列出的选项里选一个" in text_of(answer)


def test_a_hundred_and_twenty_alerts_are_three_pages_and_the_way_back(world, boss, clock):
    for _ in range(120):
        world.raise_alert()
    first = boss.get("/console/alerts?state=open")
    second = boss.get(link(first, "next"))
    third = boss.get(link(second, "next"))
    back = boss.get(link(third, "prev"))

    assert [len(ids_on(page)) for page in (first, second, third)] == [50, 50, 20]
    assert len({*ids_on(first), *ids_on(second), *ids_on(third)}) == 120
    assert ids_on(back) == ids_on(second)
    assert 'rel="prev"' not in text_of(first)
    assert 'rel="next"' not in text_of(third)


def test_a_spoilt_cursor_begins_anew_and_says_so(world, boss):
    alert = world.raise_alert()
    answer = boss.get("/console/alerts?page=spoilt")

    assert (answer.status_code, ids_on(answer)) == (200, [alert])
    assert "这里从第一页开始" in text_of(answer)


def test_a_place_is_chosen_step_by_step_down_the_tree(world, boss):
    inside = world.raise_alert(world.communities[0], number=PHONE)
    world.raise_alert(world.communities[1], number=PHONE)
    whole = text_of(boss.get("/console/alerts"))
    street = boss.get(f"/console/alerts?place={world.streets[0].public_id}&state=open")

    assert f'<option value="{world.streets[0].public_id}">云岭街道</option>' in whole
    assert ids_on(street) == [inside]
    assert re.search(r'<a href="/console/alerts\?state=open">榕江区</a>', text_of(street)), "up, with the other filters"
    assert f'<option value="{world.communities[0].public_id}">' in text_of(street)
    assert "匿名的人不按地点去找" in text_of(street)


def test_a_foreign_place_answers_like_one_that_is_not_there(app, world):
    world.hire("street1", at=world.streets[0])
    officer = Colleague(app).sign_in("street1")
    answers = [
        officer.without_request_id(officer.get(f"/console/alerts?place={place}"))
        for place in (world.streets[1].public_id, world.communities[1].public_id, new_public_id(), "不存在")
    ]

    assert answers[0][0] == 404
    assert all(answer == answers[0] for answer in answers)


def test_who_watches_over_one_street_begins_there(app, world):
    world.hire("street1", role=Role.SUPERVISOR, at=world.streets[0])
    html = text_of(Colleague(app).sign_in("street1").get("/console/alerts"))

    assert "云岭街道新庄社区" in html
    assert "荷溪街道" not in html


def test_with_nothing_to_show_it_says_what_will_stand_here(boss):
    assert "可以放宽上面的条件再看" in text_of(boss.get("/console/alerts"))


# --- one alert, for who watches -----------------------------------------------------------------------------------------


def test_who_watches_reads_an_alert_among_the_other_pages_and_who_is_on_duty_on_the_dark_screen(app, world, boss):
    alert = world.raise_alert(number=PHONE)
    world.hire("duty1")
    officer = Colleague(app).sign_in("duty1")
    address = f"/console/duty/alerts/{alert}"

    assert 'class="side"' in text_of(boss.get(address))
    assert 'href="/console/alerts"' in text_of(boss.get(address))
    assert "duty.js" not in text_of(boss.get(address))
    assert 'class="side"' not in text_of(officer.get(address))
    assert "duty.js" in text_of(officer.get(address))


def test_a_supervisor_who_closes_one_comes_back_to_the_list(app, world, boss):
    alert = world.raise_alert(number=PHONE)
    world.hire("duty1")
    Colleague(app).sign_in("duty1").post(f"/console/duty/alerts/{alert}/acknowledge")
    answer = boss.post(f"/console/duty/alerts/{alert}/close", outcome="reached")

    assert answer.headers["Location"] == "/console/alerts"
    assert "这一条已经处理完" in text_of(boss.get("/console/alerts"))
