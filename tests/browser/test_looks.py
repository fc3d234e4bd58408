"""Every resident's page held against the house's rules: axe, tap targets, large type, dark, keyboard, weight."""

import gzip

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, Stack, settle, shoot, sign_in
from tests.browser.flow import answer_all, begin

pytestmark = pytest.mark.browser
PAGES = [
    "/h5/",
    "/h5/help",
    "/h5/places",
    "/h5/test/phq9",
    "/h5/contact",
    "/h5/bye",
    "/q/nothing",
    "/nowhere",
    "/h5/me/sign-in",
    "/h5/notice/privacy",
]
_SERIOUS = {"serious", "critical"}


def serious_findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in _SERIOUS]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, stack: Stack, scheme: str, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    found = []
    for path in PAGES:
        page.goto(stack.web + path)
        found += serious_findings(page)
        shoot(page, f"{scheme}-{size['width']}{path.replace('/', '-')}")
    page.goto(f"{stack.web}/h5/test/phq9")
    begin(page)
    found += serious_findings(page)
    shoot(page, f"{scheme}-{size['width']}-item")
    answer_all(page, [0] * 8 + [1])
    expect(page.locator("h1")).to_have_text("谢谢您愿意告诉我们")
    found += serious_findings(page)
    shoot(page, f"{scheme}-{size['width']}-care")
    context.close()
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious_on_the_duty_screen(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(viewport=DESK, bypass_csp=True)
    page = context.new_page()
    sign_in(page, stack, "duty1")
    found = serious_findings(page)
    context.close()
    assert not found, "\n".join(found)


def test_every_tap_target_is_44_pixels_and_nothing_scrolls_sideways(phone: Page, stack: Stack) -> None:
    for path in PAGES:
        phone.goto(stack.web + path)
        small = phone.evaluate(
            """() => [...document.querySelectorAll('a, button, label.choice, label.chip')]
                 .filter(e => e.offsetParent && !e.closest('p.fine'))
                 .map(e => [e.textContent.trim().slice(0, 20), e.getBoundingClientRect().height])
                 .filter(([, height]) => height < 43.5)"""
        )
        assert not small, (path, small)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 375, path


def test_type_at_150_percent_loses_nothing(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(viewport={"width": 250, "height": 445}, device_scale_factor=1.5)
    page = context.new_page()
    for path in PAGES:
        page.goto(stack.web + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 250, path
    shoot(page, "large-type")
    page.goto(f"{stack.web}/h5/test/phq9")
    shoot(page, "large-type-intro")
    context.close()


def test_a_keyboard_alone_is_enough(phone: Page, stack: Stack) -> None:
    phone.goto(f"{stack.web}/h5/test/phq9")
    phone.locator("input[name=age]").first.focus()
    for _ in range(3):
        phone.keyboard.press("ArrowDown")
    phone.keyboard.press("Tab")
    phone.keyboard.press("Space")
    phone.keyboard.press("Tab")
    phone.keyboard.press("Enter")
    phone.get_by_text("第 1 题，共").wait_for()
    settle()
    phone.locator("button.option").first.focus()
    phone.keyboard.press("Enter")
    phone.get_by_text("第 2 题，共").wait_for()


@pytest.mark.parametrize("path", ["/h5/", "/h5/test/phq9", "/h5/contact", "/h5/help", "/console/sign-in"])
def test_the_first_page_of_a_door_weighs_under_60_kb_over_the_wire(stack: Stack, path: str) -> None:
    page = requests.get(stack.web + path, timeout=10)
    weight = len(gzip.compress(page.content))
    for part in page.text.split('"'):
        if part.startswith("/static/"):
            asset = requests.get(stack.web + part, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10)
            weight += len(asset.raw.read(decode_content=False))
    assert weight < 60 * 1024, weight
