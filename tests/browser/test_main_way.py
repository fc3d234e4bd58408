"""The main job as its people do it: follow, scan a poster, answer nine questions, reach a human being."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Faults, Stack, settle, shoot, sign_in, watch
from tests.browser.flow import answer, answer_all, begin

pytestmark = pytest.mark.browser
WITHIN_TEN_SECONDS = 10_000


def poster(stack: Stack, start: str) -> str:
    return str(next(file for file in stack.posters if file.name.startswith(start)))


def become(phone: Page, stack: Stack, number: int) -> None:
    """Pick one of the residents in the panel and go back to the phone."""
    phone.goto(f"{stack.sandbox}/phone")
    phone.locator("[data-act=open-panel]:visible").first.click()
    phone.locator("#people label").nth(number).click()


def scan(phone: Page, file: str) -> None:
    phone.locator("#chat [data-act=home]").click()
    phone.locator("#home [data-act=scan]").click()
    phone.locator("#scan-file").set_input_files(file)


def test_a_resident_follows_scans_answers_and_the_alert_reaches_the_duty_screen(
    phone: Page, desk: Page, stack: Stack
) -> None:
    sign_in(desk, stack, "duty1")
    quiet = int(desk.locator("#unreachable .count").inner_text())
    rings = int(desk.locator("#ringing .count").inner_text())

    become(phone, stack, 1)
    phone.locator("#profile-follow").click()
    log = phone.locator("#log")
    expect(log).to_contain_text("心桥")
    expect(log).to_contain_text("12356")
    scan(phone, poster(stack, "S01-01"))
    card = log.get_by_text("心情自评").last
    expect(card).to_be_visible()
    shoot(phone, "phone-card")
    card.click()

    page = phone.frame_locator("#browser-body iframe")
    expect(page.locator("h1")).to_have_text("心情自评")
    begin(page)
    answer_all(page, [1, 1, 1, 0, 0, 1, 0, 0])
    shoot(phone, "phone-item-9")
    answer(page, 9, 1)
    expect(page.locator("h1")).to_have_text("谢谢您愿意告诉我们")
    expect(page.locator("main")).to_contain_text("您现在是匿名的")
    shoot(phone, "phone-care")

    # The person leaves; the alert stands, silent, without a reload of the duty screen.
    phone.locator("#browser-close").click()
    expect(desk.locator("#unreachable .count")).to_have_text(str(quiet + 1), timeout=WITHIN_TEN_SECONDS)
    expect(desk.locator("#ringing .count")).to_have_text(str(rings))

    # They come back, leave a number, and now it rings.
    log.get_by_text("心情自评").last.click()
    expect(page.locator("h1")).to_have_text("接着上次的吗？")
    expect(page.locator("main")).not_to_contain_text("好几天")
    page.get_by_role("button", name="继续").click()
    page.locator("input[name=phone]").fill("138 0013 8000")
    page.get_by_role("button", name="请老师联系我").click()
    expect(page.locator("h1")).to_have_text("收到了")
    shoot(phone, "phone-contact-done")
    expect(desk.locator("#ringing .count")).to_have_text(str(rings + 1), timeout=WITHIN_TEN_SECONDS)
    expect(desk).to_have_title(re.compile(rf"（{rings + 1}）"))
    assert int(desk.evaluate("document.documentElement.dataset.rang || '0'")) >= 1
    shoot(desk, "duty-ringing")

    page.get_by_role("link", name="回到刚才的页面").click()
    page.get_by_role("button", name="我现在是安全的，继续").click()
    settle()
    page.locator("button.option").nth(1).click()
    page.get_by_role("button", name="看结果").click()
    expect(page.locator("h1")).to_have_text("您的结果")
    expect(page.locator("main")).to_contain_text("不是诊断")
    expect(page.locator("main")).to_contain_text("Developed by Drs.")
    shoot(phone, "phone-result")


def test_the_whole_way_works_without_script(browser: Browser, stack: Stack, faults: Faults) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="zh-CN")
    page = watch(context.new_page(), faults)
    code = poster(stack, "S04-01").rsplit("-", 1)[1].removesuffix(".png")
    page.goto(f"{stack.web}/q/{code}")
    begin(page)
    answer_all(page, [0] * 8)
    answer(page, 9, 2)
    expect(page.locator("h1")).to_have_text("谢谢您愿意告诉我们")
    page.get_by_role("button", name="我现在是安全的，继续").click()
    settle()
    page.get_by_role("button", name="这一问不答").click()
    page.get_by_role("button", name="看结果").click()
    expect(page.locator(".result")).to_have_class(re.compile("level-red"))
    page.get_by_role("button", name="结束并清除").click()
    expect(page.locator("h1")).to_have_text("已经清除")
    page.go_back()
    expect(page.locator("body")).not_to_contain_text("您的结果")
    context.close()
    assert not faults


def test_back_shows_the_last_answer_and_a_change_counts_once(phone: Page, stack: Stack) -> None:
    phone.goto(f"{stack.web}/h5/test/phq9")
    begin(phone)
    answer_all(phone, [1, 2])
    phone.get_by_text("第 3 题，共").wait_for()
    phone.go_back()
    expect(phone.locator(".option.is-chosen")).to_have_text("一半以上的天数")
    settle()
    phone.locator("button.option").nth(3).click()
    phone.get_by_text("第 3 题，共").wait_for()
    phone.get_by_role("button", name="上一题").click()
    expect(phone.locator(".option.is-chosen")).to_have_text("几乎每天")


def test_a_double_tap_answers_one_question(phone: Page, stack: Stack) -> None:
    phone.goto(f"{stack.web}/h5/test/phq9")
    begin(phone)
    phone.get_by_text("第 1 题，共").wait_for()
    settle()
    box = phone.locator("button.option").nth(1).bounding_box()
    assert box is not None
    phone.mouse.dblclick(box["x"] + 20, box["y"] + 20)
    phone.wait_for_load_state()
    expect(phone.get_by_text("第 2 题，共")).to_be_visible()
    expect(phone.locator(".option.is-chosen")).to_have_count(0)


def test_a_page_that_was_killed_resumes_in_a_new_one(browser: Browser, phone: Page, stack: Stack) -> None:
    phone.goto(f"{stack.web}/h5/test/phq9")
    begin(phone)
    answer_all(phone, [1, 1, 1, 1, 1])
    phone.get_by_text("第 6 题，共").wait_for()
    kept = phone.context.storage_state()
    # The browser ends: what lasts for a session only is gone.
    kept["cookies"] = [cookie for cookie in kept["cookies"] if cookie["expires"] > 0]
    later = browser.new_context(viewport=PHONE, storage_state=kept)
    page = later.new_page()
    page.goto(f"{stack.web}/h5/test/phq9/item/phq9_3")
    expect(page.locator("h1")).to_have_text("接着上次的吗？")
    expect(page.locator(".option")).to_have_count(0)
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_text("第 6 题，共")).to_be_visible()
    later.close()


def test_who_is_too_young_meets_somebody_to_talk_to(phone: Page, stack: Stack) -> None:
    phone.goto(f"{stack.web}/h5/test/phq9")
    begin(phone, age="age_14_17")
    expect(phone.locator(".calls li").first).to_contain_text("12355")
    expect(phone.locator("main")).to_contain_text("请老师打给您")
    shoot(phone, "young")
