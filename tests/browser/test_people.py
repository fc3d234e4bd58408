"""A colleague is invited, opens the link, and finds exactly the menu of their role."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from server.accounts.policy import PERMISSIONS, Role
from server.blueprints.console.navigation import ENTRIES
from server.texts import text
from tests.browser.conftest import DESK, PHONE, Stack, shoot, sign_in

pytestmark = pytest.mark.browser
CHOSEN = "七巧板 与 三轮车 在 桥上"


def menu_words(role: Role) -> list[str]:
    return [text(f"console.menu.{entry.key}") for entry in ENTRIES if entry.permission in PERMISSIONS[role]]


def shoot_both(page: Page, name: str) -> None:
    for size, suffix in ((DESK, "desk"), (PHONE, "phone")):
        page.set_viewport_size(size)
        shoot(page, f"{name}-{suffix}")
    page.set_viewport_size(DESK)


def test_an_invited_colleague_finds_the_menu_of_their_role(browser: Browser, desk: Page, stack: Stack) -> None:
    sign_in(desk, stack, "security1")
    desk.goto(f"{stack.web}/console/staff")
    shoot_both(desk, "people-list")
    desk.get_by_role("link", name="邀请同事").click()
    desk.get_by_label("地方名称").fill("街道")
    desk.get_by_role("button", name="查找").click()
    shoot_both(desk, "people-where")
    place = desk.locator(".picks a").first
    street = place.locator("span").first.inner_text()
    place.click()
    desk.get_by_role("button", name="生成邀请链接").click()
    desk.get_by_label("姓名").fill("周文员")
    desk.get_by_label("登录名").fill("zhou.wenyuan")
    desk.get_by_label("岗位").select_option(label="镇街文员")
    shoot_both(desk, "people-invite")
    desk.get_by_role("button", name="生成邀请链接").click()
    link = desk.get_by_label("邀请链接").input_value()
    shoot_both(desk, "people-link")
    desk.get_by_role("link", name="已经交给本人").click()
    expect(desk.get_by_text("等待首次登录")).to_be_visible()

    theirs = browser.new_context(viewport=DESK, locale="zh-CN").new_page()
    theirs.goto(link)
    for field in theirs.locator("input[type=password]").all():
        field.fill(CHOSEN)
    theirs.locator("button.primary, button.btn-primary").first.click()
    theirs.wait_for_url("**/console/")
    assert theirs.locator(".side .menu-link").all_inner_texts() == menu_words(Role.CLERK)
    expect(theirs.locator(".side .who")).to_contain_text(f"镇街文员 · {street}")
    theirs.goto(f"{stack.web}/console/roles")
    shoot_both(theirs, "people-roles")
    assert theirs.goto(f"{stack.web}/console/staff").status == 404
    theirs.context.close()


def test_a_post_is_given_and_ended_and_an_account_switched_off(desk: Page, stack: Stack) -> None:
    sign_in(desk, stack, "security1")
    desk.goto(f"{stack.web}/console/staff?q=值班员乙")
    desk.locator(".row-link").first.click()
    desk.get_by_role("link", name="授予岗位").click()
    desk.locator(".picks a").first.click()
    desk.get_by_label("岗位").select_option(label="审计员")
    desk.get_by_role("button", name="授予这个岗位").click()
    expect(desk.locator(".fault")).to_contain_text(re.compile("审计员.*值班员"))
    shoot_both(desk, "people-apart")
    desk.get_by_label("岗位").select_option(label="督导")
    desk.get_by_label("结束日期").fill("2099-12-31")
    desk.get_by_role("button", name="授予这个岗位").click()
    expect(desk.locator(".flash")).to_contain_text("岗位已经授予")
    shoot_both(desk, "people-colleague")
    desk.get_by_role("link", name="结束岗位").last.click()
    shoot_both(desk, "people-end")
    desk.get_by_role("button", name="结束这个岗位").click()
    expect(desk.locator("#past")).to_be_visible()
    desk.get_by_text("停用账号", exact=True).click()
    desk.get_by_label("停用原因").select_option(label="长期休假")
    shoot_both(desk, "people-off")
    desk.get_by_role("button", name="停用这个账号").click()
    expect(desk.locator(".facts .state").first).to_contain_text("已停用")
    desk.get_by_role("button", name="恢复账号").click()
    expect(desk.locator(".facts .state").first).to_contain_text("正常")


def test_a_team_is_built_and_named(desk: Page, stack: Stack) -> None:
    sign_in(desk, stack, "manager")
    desk.goto(f"{stack.web}/console/teams")
    shoot_both(desk, "teams-none")
    desk.get_by_role("link", name="新建小组").click()
    desk.locator(".picks a").first.click()
    desk.get_by_label("小组名称").fill("青苗社工站")
    desk.get_by_role("button", name="建这个小组").click()
    shoot_both(desk, "teams-one")
    desk.goto(f"{stack.web}/console/teams")
    shoot_both(desk, "teams-list")
