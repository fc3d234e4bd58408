"""Pages of the tree, departments and service points: what a manager keeps, what a clerk sees, what is missing for both."""

import re

import pytest

from server.accounts.policy import Role
from server.organisations.models import Department, Organisation, ServicePoint
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.test_hostile import VALUES, check
from tests.blueprints.visitor import Page

POINT = {
    "name": "阳光驿站",
    "address": "云岭路 1 号 2 楼",
    "phone": "020-8888 6666",
    "hours": "周一到周五 9:00-17:00",
    "host_kind": "community_centre",
    "accepts_minors": "true",
}
NOBODY = "A" * 22


def words_of(answer) -> str:
    return re.sub(r"\s+", " ", Page(answer, "").words)


def links_of(answer) -> list[str]:
    return Page(answer, "").links


@pytest.fixture
def manager(app, world) -> Colleague:
    world.hire("manager", role=Role.DISTRICT_MANAGER)
    return Colleague(app).sign_in("manager")


@pytest.fixture
def clerk(app, world) -> Colleague:
    world.hire("clerk", role=Role.CLERK, at=world.streets[0])
    return Colleague(app).sign_in("clerk")


# --- the tree -------------------------------------------------------------------------------------------------------------


def test_a_manager_begins_at_the_district_and_walks_down(manager, world):
    page = manager.get("/console/places")
    assert "云岭街道" in words_of(page)
    assert "荷溪街道" in words_of(page)

    street = manager.get(f"/console/places/{world.streets[0].public_id}")
    assert "云岭街道新庄社区" in words_of(street)
    assert f"/console/places/{world.root.public_id}" in links_of(street)


def test_a_clerk_begins_at_the_own_street_and_reads_the_way_above_by_name_only(clerk, world):
    page = clerk.get("/console/places")

    assert "榕江区" in words_of(page)
    assert "云岭街道新庄社区" in words_of(page)
    assert world.root.public_id not in text_of(page)
    assert "荷溪" not in text_of(page)


def test_whoever_has_two_places_chooses_between_them(app, world):
    world.hire("clerk", role=Role.CLERK, at=world.streets[0])
    world.add_post("clerk", Role.CLERK, world.communities[1])
    page = Colleague(app).sign_in("clerk").get("/console/places")

    assert "云岭街道" in words_of(page)
    assert "荷溪街道 · 荷溪街道新庄社区" in words_of(page)
    assert f"/console/places/{world.streets[1].public_id}" not in links_of(page)


def test_a_search_finds_only_what_is_in_sight(clerk, manager, world):
    assert "云岭街道新庄社区" in words_of(clerk.get("/console/places?q=新庄"))
    assert "荷溪" not in text_of(clerk.get("/console/places?q=新庄"))
    assert "荷溪街道新庄社区" in words_of(manager.get("/console/places?q=新庄"))
    assert "没有找到这样的机构" in words_of(manager.get("/console/places?q=%25"))


@pytest.mark.parametrize(
    "address",
    [
        "/console/places/{id}",
        "/console/entry-points?place={id}",
        "/console/service-points?place={id}",
        "/console/places/{id}/entry-points/new",
    ],
)
def test_a_foreign_place_answers_like_a_missing_one(clerk, world, address):
    foreign = clerk.get(address.format(id=world.streets[1].public_id))
    missing = clerk.get(address.format(id=NOBODY))

    assert foreign.status_code == 404
    assert clerk.without_request_id(foreign) == clerk.without_request_id(missing)


def test_a_place_is_added_and_renamed(manager, world):
    street = world.streets[0].public_id
    added = manager.post(f"/console/places/{street}/new", name="云岭中学", level="school", code="S1-9")
    assert (added.status_code, added.location) == (303, f"/console/places/{street}")
    page = manager.get(added.location)
    assert "机构已添加" in words_of(page)
    node = world.only(Organisation, Organisation.code == "S1-9")
    assert (node.name, node.parent_id) == ("云岭中学", world.streets[0].id)

    manager.post(f"/console/places/{node.public_id}/edit", name="云岭一中", level="school", code="OTHER")
    renamed = world.only(Organisation, Organisation.id == node.id)
    assert (renamed.name, renamed.code) == ("云岭一中", "S1-9")
    assert len(world.acts("organisation.added")) == len(world.acts("organisation.renamed")) == 1


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"code": "S2"}, "编号 S2 已经有了"),
        ({"code": "街道一"}, "编号用字母、数字"),
        ({"name": ""}, "这一项要填"),
        ({"name": "九" * 61}, "最多 60 个字"),
        ({"name": "云岭🏠"}, "海报上印不出来：🏠"),
        ({"level": "galaxy"}, "请从列出的选项里选一个"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(manager, world, typed, says):
    sent = {"name": "云岭中学", "level": "school", "code": "S1-9"} | typed
    answer = manager.post(f"/console/places/{world.streets[0].public_id}/new", **sent)
    page = Page(answer, "")

    assert answer.status_code == 422
    assert says in re.search(rf'id="fault-{next(iter(typed))}">[^<]*', text_of(answer))[0]
    assert page.form_with("添加").fields["code"] == sent["code"]
    assert page.form_with("添加").fields["name"] == sent["name"]
    assert world.all(Organisation, Organisation.name == "云岭中学") == []


def test_the_district_stays_a_district(manager, world):
    root = world.root.public_id
    assert 'value="school"' not in text_of(manager.get(f"/console/places/{root}/edit"))
    manager.post(f"/console/places/{root}/edit", name="榕江新区", level="school")

    changed = world.only(Organisation, Organisation.is_root.is_(True))
    assert (changed.name, changed.level) == ("榕江新区", "district")


# --- departments ----------------------------------------------------------------------------------------------------------


def test_a_department_is_added_renamed_and_switched(manager, world):
    assert manager.post("/console/departments/new", name="教育", code="edu").status_code == 303
    department = world.only(Department)
    manager.post(f"/console/departments/{department.public_id}", name="教体")
    for _ in range(2):
        manager.post(f"/console/departments/{department.public_id}/switch", to="off")
    page = words_of(manager.get("/console/departments"))

    assert "教体" in page
    assert "停用" in page
    kinds = ("added", "renamed", "switched_off", "switched_on")
    assert [len(world.acts(f"department.{kind}")) for kind in kinds] == [1, 1, 1, 0]

    manager.post(f"/console/departments/{department.public_id}/switch", to="on")
    assert len(world.acts("department.switched_on")) == 1


def test_the_second_department_of_a_code_is_told_beside_the_field(manager, world):
    for _ in range(2):
        answer = manager.post("/console/departments/new", name="教育", code="edu")

    assert answer.status_code == 422
    assert 'id="fault-code">▲ 编号 edu 已经有了' in text_of(answer)
    assert len(world.all(Department)) == 1


def test_a_clerk_reads_departments_and_changes_none(clerk, manager, world):
    manager.post("/console/departments/new", name="教育", code="edu")
    page = clerk.get("/console/departments")

    assert "教育" in words_of(page)
    assert "<button" not in re.search(r"<main.*?</main>", text_of(page), re.DOTALL)[0]


# --- service points ---------------------------------------------------------------------------------------------------------


def open_point(manager: Colleague, at: Organisation, **changes: str) -> None:
    answer = manager.post(f"/console/places/{at.public_id}/service-points/new", **(POINT | changes))
    assert answer.status_code == 303, answer.text


def test_a_service_point_is_added_changed_and_switched_off(manager, world):
    open_point(manager, world.streets[0])
    point = world.only(ServicePoint)
    address = f"/console/service-points/{point.public_id}"
    assert (point.hours, point.accepts_minors, point.is_barrier_free) == ("周一至周五 9:00-17:00", True, False)
    assert "云岭街道" in words_of(manager.get(address))

    manager.post(f"{address}/edit", **(POINT | {"hours": "每天 8:00-20:00", "is_barrier_free": "true"}))
    manager.post(f"{address}/switch", to="off")
    changed = world.only(ServicePoint)
    assert (changed.hours, changed.is_barrier_free, changed.is_active) == ("每天 8:00-20:00", True, False)
    assert "停用" in words_of(manager.get(address))
    kinds = ("added", "changed", "switched_off")
    assert [len(world.acts(f"service_point.{kind}")) for kind in kinds] == [1, 1, 1]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"hours": "周一到周五 9:00-17:00，下午看情况"}, "这里没有看懂：“下午看情况”"),
        ({"hours": "周一 17:00-9:00"}, "结束得比开始早"),
        ({"phone": "8888 6666"}, "座机请带区号"),
        ({"name": "茶室"}, "已经有同名的服务点了"),
        ({"address": ""}, "这一项要填"),
    ],
)
def test_a_fault_of_a_service_point_stands_beside_its_field(manager, world, typed, says):
    open_point(manager, world.streets[0], name="茶室")
    sent = POINT | typed
    answer = manager.post(f"/console/places/{world.streets[0].public_id}/service-points/new", **sent)

    assert answer.status_code == 422
    assert says in re.search(rf'id="fault-{next(iter(typed))}">[^<]*', text_of(answer))[0]
    assert POINT["phone" if "phone" not in typed else "address"] in text_of(answer)
    assert len(world.all(ServicePoint)) == 1


def test_the_list_of_service_points_is_narrowed_by_scope_and_by_filters(manager, clerk, world):
    open_point(manager, world.communities[0], name="云岭驿站")
    open_point(manager, world.communities[1], name="荷溪驿站", host_kind="school", accepts_minors="")

    assert "荷溪驿站" not in text_of(clerk.get("/console/service-points"))
    assert "云岭驿站" in words_of(clerk.get("/console/service-points"))
    for query, shown in (
        ("", {"云岭驿站", "荷溪驿站"}),
        (f"place={world.streets[0].public_id}", {"云岭驿站"}),
        ("host_kind=school", {"荷溪驿站"}),
        ("accepts_minors=true", {"云岭驿站"}),
        ("switch=off", set()),
        ("host_kind=nonsense", {"云岭驿站", "荷溪驿站"}),
    ):
        page = words_of(manager.get(f"/console/service-points?{query}"))
        assert {name for name in ("云岭驿站", "荷溪驿站") if name in page} == shown, query


def test_a_foreign_service_point_answers_like_a_missing_one(manager, clerk, world):
    open_point(manager, world.communities[1])
    foreign = clerk.get(f"/console/service-points/{world.only(ServicePoint).public_id}")

    assert foreign.status_code == 404
    assert clerk.without_request_id(foreign) == clerk.without_request_id(clerk.get(f"/console/service-points/{NOBODY}"))


def test_where_a_service_point_belongs_is_chosen_first(manager, world):
    page = manager.get("/console/service-points/new")
    assert f"/console/places/{world.streets[0].public_id}/service-points/new" in links_of(page)
    found = manager.get("/console/service-points/new?q=新庄")
    assert f"/console/places/{world.communities[1].public_id}/service-points/new" in links_of(found)


# --- hostile values, in each field alone ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_hostile_values_in_the_fields_are_refused_or_kept_and_never_come_alive(manager, world, value):
    street = f"/console/places/{world.streets[0].public_id}"
    department = f"/console/departments/{world.add_department()}"
    point = f"/console/service-points/{world.open_service_point(world.streets[0])}"
    place = {"name": "新村", "level": "community"}
    for address, fields in (
        (f"{street}/new", place | {"code": "N1"}),
        (f"{street}/edit", place),
        ("/console/departments/new", {"name": "教育", "code": "edu"}),
        (department, {"name": "教育"}),
        (f"{department}/switch", {"to": "off"}),
        (f"{street}/service-points/new", POINT),
        (f"{point}/edit", POINT),
        (f"{point}/switch", {"to": "off"}),
        (f"{street}/entry-points/new", {"opens": "contact:", "kind": "plain", "last_day": ""}),
    ):
        for name in fields:
            answer = manager.post(address, **(fields | {name: value}))
            check(answer, f"{address} {name}")
    for address in (street, "/console/places", "/console/departments", "/console/service-points", point, "/h5/places"):
        check(manager.get(address), address)


# --- for residents -----------------------------------------------------------------------------------------------------


def test_residents_see_where_to_walk_in_with_hours_and_a_number_to_tap(manager, world, visitor):
    open_point(manager, world.communities[0])
    page = visitor.open("/h5/places")

    assert "阳光驿站" in page.words
    assert "云岭街道 · 云岭街道新庄社区" in page.words
    assert "周一至周五 9:00-17:00" in page.words
    assert "接待未成年人" in page.words
    assert "无障碍" not in page.words
    assert "tel:02088886666" in page.links
    assert "拨打 020-8888 6666" in page.words


def test_a_scanned_code_brings_the_nearest_first(manager, world, visitor):
    for place, name in zip(world.communities, ("云岭驿站", "荷溪驿站"), strict=True):
        open_point(manager, place, name=name)
    for number in (0, 1):
        code = world.print_code(world.communities[number])
        words = visitor.open(f"/h5/places?from={code}").words
        names = ("云岭驿站", "荷溪驿站")
        assert words.index(names[number]) < words.index(names[1 - number])


def test_without_any_place_the_page_says_so_and_leads_on(world, visitor):
    page = visitor.open("/h5/places?from=%3Cscript%3E")

    assert "目前还没有公布" in page.words
    assert "/h5/contact" in page.links
    assert "12356" in page.words


def test_one_that_is_off_is_not_shown(manager, world, visitor):
    open_point(manager, world.streets[0])
    manager.post(f"/console/service-points/{world.only(ServicePoint).public_id}/switch", to="off")

    assert "阳光驿站" not in visitor.open("/h5/places").words


def test_the_first_page_and_the_help_page_lead_there_once_there_is_any(manager, world, visitor, clock):
    for address in ("/h5/", "/h5/help", "/h5/"):
        assert not any(link.startswith("/h5/places") for link in visitor.open(address).links)
    open_point(manager, world.streets[0])
    code = world.print_code(world.streets[0])
    clock.shift(61)
    visitor.open("/h5/")  # what it shows is as old as the last look; then it looks

    assert f"/h5/places?from={code}" in visitor.open(f"/h5/?from={code}").links
    assert "/h5/places" in visitor.open("/h5/help").links


def test_the_first_page_and_the_help_page_wait_for_no_store(manager, world, visitor, clock, lose_store):
    open_point(manager, world.streets[0])
    visitor.open("/h5/")
    lose_store()
    clock.shift(3600)
    for address in ("/h5/", "/h5/help"):
        page = visitor.open(address)
        assert page.status == 200
        assert "12356" in page.words


def test_many_places_are_paged(manager, world, visitor):
    for number in range(52):
        open_point(manager, world.streets[number % 2], name=f"驿站{number:02}")
    first = visitor.open("/h5/places")
    more = next(link for link in first.links if "page=" in link)
    second = visitor.open(more)

    shown = re.findall(r"驿站\d\d", first.words) + re.findall(r"驿站\d\d", second.words)
    assert sorted(shown) == [f"驿站{number:02}" for number in range(52)]
    assert "从头看" in second.words
