"""The console's pages held against the house's rules: axe, light and dark, phone and desk, tap targets, keyboard."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, Faults, Stack, shoot, sign_in, watch
from tests.browser.test_duty_screen import leave_a_number
from tests.browser.test_looks import serious_findings

pytestmark = pytest.mark.browser
PAGES = ["/console/", "/console/alerts", "/console/alerts?state=open&reach=no", "/console/trail/mine"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    browser: Browser, stack: Stack, scheme: str, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, stack, "duty1")
    found = []
    for path in PAGES:
        page.goto(stack.web + path)
        found += serious_findings(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        shoot(page, f"console-{scheme}-{size['width']}{path.partition('?')[0].replace('/', '-')}")
    context.close()
    assert not found, "\n".join(found)


def test_every_tap_target_is_44_pixels(browser: Browser, stack: Stack, faults: Faults) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True)
    page = watch(context.new_page(), faults)
    sign_in(page, stack, "duty1")
    for path in PAGES:
        page.goto(stack.web + path)
        small = page.evaluate(
            """() => [...document.querySelectorAll('a, button, summary, select, input:not([type=hidden])')]
                 .filter(e => e.offsetParent && !e.closest('footer, thead, .crumbs, td'))
                 .map(e => [e.textContent.trim().slice(0, 20), e.getBoundingClientRect().height])
                 .filter(([, height]) => height < 43.5)"""
        )
        assert not small, (path, small)
    context.close()
    assert not faults


def test_behind_more_stand_the_other_pages_and_the_way_out(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, stack, "duty1")
    page.goto(f"{stack.web}/console/")
    page.locator("summary", has_text="更多").click()
    expect(page.locator(".bar-sheet")).to_contain_text("值班员")
    page.locator(".bar-sheet").get_by_role("button", name="退出").click()
    expect(page).to_have_url(f"{stack.web}/console/sign-in")
    context.close()


def test_the_keyboard_finds_the_search_the_rows_and_its_own_help(desk: Page, stack: Stack) -> None:
    leave_a_number(stack, "13900139007")
    sign_in(desk, stack, "duty1")
    desk.goto(f"{stack.web}/console/alerts")
    desk.keyboard.press("/")
    expect(desk.locator("#field-place")).to_be_focused()
    desk.locator("h1").click()
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("dialog")).to_be_hidden()
    desk.keyboard.press("j")
    expect(desk.locator("tbody tr.is-current a")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("article.alert")).to_be_visible()
