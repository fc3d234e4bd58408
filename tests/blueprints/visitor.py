"""Somebody with a browser and no script: opens pages, fills in the forms that stand there, presses the buttons on them.

What a test sends is what the page holds, so a form that lost a field fails here as it would on a phone.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

ZERO, SOME_DAYS, HALF, NEARLY_DAILY = range(4)


@dataclass
class Button:
    label: str = ""
    name: str = ""
    value: str = ""
    is_pressed: bool = False


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    def button(self, label: str) -> Button | None:
        return next((button for button in self.buttons if button.label == label), None)


class Page(HTMLParser):
    """A page as it is read: words, links, forms."""

    def __init__(self, response: TestResponse, address: str) -> None:
        super().__init__()
        self.status, self.address, self.headers = response.status_code, address, response.headers
        self.html = response.get_data(as_text=True)
        self.words, self.links, self.forms = "", [], []
        self._button: Button | None = None
        self._form: Form | None = None
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None and "name" in given:
            self._read_input(given)
        elif tag == "button" and self._form is not None:
            self._button = Button(
                name=given.get("name", ""), value=given.get("value", ""), is_pressed=given.get("aria-pressed") == "true"
            )
            self._form.buttons.append(self._button)

    def _read_input(self, given):
        name, value, kind = given["name"], given.get("value", ""), given.get("type", "text")
        if kind in {"radio", "checkbox"}:
            self._form.choices.setdefault(name, []).append(value)
            if "checked" not in given:
                return
        self._form.fields[name] = value

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "button":
            self._button = None

    def handle_data(self, data):
        self.words += data
        if self._button is not None:
            self._button.label = f"{self._button.label}{data}".strip()

    def form_with(self, label: str) -> Form:
        """The form that has a button of this label."""
        found = [form for form in self.forms if form.button(label)]
        assert found, f"no button {label!r} on {self.address}, only {[b.label for f in self.forms for b in f.buttons]}"
        return found[0]

    @property
    def path(self) -> str:
        return urlsplit(self.address).path

    @property
    def question(self) -> Form:
        return next(form for form in self.forms if "item" in form.fields and form.choices == {} and form.buttons)

    @property
    def options(self) -> list[Button]:
        return [button for button in self.question.buttons if button.name == "code"]

    @property
    def chosen(self) -> str | None:
        return next((button.value for button in self.options if button.is_pressed), None)


class Visitor:
    """One browser. `page` is what it shows now; every page that was shown stays in `history` and can be used again."""

    def __init__(self, app: Flask, *, keeps_cookies: bool = True) -> None:
        self.app = app
        self._client = app.test_client(use_cookies=keeps_cookies)
        self.history: list[Page] = []

    @property
    def page(self) -> Page:
        return self.history[-1]

    def open(self, address: str, **headers: str) -> Page:
        return self._follow(self._client.get(address, headers=headers), address)

    def press(self, label: str, page: Page | None = None, **filled: str) -> Page:
        """Press the button on this page, or on one that is still open in another tab."""
        page = page or self.page
        form = page.form_with(label)
        button = form.button(label)
        return self.send(form, button, **filled)

    def send(self, form: Form, button: Button | None = None, **filled: str) -> Page:
        fields = form.fields | filled
        if button is not None and button.name:
            fields[button.name] = button.value
        return self._follow(self._client.post(form.action, data=fields), form.action)

    def post(self, address: str, fields: dict[str, str], **headers: str) -> Page:
        """Something that no page of ours would send."""
        return self._follow(self._client.post(address, data=fields, headers=headers), address)

    def answer(self, code: int, page: Page | None = None) -> Page:
        """Tap the option with this code."""
        page = page or self.page
        button = next(button for button in page.options if button.value == str(code))
        return self.send(page.question, button)

    def begin(self, instrument_id: str = "phq9", *, age: str = "age_18_59", code: str = "") -> Page:
        self.open(f"/h5/test/{instrument_id}" + (f"?from={code}" if code else ""))
        form = self.page.form_with("开始")
        return self.press("开始", age=age, consent=form.choices["consent"][0])

    def open_item(self, number: int) -> Page:
        """A question of the PHQ-9, as the browser's back button or an address would open it."""
        return self.open(f"/h5/test/phq9/item/phq9_{number}")

    def take(self, codes: list[int], **begin: str) -> Page:
        """Begin a PHQ-9 and answer it, past the red-flag screen; what does not count is not answered."""
        self.begin(**begin)
        for code in codes:
            self.answer(code)
            if self.page.path.endswith("/care"):
                self.press("我现在是安全的，继续")
        if "不计分" in self.page.words:
            self.press("这一问不答")
        return self.page

    def finish(self, codes: list[int], **begin: str) -> Page:
        self.take(codes, **begin)
        return self.press("看结果")

    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._client._cookies.values()}

    def lose_cookies(self, *names: str) -> None:
        """All of them, or those whose name begins so."""
        for cookie in list(self._client._cookies.values()):
            if not names or cookie.key.startswith(names):
                self._client.delete_cookie(cookie.key, path=cookie.path, domain=cookie.domain)

    def _follow(self, response: TestResponse, address: str) -> Page:
        for _ in range(5):
            if response.status_code not in {301, 302, 303, 307, 308}:
                break
            address = response.headers["Location"]
            response = self._client.get(address)
        self.history.append(Page(response, address))
        response.close()  # as a server does once the page has gone out
        return self.page
