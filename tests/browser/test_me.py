"""我的, in the sandbox's phone: logging in with WeChat inside its page, keeping a result, and leaving the phone."""

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.conftest import Stack, shoot
from tests.browser.flow import answer_all, begin

pytestmark = pytest.mark.browser


def follow(phone: Page, stack: Stack, who: str) -> None:
    phone.goto(f"{stack.sandbox}/phone?resident={who}")
    phone.locator("#profile-follow").or_(phone.locator("#write")).first.wait_for()
    if phone.locator("#profile-follow").is_visible():
        phone.locator("#profile-follow").click()
    phone.locator("#composer").wait_for()
    expect(phone.locator("#log")).to_contain_text("12356")


def say(phone: Page, words: str) -> None:
    if not phone.locator("#words").is_visible():  # the account's menu stands in its place
        phone.locator("#composer-toggle").click()
    phone.locator("#words").fill(words)
    phone.locator("#send").click()


def open_me(phone: Page) -> FrameLocator:
    """Ask for it in the chat and tap the link of the answer."""
    say(phone, "我的")
    phone.locator("#log a", has_text="点这里打开").last.click()
    return phone.frame_locator("#browser-body iframe")


def test_a_result_is_kept_with_a_log_in_inside_the_phone_and_the_phone_is_left(phone: Page, stack: Stack) -> None:
    follow(phone, stack, "liu-yang")
    say(phone, "测评")
    phone.locator("#log a", has_text="心情自测").last.click()
    page = phone.frame_locator("#browser-body iframe")
    page.get_by_role("link", name="心情速测").click()
    begin(page)
    answer_all(page, [1, 0])
    page.get_by_role("button", name="看结果").click()
    expect(page.locator("h1")).to_have_text("您的结果")
    shoot(phone, "me-result")

    page.get_by_role("button", name="存到“我的”").click()
    shoot(phone, "me-sign-in")
    page.get_by_role("link", name="用微信登录").click()
    expect(page.locator("h1")).to_have_text("把自测结果存到“我的”")
    shoot(phone, "me-keep")
    page.locator("input[name=age][value=age_18_59]").check()
    page.locator("input[name=consent]").check()
    page.get_by_role("button", name="存到“我的”").click()
    expect(page.locator("h1")).to_have_text("存下的自测结果")
    expect(page.locator("section.result")).to_have_count(1)
    whole = phone.context.new_page()  # the same log-in, without the phone around it
    for name in ("results", "consents"):
        whole.goto(f"{stack.web}/h5/me/{name}")
        shoot(whole, f"me-kept-{name}")
    whole.close()

    page.get_by_role("link", name="回到“我的”").click()
    expect(page.locator("main")).to_contain_text("这部手机")
    page.get_by_role("button", name="退出这部手机").click()
    expect(page.get_by_role("link", name="用微信登录")).to_be_visible()


def test_who_comes_back_finds_what_they_kept_and_nobody_else_does(phone: Page, stack: Stack) -> None:
    follow(phone, stack, "zhou-jianguo")
    page = open_me(phone)
    page.get_by_role("link", name="用微信登录").click()
    expect(page.get_by_role("button", name="退出这部手机")).to_be_visible()
    page.get_by_role("link", name="存下的自测结果").click()
    expect(page.locator("main")).to_contain_text("还没有存下的结果")


def test_every_page_of_mine_can_be_opened_and_read(phone: Page, stack: Stack) -> None:
    follow(phone, stack, "wu-min")
    page = open_me(phone)
    page.get_by_role("link", name="用微信登录").click()
    page.get_by_role("button", name="退出这部手机").wait_for()
    # The frame's log-in is the browser's: the same pages at their full width.
    for name in ("", "/results", "/consents", "/looks", "/data", "/delete", "/guardian/ask", "/age"):
        phone.goto(f"{stack.web}/h5/me{name}")
        expect(phone.locator(".help-bar")).to_be_visible()
        overflow = phone.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, name
        shoot(phone, f"me{name.replace('/', '-')}")
    phone.goto(f"{stack.web}/h5/me/guardian/ask")
    phone.get_by_role("button", name="给家长一个二维码").click()
    expect(phone.locator("figure.code svg")).to_be_visible()
    shoot(phone, "me-guardian-code")
    for name in ("privacy", "minors", "complaint"):
        phone.goto(f"{stack.web}/h5/notice/{name}")
        shoot(phone, f"notice-{name}")
