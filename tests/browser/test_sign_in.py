"""How a newcomer to the console gets in: the code from the phone page, and the way from an invitation to the first page."""

import base64
import json
import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from server.accounts import invitations
from server.accounts.policy import Role
from server.accounts.posts import Wanted
from server.accounts.staff import as_staff
from server.accounts.staff_models import StaffMember
from server.db import Database, make_engine
from server.organisations import service as organisations
from server.vault import Vault
from tests import authenticator
from tests.browser.conftest import DESK, PHONE, Stack, enter_code, shoot
from tests.browser.test_looks import serious_findings

pytestmark = pytest.mark.browser
PASSWORD = "zebra kettle moss 47"


def start(page: Page, stack: Stack, name: str) -> None:
    """The password alone."""
    page.goto(f"{stack.web}/console/sign-in")
    page.fill("input[name=login_name]", name)
    page.fill("input[name=password]", stack.logins[name]["password"])
    page.click("button.primary")


def invite(stack: Stack, login_name: str) -> str:
    """As the page of a security administrator does; returns the link."""
    secrets = json.loads((stack.instance / "development-secrets.json").read_text(encoding="utf-8"))
    engine = make_engine(f"sqlite:///{stack.instance / 'xinqiao.sqlite3'}")

    def work(session) -> str:
        now = datetime.now(UTC)
        admin = session.scalars(sa.select(StaffMember).where(StaffMember.login_name == "security1")).one()
        wanted = Wanted(Role.DUTY_OFFICER, organisations.root_of(session))
        by = as_staff(session, admin, now=now)
        return invitations.invite(
            session, login_name=login_name, display_name="新同事子", wanted=wanted, by=by, now=now
        )[1]

    token = Database(engine, Vault.from_text(secrets["data_keys"])).write(work)
    engine.dispose()
    return f"{stack.web}/console/invitation/{token}"


def test_the_phone_page_shows_the_code_that_opens_the_console(browser: Browser, desk: Page, stack: Stack) -> None:
    start(desk, stack, "duty2")
    expect(desk.locator("h1")).to_have_text("请输入验证码")
    with browser.new_context(viewport=DESK, locale="zh-CN") as context:
        phone = context.new_page()
        phone.goto(f"{stack.sandbox}/phone")
        shown = phone.locator(".one-code").filter(has_text="duty2").locator("output")
        expect(shown).to_have_text(code_shown(stack, "duty2"))
        desk.fill("input.code", shown.inner_text())
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/console/")


def code_shown(stack: Stack, name: str) -> re.Pattern[str]:
    """Either of two, if the half minute ends meanwhile."""
    secret = base64.b32decode(stack.logins[name]["secret"])
    codes = [authenticator.code(secret=secret, steps=steps) for steps in (0, 1)]
    return re.compile("|".join(f"{code[:3]} {code[3:]}" for code in codes))


def test_the_authenticator_fits_the_phone_page_on_a_phone(phone: Page, stack: Stack) -> None:
    phone.goto(f"{stack.sandbox}/phone")
    phone.locator("[data-act=open-panel]:visible").first.click()
    card = phone.locator("#authenticator")
    card.scroll_into_view_if_needed()
    expect(card.locator("#codes-left")).to_contain_text("秒")
    expect(card.locator("output").first).to_have_text(re.compile(r"\d{3} \d{3}"))
    assert card.bounding_box()["width"] <= 375
    shoot(phone, "authenticator-phone")


def test_a_wrong_name_stays_typed_and_a_wrong_code_is_cleared(desk: Page, stack: Stack) -> None:
    desk.goto(f"{stack.web}/console/sign-in")
    desk.fill("input[name=login_name]", "duty2")
    desk.fill("input[name=password]", "not the password")
    desk.click("button.primary")
    expect(desk.get_by_role("alert")).to_contain_text("账号或密码不对")
    expect(desk.locator("input[name=login_name]")).to_have_value("duty2")
    start(desk, stack, "duty2")
    desk.fill("input.code", "000000")
    desk.click("button.primary")
    expect(desk.get_by_role("alert")).to_contain_text("验证码不对")
    expect(desk.locator("input.code")).to_have_value("")
    expect(desk.locator("input.code")).to_be_focused()
    enter_code(desk, stack, "duty2")
    desk.wait_for_url("**/console/")


def test_from_an_invitation_to_the_first_page(desk: Page, stack: Stack) -> None:
    link = invite(stack, "new.colleague")
    desk.goto(link)
    expect(desk.locator("main")).to_contain_text("新同事子，您好")
    shoot(desk, "invitation")
    desk.fill("input[name=new]", PASSWORD)
    desk.fill("input[name=again]", PASSWORD)
    desk.click("button.primary")
    expect(desk.locator("h1")).to_have_text("先设置验证器")
    desk.click("button.primary")
    expect(desk.locator("img.qr")).to_be_visible()
    assert desk.evaluate("document.querySelector('img.qr').naturalWidth") > 100
    secret = desk.locator("code.secret").inner_text()
    desk.fill("input.code", "000000")
    desk.click("button.primary")
    expect(desk.get_by_role("alert")).to_contain_text("验证码不对")
    expect(desk.locator("code.secret")).to_have_text(secret)
    desk.fill("input.code", authenticator.code(secret=base64.b32decode(secret.replace(" ", ""))))
    desk.click("button.primary")
    expect(desk.locator("ol.codes li")).to_have_count(10)
    shoot(desk, "recovery-codes")
    desk.get_by_role("link", name="已经保存好了").click()
    desk.wait_for_url("**/console/")
    desk.goto(link)
    expect(desk.locator("h1")).to_have_text("这个链接打不开了")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_serious_on_the_pages_of_the_account(
    browser: Browser, stack: Stack, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    start(page, stack, "duty2")
    found = serious_findings(page)
    enter_code(page, stack, "duty2")
    page.wait_for_url("**/console/")
    for path in ("account", "account/password", "account/factor", "confirm", "invitation/over", "sign-in"):
        page.goto(f"{stack.web}/console/{path}")
        found += serious_findings(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        shoot(page, f"account-{size['width']}-{path.replace('/', '-')}")
    context.close()
    assert not found, "\n".join(found)
