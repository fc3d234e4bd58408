"""The tree's pages: children, counts, search, adding and renaming."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.audit.models import AuditEvent
from server.db import Database, run_before_commit
from server.organisations import departments, tree
from server.organisations import service as organisations
from server.organisations.models import Department, Level, Organisation
from server.pagination import Asked
from tests.conftest import NOW, run_together

ACTOR = ("staff", "somebody")


@pytest.fixture
def root(session) -> Organisation:
    return organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)


def add(session, code: str, parent: Organisation, name: str = "") -> Organisation:
    return tree.add_place(
        session, parent=parent, code=code, name=name or code, level=Level.STREET, actor=ACTOR, now=NOW
    )


def acts(session) -> list[tuple[str, str, str]]:
    run_before_commit(session)
    rows = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.seq))
    return [(row.action, row.object_kind, row.object_id) for row in rows]


# --- looking --------------------------------------------------------------------------------------------------------


def test_children_are_listed_by_code_with_all_that_lies_below_them(session, root):
    second, first = add(session, "S2", root), add(session, "S1", root)
    deep = add(session, "S2-1", second)
    add(session, "S2-1-1", deep)
    page = tree.browse(session, parent=root, asked=Asked())

    assert [(child.code, child.below) for child in page.rows] == [("S1", 0), ("S2", 2)]
    assert [child.code for child in tree.browse(session, parent=first, asked=Asked()).rows] == []


def test_children_are_paged_by_key_and_none_is_shown_twice_or_passed_over(session, root):
    for number in range(120):
        add(session, f"S{number:03}", root, name=f"街道{119 - number:03}")
    seen, asked = [], Asked(sort="name")
    while True:
        page = tree.browse(session, parent=root, asked=asked)
        seen += [child.code for child in page.rows]
        if page.next is None:
            break
        asked = Asked("name", page.next)

    assert seen == [f"S{number:03}" for number in reversed(range(120))]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_counts_below_are_those_of_a_walk(database: Database, parents):
    def work(session):
        nodes = [organisations.add_organisation(session, code="D", name="D", level=Level.DISTRICT, parent=None)]
        for number, above in enumerate(parents):
            nodes.append(
                organisations.add_organisation(
                    session, code=f"N{number}", name="N", level=Level.STREET, parent=nodes[above % len(nodes)]
                )
            )
        counts = {
            child.public_id: child.below
            for parent in nodes
            for child in tree.browse(session, parent=parent, asked=Asked()).rows
        }
        walked = {node.public_id: sum(other.path.startswith(node.path) for other in nodes) - 1 for node in nodes[1:]}
        session.rollback()
        return counts, walked

    counts, walked = database.write(work)
    assert counts == walked


def test_a_search_finds_parts_of_names_and_beginnings_of_codes(session, root):
    street = add(session, "S1", root, "云岭街道")
    community = add(session, "S1-1", street, "新庄社区")
    add(session, "S2", root, "荷溪街道")

    assert tree.search_places(session, words="新庄") == [community]
    assert tree.search_places(session, words="S1") == [street, community]
    assert tree.search_places(session, words="1") == []
    assert tree.search_places(session, words="") == []


@pytest.mark.parametrize("words", ["%", "_", "\\", "%%", "街%道", "' OR 1=1 --"])
def test_what_is_searched_for_are_words_and_no_pattern(session, root, words):
    add(session, "S1", root, "云岭街道")

    assert tree.search_places(session, words=words) == []


def test_of_places_that_lie_in_one_another_the_highest_are_the_beginning(session, root):
    street, other = add(session, "S1", root), add(session, "S2", root)
    inside = add(session, "S1-1", street)
    add(session, "S1-1-1", inside)

    assert organisations.list_tops(session, [inside.path, street.path, other.path]) == [street, other]
    assert organisations.list_tops(session, []) == []


# --- adding and renaming --------------------------------------------------------------------------------------------


def test_a_place_is_added_below_another_and_the_trail_knows(session, root):
    node = add(session, "S1", root, "云岭街道")

    assert node.path == f"{root.path}{node.id}/"
    assert acts(session) == [("organisation.added", "organisation", node.public_id)]


@pytest.mark.parametrize("code", ["", " ", "-S", "S 1", "街道", "S" * 33, "S/1", "S1\n"])
def test_a_code_is_letters_digits_dots_and_dashes(session, root, code):
    with pytest.raises(tree.BadCode):
        add(session, code, root, "街道")


def test_a_name_that_no_poster_can_show_is_refused_and_its_letters_are_named(session, root):
    with pytest.raises(tree.NotPrintable) as refusal:
        add(session, "S1", root, "云岭🏠街道")

    assert refusal.value.facts == {"letters": "🏠"}


def test_the_tree_grows_eight_deep_and_no_deeper(session, root):
    node = root
    for depth in range(1, tree.DEEPEST):
        node = add(session, f"N{depth}", node)

    assert len(node.path) <= Organisation.path.type.length
    with pytest.raises(tree.TooDeep):
        add(session, "N8", node)


def test_of_two_who_add_the_same_code_one_is_told(database):
    database.write(
        lambda session: organisations.add_organisation(session, code="D", name="D", level=Level.DISTRICT, parent=None)
    )

    def try_to_add(_number):
        try:
            database.write(lambda session: add(session, "S1", organisations.root_of(session)))
        except organisations.CodeTaken:
            return "taken"
        return "added"

    assert sorted(run_together(4, try_to_add)) == ["added", "taken", "taken", "taken"]


def test_a_new_name_is_an_act_and_the_same_name_is_none(session, root):
    street = add(session, "S1", root, "云岭街道")
    for name in ("云岭街", "云岭街"):
        tree.rename_place(session, place=street, name=name, level=Level.STREET, actor=ACTOR, now=NOW)

    assert (street.name, street.code) == ("云岭街", "S1")
    assert [action for action, *_ in acts(session)] == ["organisation.added", "organisation.renamed"]


def test_the_root_stays_the_district(session, root):
    tree.rename_place(session, place=root, name="榕江新区", level=Level.SCHOOL, actor=ACTOR, now=NOW)

    assert (root.name, root.level) == ("榕江新区", Level.DISTRICT)


# --- departments ----------------------------------------------------------------------------------------------------


def add_department(session, code: str = "edu", name: str = "教育") -> Department:
    return departments.add_department(session, code=code, name=name, actor=ACTOR, now=NOW)


def test_a_department_is_added_renamed_and_switched_and_each_is_an_act_once(session):
    department = add_department(session)
    for _ in range(2):
        departments.rename_department(session, department=department, name="教体", actor=ACTOR, now=NOW)
        departments.switch_department(session, department=department, is_active=False, actor=ACTOR, now=NOW)
    session.refresh(department)
    assert (department.name, department.is_active) == ("教体", False)
    departments.switch_department(session, department=department, is_active=True, actor=ACTOR, now=NOW)

    assert [action for action, *_ in acts(session)] == [
        "department.added",
        "department.renamed",
        "department.switched_off",
        "department.switched_on",
    ]


def test_one_that_is_off_is_still_found_by_those_who_name_it(session):
    department = add_department(session)
    departments.switch_department(session, department=department, is_active=False, actor=ACTOR, now=NOW)

    assert departments.get_department(session, department.public_id) is department
    assert [row.code for row in departments.list_departments(session, asked=Asked()).rows] == ["edu"]


def test_two_departments_have_two_codes(session):
    add_department(session)
    with pytest.raises(departments.DepartmentCodeTaken):
        add_department(session, name="别的")
    with pytest.raises(tree.BadCode):
        add_department(session, code="教育")
