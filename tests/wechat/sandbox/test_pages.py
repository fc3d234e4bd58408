"""The phone's page: its policy, its texts, and the pictures of its cards."""

import io
import re
import threading
import tomllib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from server.wechat import sandbox as package
from server.wechat.sandbox import faults

from .conftest import Driver

FOLDER = Path(package.__file__ or "").parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self' http://127.0.0.1:8000; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


@pytest.mark.parametrize("path", ["/phone", "/phone/static/phone.js", "/sandbox/clock", "/cgi-bin/token", "/nowhere"])
def test_every_answer_carries_a_policy_without_exceptions(sandbox: Driver, path: str) -> None:
    with sandbox.client.get(path) as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and the text inside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data


def test_the_page_has_no_inline_script_or_style_and_nothing_from_elsewhere(sandbox: Driver) -> None:
    page = Tags(sandbox.client.get("/phone", base_url="http://127.0.0.1:8001").text)

    assert page.inline.strip() == ""
    for _, attributes in page.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert (
                not re.match(r"(https?:)?//", attributes.get(name) or "") or attributes[name] == "http://127.0.0.1:8000"
            )


def test_the_page_offers_every_resident_and_names_each_control(sandbox: Driver) -> None:
    sandbox.post("/residents", id="sun-li", name="孙丽")
    page = Tags(sandbox.client.get("/phone", base_url="http://127.0.0.1:8001").text)
    people = [one["id"] for one in sandbox.get("/residents")["residents"]]

    assert [attributes["value"] for _, attributes in page.tags if attributes.get("name") == "resident"] == people
    labelled = {attributes.get("for") for tag, attributes in page.tags if tag == "label"}
    for tag, attributes in page.tags:
        if tag == "textarea" or (tag == "input" and attributes.get("type") in ("search", "file")):
            assert "aria-label" in attributes or attributes["id"] in labelled


def test_the_start_page_leads_to_the_phone(sandbox: Driver) -> None:
    assert sandbox.client.get("/").location == "/phone"


def test_the_phone_goes_by_the_same_name_of_this_machine_as_the_h5_site(sandbox: Driver) -> None:
    """Else the frame is another site and its cookies are lost."""
    answer = sandbox.client.get("/phone?resident=wu-min", base_url="http://localhost:8001")

    assert answer.location == "http://127.0.0.1:8001/phone?resident=wu-min"
    assert sandbox.client.get("/phone", base_url="http://127.0.0.1:8001").status_code == 200
    assert sandbox.client.get("/phone", base_url="http://192.168.1.5:8001").status_code == 200


def test_each_text_that_the_scripts_ask_for_exists(sandbox: Driver) -> None:
    texts = sandbox.client.get("/phone/texts.json").get_json()
    asked = set()
    for script in (FOLDER / "static").glob("*.js"):
        asked |= set(re.findall(r"\btexts\.(\w+)\.(\w+)", script.read_text(encoding="utf-8")))

    assert asked
    assert [f"{section}.{key}" for section, key in sorted(asked) if key not in texts[section]] == []


def test_each_fault_verdict_and_error_has_a_word_on_the_page() -> None:
    texts = tomllib.loads((FOLDER / "texts.toml").read_text(encoding="utf-8"))
    python = "".join(file.read_text(encoding="utf-8") for file in FOLDER.rglob("*.py"))

    assert set(texts["page"]["fault_kinds"]) == {*faults.API_KINDS, *faults.PUSH_KINDS}
    assert set(re.findall(r'PhoneError\("(\w+)"', python)) <= set(texts["errors"])
    assert set(re.findall(r'(?:attempt|_Delivery\(attempt)\("(\w+)"', python)) <= set(texts["page"]["verdicts"])


@pytest.fixture
def web() -> Iterator[str]:
    """An H5 site that has a picture, a page, and a picture that moved."""
    file = io.BytesIO()
    Image.new("RGB", (36, 20), "#2f7d6b").save(file, "PNG")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"/card.png": ("image/png", file.getvalue()), "/page": ("text/html", b"<p>page</p>")}.get(self.path)
            self.send_response(302 if self.path == "/moved.png" else 200 if found else 404)
            kind, body = found or ("text/plain", b"")
            if self.path == "/moved.png":
                self.send_header("Location", "/card.png")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_picture_of_a_card_comes_through_the_platform_and_only_from_the_h5_site(
    make_sandbox: Callable[..., Driver], web: str
) -> None:
    sandbox = make_sandbox(web_base=web)

    def picture(url: str) -> Any:
        return sandbox.client.get("/phone/picture", query_string={"url": url})

    assert picture(f"{web}/card.png").mimetype == "image/png"
    for url in (
        f"{web}/page",
        f"{web}/moved.png",
        f"{web}/absent.png",
        "http://127.0.0.1:9/card.png",
        f"{web}.cn/card.png",
        "",
    ):
        assert picture(url).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/text", {"resident": "nobody", "content": "x"}, 404, "unknown_resident"),
        ("/text", {"resident": "chen-jing", "content": ""}, 422, "invalid"),
        ("/text", {"resident": "chen-jing", "contents": "x"}, 422, "invalid"),
        ("/scan", {"resident": "chen-jing"}, 422, "invalid"),
        ("/scan", {"resident": "chen-jing", "scene": "none"}, 404, "unknown_code"),
        ("/follow", {"resident": "chen-jing", "code": "none"}, 404, "unknown_code"),
        ("/push", {"body_base64": "!"}, 422, "invalid"),
        ("/push", {"fields": {"a><b": "c"}}, 422, "invalid"),
        ("/nothing", {}, 404, "not_found"),
    ],
)
def test_the_control_api_refuses_with_a_code(
    sandbox: Driver, path: str, body: dict[str, object], status: int, code: str
) -> None:
    answer = sandbox.client.post(f"/sandbox{path}", json=body)

    assert answer.status_code == status
    if path != "/nothing":  # an address that no blueprint owns is answered by Flask
        assert answer.get_json()["error"]["code"] == code


def test_another_site_in_the_same_browser_cannot_drive_the_sandbox(sandbox: Driver) -> None:
    def reset(site: str) -> int:
        return sandbox.client.post("/sandbox/reset", headers={"Sec-Fetch-Site": site}).status_code

    assert [reset(site) for site in ("cross-site", "same-site", "same-origin")] == [403, 403, 200]
    with sandbox.client.post("/sandbox/clock", data='{"offset_seconds": 5}', content_type="text/plain") as answer:
        assert answer.status_code == 415
