"""A clerk makes a code, prints it and hands it out: what hangs on the wall leads where the page said."""

import io
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from server.accounts.policy import Role
from tests.blueprints.world import World
from tests.browser.conftest import DESK, PHONE, shoot
from tests.browser.test_looks import serious_findings
from tests.canaries import PASSWORD

pytestmark = pytest.mark.browser
SHEET = {"width": 1123, "height": 794}  # a lying A4 at the browser's 96 dpi


@pytest.fixture
def world(app: Flask) -> World:
    return World.build(app)


@pytest.fixture
def site(app: Flask, world: World) -> Iterator[str]:
    """The application over real HTTP, with the clerk of one street."""
    world.hire("clerk", role=Role.CLERK, at=world.streets[0], name="文员甲")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def sign_in(page: Page, site: str, name: str = "clerk") -> None:
    page.goto(f"{site}/console/sign-in")
    page.fill("input[name=login_name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/console/")


def make_code(page: Page, site: str, place: str = "云岭街道新庄社区") -> str:
    page.goto(f"{site}/console/entry-points")
    page.get_by_role("link", name="制作二维码").click()
    page.get_by_role("link", name=place, exact=True).click()
    page.get_by_label("扫码打开").select_option("assessment:phq9")
    page.get_by_label("码的种类").select_option("plain")
    page.get_by_role("button", name="制作").click()
    expect(page.get_by_text("二维码已做好，可以打印了。")).to_be_visible()
    return page.url.rpartition("/")[2]


def codes_in(picture: bytes) -> set[str]:
    with Image.open(io.BytesIO(picture)) as image:
        return {found.text for found in zxingcpp.read_barcodes(image)}


def test_a_clerk_makes_a_code_and_the_picture_opens_what_the_page_said(desk: Page, site: str) -> None:
    sign_in(desk, site)
    code = make_code(desk, site)
    with desk.expect_download() as coming:
        desk.get_by_role("link", name="下载 PNG").click()
    picture = Path(coming.value.path()).read_bytes()

    assert coming.value.suggested_filename == f"xinqiao-{code}.png"
    assert codes_in(picture) == {f"http://127.0.0.1:8000/q/{code}"}
    desk.goto(f"{site}/q/{code}")
    expect(desk.get_by_role("heading", name="心情自评")).to_be_visible()


def test_the_printed_sheet_holds_two_labels_that_a_camera_reads_and_nothing_else(desk: Page, site: str) -> None:
    sign_in(desk, site)
    codes = {make_code(desk, site) for _ in range(3)}
    desk.goto(f"{site}/console/entry-points")
    for code in codes:
        desk.get_by_label(f"打印 {code}").check()
    desk.get_by_role("button", name="打印海报").click()
    expect(desk.get_by_role("button", name="打印")).to_be_visible()
    desk.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    shoot(desk, "posters-on-the-screen")
    pages = re.findall(rb"/Type\s*/Page\b", desk.pdf(prefer_css_page_size=True, print_background=True))
    assert len(pages) == 2

    desk.emulate_media(media="print")
    desk.set_viewport_size(SHEET)
    seen = set()
    for number in range(2):
        top = desk.locator(".sheet").nth(number).bounding_box()["y"]
        clip = {"x": 0, "y": top, **SHEET}
        seen |= codes_in(desk.screenshot(full_page=True, clip=clip, path=None, scale="device"))
    shoot(desk, "posters-printed")
    assert seen == {f"http://127.0.0.1:8000/q/{code}" for code in codes}
    assert not desk.locator("nav:visible, aside:visible, h1:visible, .numbers:visible").count()


PAGES: dict[str, Callable[[World, str], str]] = {
    "places": lambda _, __: "/console/places",
    "place-search": lambda _, __: "/console/places?q=新庄",
    "service-points": lambda _, __: "/console/service-points",
    "departments": lambda _, __: "/console/departments",
    "codes": lambda _, __: "/console/entry-points",
    "code": lambda _, code: f"/console/entry-points/{code}",
    "code-new": lambda world, _: f"/console/places/{world.streets[0].public_id}/entry-points/new",
    "code-revoke": lambda _, code: f"/console/entry-points/{code}/revoke",
    "code-place": lambda _, __: "/console/entry-points/new",
    "print": lambda _, code: f"/console/entry-points/print?code={code}",
    "h5-places": lambda _, __: "/h5/places",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_pages_of_places_and_codes_are_good_to_read_and_to_tap(
    browser: Browser, site: str, world: World, scheme: str, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, site)
    code = make_code(page, site)
    for place in (world.streets[0], world.communities[0]):
        world.open_service_point(place)
    found = []
    for name, address in PAGES.items():
        page.goto(site + address(world, code))
        found += serious_findings(page)
        shoot(page, f"places-{scheme}-{size['width']}-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    context.close()
    assert not found, "\n".join(found)
