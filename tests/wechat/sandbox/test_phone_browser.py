"""The phone in a real browser: what a resident does with a thumb, from the poster to the page and back."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import qrcode
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from .callback import Callback, Received, reply_xml
from .conftest import Driver

pytestmark = pytest.mark.browser

PHONE, DESK = {"width": 375, "height": 667}, {"width": 1280, "height": 800}


@pytest.fixture
def chromium(browser: Browser) -> Browser:
    return browser


@pytest.fixture
def web() -> Iterator[str]:
    """An H5 site of two pages."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<!doctype html><h1>{self.path}</h1><a href="/h5/second">next</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sandbox(make_sandbox: Callable[..., Driver], web: str) -> Driver:
    return make_sandbox(web_base=web)


@pytest.fixture
def take_phone(chromium: Browser, sandbox: Driver, serve: Callable[[Driver], str]) -> Iterator[Callable[..., Page]]:
    """Opens the phone; afterwards nothing may have gone wrong in the browser's own eyes."""
    address = serve(sandbox)
    complaints: list[str] = []
    contexts: list[Any] = []

    def take(resident: str = "wu-min", viewport: dict[str, int] = PHONE, scheme: str = "light") -> Page:
        context = chromium.new_context(viewport=viewport, color_scheme=scheme, locale="zh-CN")  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/phone?resident={resident}")
        return page

    yield take
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_photographed_poster_leads_through_the_follow_to_the_greeting(
    sandbox: Driver, callback: Callback, take_phone: Callable[..., Page], tmp_path: Path
) -> None:
    code = sandbox.make_code("street-1")["url"]
    qrcode.make(code).save(tmp_path / "poster.png")
    phone = take_phone()

    phone.get_by_role("button", name="返回").click()
    phone.get_by_role("button", name="扫一扫").click()
    phone.set_input_files("#scan-file", tmp_path / "poster.png")
    phone.get_by_role("button", name="关注", exact=True).click()

    expect(phone.get_by_role("log")).to_contain_text("echo: subscribe qrscene_street-1")
    assert callback.received[0].fields["EventKey"] == "qrscene_street-1"


def test_a_message_is_written_answered_and_shown_once(sandbox: Driver, take_phone: Callable[..., Page]) -> None:
    sandbox.post("/follow", resident="wu-min")
    phone = take_phone()

    phone.get_by_label("写消息").fill("最近睡不好")
    phone.keyboard.press("Enter")

    expect(phone.locator(".bubble").last).to_have_text("echo: 最近睡不好")
    expect(phone.locator(".line.own")).to_have_count(1)
    expect(phone.locator(".is-pending")).to_have_count(0)


def test_markup_in_a_reply_is_text_except_for_links(
    sandbox: Driver, callback: Callback, take_phone: Callable[..., Page], web: str
) -> None:
    said = f'<img src=x onerror="alert(1)"> <a href="{web}/h5/first">看看</a> <a href="javascript:alert(1)">别点</a>'
    callback.answer = lambda received: reply_xml(received, MsgType="text", Content=said)
    sandbox.post("/follow", resident="wu-min")
    phone = take_phone()

    bubble = phone.locator(".bubble").last
    expect(bubble).to_have_text('<img src=x onerror="alert(1)"> 看看 别点')
    expect(bubble.locator("img")).to_have_count(0)
    expect(bubble.get_by_role("link")).to_have_text(["看看"])


def test_a_menu_link_opens_the_page_at_once_and_the_way_back_leads_to_the_chat(
    sandbox: Driver, callback: Callback, take_phone: Callable[..., Page], web: str
) -> None:
    leaf = {"type": "view", "name": "自助练习", "url": f"{web}/h5/first"}
    menu = [{"name": "看看自己", "sub_button": [leaf]}, {"type": "click", "name": "热线", "key": "HOTLINE"}]
    sandbox.call("POST", "menu/create", json={"button": menu})
    sandbox.post("/follow", resident="wu-min")
    phone = take_phone()

    phone.get_by_role("button", name="看看自己").click()
    phone.get_by_role("button", name="自助练习").click()
    frame = phone.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("/h5/first")
    expect(phone.get_by_role("button", name="上一页")).to_be_hidden()
    frame.get_by_role("link").click()
    expect(frame.get_by_role("heading")).to_have_text("/h5/second")
    phone.get_by_role("button", name="上一页").click()
    expect(frame.get_by_role("heading")).to_have_text("/h5/first")
    phone.get_by_role("button", name="关闭网页").click()
    phone.get_by_role("button", name="热线").click()

    expect(phone.locator(".bubble").last).to_have_text("echo: CLICK HOTLINE")
    assert [received.fields["Event"] for received in callback.received] == ["subscribe", "VIEW", "CLICK"]


def test_a_failing_account_says_so_in_the_chat(
    sandbox: Driver, callback: Callback, take_phone: Callable[..., Page]
) -> None:
    sandbox.post("/follow", resident="wu-min")
    callback.status = 500
    phone = take_phone()

    phone.get_by_label("写消息").fill("在吗")
    phone.get_by_role("button", name="发送").click()

    expect(phone.locator(".notice").last).to_have_text("该公众号暂时无法提供服务，请稍后再试")


def test_a_reader_of_old_messages_keeps_the_place_when_a_new_one_comes(
    sandbox: Driver, take_phone: Callable[..., Page]
) -> None:
    sandbox.post("/follow", resident="wu-min")
    for n in range(12):
        sandbox.say(f"第 {n} 句", "wu-min")
    phone = take_phone()
    log = phone.get_by_role("log")
    expect(phone.locator(".bubble").last).to_have_text("echo: 第 11 句")
    log.evaluate("element => { element.scrollTop = 40; }")

    sandbox.say("新的一句", "wu-min")

    expect(phone.get_by_role("button", name="有新消息")).to_be_visible()
    assert log.evaluate("element => element.scrollTop") == 40
    phone.get_by_role("button", name="有新消息").click()
    expect(phone.locator(".bubble").last).to_be_in_viewport()


def test_the_phone_goes_from_hand_to_hand(sandbox: Driver, take_phone: Callable[..., Page]) -> None:
    sandbox.post("/follow", resident="wu-min")
    sandbox.say("我是吴敏", "wu-min")
    phone = take_phone(viewport=DESK)
    expect(phone.locator(".line.own")).to_have_count(1)

    phone.get_by_role("radio", name="李强").check(force=True)

    expect(phone.get_by_role("heading", name="心桥")).to_be_visible()
    expect(phone.locator(".line.own")).to_have_count(0)


def test_the_panel_shows_each_push_with_its_verdict_and_moves_the_clock(
    sandbox: Driver, callback: Callback, take_phone: Callable[..., Page]
) -> None:
    def once_silent(received: Received) -> bytes:
        return b"success" if received.fields.get("Content") == "谢谢" else reply_xml(received, MsgType="poem")

    callback.answer = once_silent
    sandbox.post("/follow", resident="wu-min")
    sandbox.say("谢谢", "wu-min")
    phone = take_phone(viewport=DESK)

    expect(phone.locator("#pushes summary")).to_have_count(2)
    expect(phone.locator("#pushes summary").first).to_contain_text("收到，无回复")
    expect(phone.locator("#pushes summary").last).to_contain_text("失败")
    phone.get_by_role("button", name="+48 小时").click()
    expect(phone.locator("#clock-offset")).to_have_text("比真实时间快 2 天")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_the_pages_have_no_serious_accessibility_finding(
    sandbox: Driver, take_phone: Callable[..., Page], viewport: dict[str, int], scheme: str
) -> None:
    sandbox.make_code("street-1")
    sandbox.post("/follow", resident="wu-min")
    sandbox.say("在吗", "wu-min")
    phone = take_phone(viewport=viewport, scheme=scheme)
    expect(phone.locator(".bubble").last).to_have_text("echo: 在吗")

    def findings() -> list[str]:
        found = Axe().run(phone).response["violations"]
        return [one["id"] for one in found if one["impact"] in ("serious", "critical")]

    assert findings() == []
    phone.locator("#chat").get_by_role("button", name="返回").click()
    phone.locator("#home").get_by_role("button", name="扫一扫").click()
    expect(phone.get_by_role("dialog")).to_contain_text("street-1")
    assert findings() == []


def test_a_poster_keeps_the_focus_while_messages_come_and_go(sandbox: Driver, take_phone: Callable[..., Page]) -> None:
    """The lists beside the phone are read anew at each change, and drawn anew only where they changed."""
    sandbox.make_code("street-1")
    sandbox.post("/follow", resident="wu-min")
    phone = take_phone(viewport=DESK)
    poster = phone.locator("#panel-posters button")
    poster.focus()

    with phone.expect_response(lambda response: "/sandbox/posters" in response.url):
        sandbox.say("在吗", "wu-min")
    expect(phone.locator("#pushes summary")).to_have_count(2)
    with phone.expect_response(lambda response: "/sandbox/phone" in response.url):
        pass

    expect(poster).to_be_focused()
