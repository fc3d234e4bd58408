"""The duty screen at three in the morning: it must ring, lock its words and never look quiet when it is dead."""

import re
import sqlite3
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, Stack, end_stack, free_port, shoot, sign_in, start_stack

pytestmark = pytest.mark.browser


def leave_a_number(stack: Stack, phone: str) -> None:
    answer = requests.post(f"{stack.web}/h5/contact", data={"phone": phone, "form_id": "a" * 22}, timeout=10)
    assert answer.status_code == 200


def test_of_two_officers_the_second_reads_who_was_first(browser: Browser, desk: Page, stack: Stack) -> None:
    leave_a_number(stack, "13900139000")
    sign_in(desk, stack, "duty1")
    other = browser.new_context(viewport=DESK).new_page()
    sign_in(other, stack, "duty2")
    first = desk.locator("article.alert").first
    number = first.get_attribute("data-id")
    first.get_by_role("button", name="我来接手").click()
    expect(desk.locator("main")).to_contain_text("值班员甲")
    other.locator(f'article[data-id="{number}"]').get_by_role("button", name="我来接手").click()
    expect(other.get_by_role("alert").filter(has_text="值班员甲")).to_contain_text("您不用再处理")
    shoot(other, "duty-second")
    desk.get_by_label("打电话联系").check()
    desk.get_by_role("button", name="查看联系方式").click()
    expect(desk.locator("dl.contact").first).to_contain_text("13900139000")
    shoot(desk, "duty-contact")
    other.context.close()


def test_the_idle_screen_locks_its_words_and_keeps_its_bell(desk: Page, stack: Stack) -> None:
    leave_a_number(stack, "13900139001")
    sign_in(desk, stack, "duty1")
    expect(desk.locator("article.alert").first).to_be_visible()
    long_ago = (datetime.now(UTC) - timedelta(minutes=16)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(stack.instance / "xinqiao.sqlite3", timeout=10) as database:
        database.execute("UPDATE staff_sessions SET last_used_at = ? WHERE kind = 'screen'", (long_ago,))
    expect(desk.locator("#locked")).to_be_visible(timeout=12_000)
    expect(desk.locator("article.alert")).to_have_count(0)
    expect(desk.locator("#locked-count")).to_contain_text(re.compile(r"\d"), timeout=12_000)
    expect(desk.locator("#trouble")).to_be_hidden()
    rang = int(desk.evaluate("document.documentElement.dataset.rang || '0'"))
    deadline = time.monotonic() + 40
    while int(desk.evaluate("document.documentElement.dataset.rang || '0'")) <= rang:
        assert time.monotonic() < deadline, "the locked screen fell silent"
        desk.wait_for_timeout(500)
    shoot(desk, "duty-locked")


def test_a_number_does_not_stay_on_a_screen_that_nobody_touches(desk: Page, stack: Stack) -> None:
    leave_a_number(stack, "13900139002")
    sign_in(desk, stack, "duty1")
    desk.locator("article.alert").first.get_by_role("button", name="我来接手").click()
    desk.get_by_role("button", name="查看联系方式").click()
    expect(desk.locator("dl.contact").first).to_be_visible()
    long_ago = (datetime.now(UTC) - timedelta(minutes=16)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(stack.instance / "xinqiao.sqlite3", timeout=10) as database:
        database.execute("UPDATE staff_sessions SET last_used_at = ? WHERE kind = 'screen'", (long_ago,))
    expect(desk.locator("#locked")).to_be_visible(timeout=12_000)
    expect(desk.locator("dl.contact")).to_have_count(0)
    expect(desk.locator("#locked-count")).to_contain_text(re.compile(r"\d"), timeout=12_000)


def test_a_session_that_is_gone_is_told_loudly(desk: Page, stack: Stack) -> None:
    sign_in(desk, stack, "duty2")
    with sqlite3.connect(stack.instance / "xinqiao.sqlite3", timeout=10) as database:
        database.execute("UPDATE staff_sessions SET ended_at = created_at")
    expect(desk.locator("#trouble")).to_contain_text("登录已失效", timeout=12_000)
    expect(desk).to_have_title(re.compile("⚠"))
    shoot(desk, "duty-session-lost")


def test_a_server_that_is_gone_is_told_loudly_and_its_return_too(
    desk: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    instance, port, sandbox_port = tmp_path_factory.mktemp("second") / "instance", free_port(), free_port()
    own = start_stack(instance, port, sandbox_port)
    sign_in(desk, own, "duty1")
    end_stack(own)
    expect(desk.locator("#trouble")).to_contain_text("连接断了", timeout=40_000)
    shoot(desk, "duty-server-lost")
    # A second start finds the data of the first: the session is still good.
    own = start_stack(instance, port, sandbox_port)
    expect(desk.locator("#trouble")).to_be_hidden(timeout=20_000)
    expect(desk.locator("#lamp")).to_have_text("已连接")
    end_stack(own)
    left = subprocess.run(["pgrep", "-f", str(instance)], capture_output=True, text=True)
    assert not left.stdout.strip(), "a process outlived scripts/run"
