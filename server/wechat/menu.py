"""The account's menu: content/wechat/menu.yaml, checked before WeChat is asked, and what is live compared with it.

WeChat doc: custom menu, createCustomMenu and getMenu. A refused menu costs quota and says nothing but a code, so all
limits are checked here and every fault is told with its button's name.
"""

import difflib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from server.wechat.api_errors import NO_MENU, GatewayBroken, WeChatError
from server.wechat.client import WeChatApi

MOST_BUTTONS, MOST_SUB_BUTTONS = 3, 5
LONGEST_NAME_BYTES, LONGEST_SUB_NAME_BYTES = 16, 60
LONGEST_KEY_BYTES, LONGEST_URL_BYTES = 128, 1024

# How the file may say what a tap does: a page of this site, any page, or a click that the router answers.
_ACTIONS = ("path", "url", "key")
_SHOWN_FIRST = ("url", "key", "appid", "pagepath")


class BadMenu(ValueError):
    """The file cannot be a menu; `faults` holds one sentence for each thing that is wrong."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Menu:
    """Buttons in WeChat's own shape, without what says nothing (an empty `sub_button`)."""

    buttons: tuple[Mapping[str, Any], ...]

    def lines(self) -> list[str]:
        """The menu as people read it, one button a line, those below indented."""
        return [line for button in self.buttons for line in _lines(button)]


@dataclass(frozen=True, slots=True)
class LiveMenu:
    """What followers see. Conditional menus (by tag or client) stand before the default one and are not ours."""

    menu: Menu
    conditional_count: int = 0


# --- the file ----------------------------------------------------------------------------------------------------


def load_menu(file: Path, *, base_url: str) -> Menu:
    """Read and check the file; a `path` becomes a page below `base_url`. Raises BadMenu with everything wrong."""
    try:
        content = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise BadMenu(f"{file.name} cannot be read: {error.strerror}.") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadMenu(f"{file.name}{line}: {error.problem or 'this is no YAML'}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadMenu(f"{file.name} is not YAML in UTF-8.") from None
    if not isinstance(content, dict) or set(content) != {"button"}:
        raise BadMenu(f"{file.name} must hold `button:` with a list, and nothing else.")
    reader = _Reader(base_url.rstrip("/"))
    buttons = reader.read_buttons(content["button"], "The menu", MOST_BUTTONS, LONGEST_NAME_BYTES, is_top=True)
    if reader.faults:
        raise BadMenu(*reader.faults)
    return Menu(tuple(buttons))


class _Reader:
    """Turns the file's entries into WeChat's buttons and gathers what is wrong with them."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self.faults: list[str] = []

    def read_buttons(
        self, entries: object, where: str, most: int, longest_name: int, *, is_top: bool
    ) -> list[Mapping[str, Any]]:
        if not isinstance(entries, list):
            self.faults.append(f"{where} must be a list of buttons.")
            return []
        if not 1 <= len(entries) <= most:
            self.faults.append(f"{where} has {len(entries)} buttons; WeChat takes 1 to {most}.")
        return [
            self._read_button(entry, f"Button {number} of {where[:1].lower()}{where[1:]}", longest_name, is_top=is_top)
            for number, entry in enumerate(entries, start=1)
        ]

    def _read_button(self, entry: object, where: str, longest_name: int, *, is_top: bool) -> Mapping[str, Any]:
        if not isinstance(entry, dict):
            self.faults.append(f"{where} must have a name and what it does.")
            return {}
        name = entry.get("name")
        if isinstance(name, str) and name.strip():
            where = f'Button "{name}"'
        self._check_text(name, where, "name", longest_name)
        more = set(entry) - {"name"}
        if "sub_button" in more and is_top:
            if more != {"sub_button"}:
                self.faults.append(f"{where} opens a list and can do nothing else: {_named(more - {'sub_button'})}.")
            below = self.read_buttons(
                entry["sub_button"], where, MOST_SUB_BUTTONS, LONGEST_SUB_NAME_BYTES, is_top=False
            )
            return {"name": name, "sub_button": below}
        if "sub_button" in more:
            self.faults.append(f"{where} stands below another button and can have none below itself.")
            more -= {"sub_button"}
        return {"name": name, **self._read_action(entry, where, more)}

    def _read_action(self, entry: Mapping[Any, Any], where: str, given: set[Any]) -> Mapping[str, Any]:
        unknown = given.difference(_ACTIONS)
        if unknown:
            self.faults.append(f"{where} has fields that a menu does not know: {_named(unknown)}.")
        actions = [action for action in _ACTIONS if action in given]
        if len(actions) != 1:
            said = f"has {_named(actions)}" if actions else "does nothing"
            self.faults.append(f"{where} {said}; give it exactly one of path, url, key (or sub_button on top).")
            return {}
        action = actions[0]
        value = entry[action]
        if action == "key":
            self._check_text(value, where, "key", LONGEST_KEY_BYTES)
            return {"type": "click", "key": value}
        return {"type": "view", "url": self._read_address(value, where, action)}

    def _read_address(self, value: object, where: str, action: str) -> object:
        if action == "path":
            if not isinstance(value, str) or not value.startswith("/") or value.startswith("//"):
                self.faults.append(f"{where}: its path must begin with one / and lead to a page of this site.")
                return value
            value = self._base_url + value
        if self._check_text(value, where, "url", LONGEST_URL_BYTES) and not _is_web_address(str(value)):
            self.faults.append(f"{where}: its {action} is no http(s) address without blanks.")
        return value

    def _check_text(self, value: object, where: str, field: str, most_bytes: int) -> bool:
        """WeChat counts bytes of UTF-8: a Chinese character has three."""
        if not isinstance(value, str):
            said = "is missing" if value is None else "must be text (put it in quotes)"
        elif not value.strip():
            said = "is empty"
        elif any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
            said = "holds a line break or another control character"
        elif len(value.encode()) > most_bytes:
            said = f"has {len(value.encode())} bytes; WeChat takes {most_bytes}"
        else:
            return True
        self.faults.append(f"{where}: its {field} {said}.")
        return False


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(map(str.isspace, value))
    except ValueError:
        return False


def _named(fields: Sequence[Any] | set[Any]) -> str:
    return ", ".join(sorted(map(str, fields)))


# --- WeChat ------------------------------------------------------------------------------------------------------


def publish(api: WeChatApi, menu: Menu) -> None:
    """Put the menu in the place of the live one; phones show it within about five minutes. Raises WeChatError."""
    api.post("cgi-bin/menu/create", {"button": list(menu.buttons)}, repeatable=True)


def fetch_live(api: WeChatApi) -> LiveMenu | None:
    """What was last published through the API; None when there is nothing. Raises WeChatError."""
    try:
        answer = api.get("cgi-bin/menu/get")
    except WeChatError as error:
        if error.errcode != NO_MENU:
            raise
        return None
    try:
        buttons = tuple(_without_empty(button) for button in answer["menu"]["button"])
        return LiveMenu(Menu(buttons), len(answer.get("conditionalmenu") or ()))
    except (KeyError, TypeError, AttributeError):
        raise GatewayBroken("cgi-bin/menu/get", "no_menu") from None


def difference(live: Menu | None, wanted: Menu) -> list[str]:
    """A unified diff that leads from the live menu to the wanted one; empty when they are equal."""
    before = live.lines() if live else []
    return list(difflib.unified_diff(before, wanted.lines(), "live", "file", n=99, lineterm=""))


def _without_empty(button: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {field: value for field, value in button.items() if field != "sub_button"}
    below = button.get("sub_button")
    return kept | {"sub_button": [_without_empty(one) for one in below]} if below else kept


def _lines(button: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The name, then what a tap does: its type and every field that it has, the usual ones first."""
    words = [f"{indent}{button.get('name')}"]
    if "type" in button:
        words.append(str(button["type"]))
        fields = [field for field in _SHOWN_FIRST if field in button]
        fields += sorted(set(button) - {"name", "type", "sub_button", *fields})
        words += [str(button[fields[0]]), *(f"{field}={button[field]}" for field in fields[1:])] if fields else []
    yield "  ".join(words)
    for below in button.get("sub_button", ()):
        yield from _lines(below, indent + "    ")
