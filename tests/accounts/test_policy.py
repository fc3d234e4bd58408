"""The permission map: every role stands in it, three administrators stay apart, words need a second factor."""

import itertools

import pytest

from server.accounts.policy import (
    ADMINISTRATORS,
    CONDITIONS,
    DISTRICT_ROLES,
    GIVES,
    PERMISSIONS,
    Permission,
    Role,
    may_be_together,
    needs_second_factor,
    roles_with,
)


def test_every_role_stands_in_the_table_and_has_an_account_of_its_own():
    assert set(PERMISSIONS) == set(Role)
    assert roles_with(Permission.OWN_ACCOUNT) == set(Role)


def test_every_permission_is_somebodys():
    assert [permission for permission in Permission if not roles_with(permission)] == []
    assert set(CONDITIONS) <= set(Permission)


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(sorted(ADMINISTRATORS), 2)))
def test_no_two_administrators_are_one_person(one, other):
    assert not may_be_together(one, other)


@pytest.mark.parametrize("administrator", sorted(ADMINISTRATORS))
def test_an_administrator_neither_reads_words_nor_holds_another_administrators_power(administrator):
    assert Permission.READ_CONTACT not in PERMISSIONS[administrator]
    assert not may_be_together(administrator, Role.DUTY_OFFICER)
    assert not may_be_together(Role.DUTY_OFFICER, administrator)
    others = ADMINISTRATORS - {administrator}
    powers = {
        Role.AUDITOR: {Permission.SEE_TRAIL, Permission.VERIFY_TRAIL},
        Role.SECURITY_ADMINISTRATOR: {Permission.MANAGE_ACCOUNTS, Permission.MANAGE_POSTS},
        Role.SYSTEM_ADMINISTRATOR: {Permission.SEE_SYSTEM},
    }
    for other in others:
        assert powers[other].isdisjoint(PERMISSIONS[administrator])


def test_whether_two_roles_go_together_does_not_depend_on_which_came_first():
    for one, other in itertools.product(Role, Role):
        assert may_be_together(one, other) == may_be_together(other, one)
        assert may_be_together(one, one)


def test_numbers_and_words_are_read_by_duty_officers_alone_and_with_a_second_factor():
    assert roles_with(Permission.READ_CONTACT) == {Role.DUTY_OFFICER}
    assert needs_second_factor([Role.EDITOR, Role.DUTY_OFFICER])


@pytest.mark.parametrize("role", Role)
def test_who_could_let_others_in_or_approve_needs_a_second_factor(role):
    powerful = {
        Permission.MANAGE_ACCOUNTS,
        Permission.MANAGE_POSTS,
        Permission.APPROVE_RESET,
        Permission.APPROVE_EXPORT,
    }
    if PERMISSIONS[role] & powerful:
        assert needs_second_factor([role])


def test_who_neither_reads_words_nor_holds_keys_needs_none():
    assert not needs_second_factor([Role.EDITOR, Role.CLINICAL_REVIEWER, Role.CLERK])
    assert not needs_second_factor([])


def test_who_gives_posts_may_manage_them_and_no_manager_makes_administrators():
    assert all(Permission.MANAGE_POSTS in PERMISSIONS[role] for role in GIVES)
    assert GIVES[Role.DISTRICT_MANAGER].isdisjoint(DISTRICT_ROLES)
    assert GIVES[Role.SECURITY_ADMINISTRATOR] == set(Role)


def test_the_manager_of_the_district_sees_figures_and_places_and_nobodys_alert():
    seen = PERMISSIONS[Role.DISTRICT_MANAGER]
    assert seen.isdisjoint({Permission.WATCH_ALERTS, Permission.READ_CONTACT, Permission.SEE_TRAIL})
