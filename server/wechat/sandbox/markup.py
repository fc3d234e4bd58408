"""XML as WeChat writes it: elements under <xml>, strings in CDATA, numbers bare; and a strict reader for answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.parsers import expat

Value: TypeAlias = "str | int | float | Mapping[str, Value] | Sequence[Value]"
Fields: TypeAlias = Mapping[str, Value]

# XML 1.0, production 2: what may stand in a document at all.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class MarkupError(Exception):
    """The bytes are no well-formed XML of the kind that WeChat accepts."""


@dataclass
class Element:
    """One element as it was read; a repeated tag is simply several children."""

    tag: str
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def first(self, tag: str) -> "Element | None":
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list["Element"]:
        return [child for child in self.children if child.tag == tag]

    def text_of(self, tag: str) -> str | None:
        """The text of the first such child, or None: an absent element is not an empty one."""
        child = self.first(tag)
        return None if child is None else child.text


def compose(fields: Fields) -> bytes:
    """The document for these fields. A sequence repeats its element; text cannot break out of its CDATA section."""
    return ("<xml>" + "".join(_element(tag, value) for tag, value in fields.items()) + "</xml>").encode()


def _element(tag: str, value: Value) -> str:
    if not _TAG.fullmatch(tag):
        raise MarkupError(f"{tag!r} is no element name")
    if isinstance(value, str):
        return f"<{tag}>{_cdata(value)}</{tag}>"
    if isinstance(value, Mapping):
        return f"<{tag}>" + "".join(_element(inner, part) for inner, part in value.items()) + f"</{tag}>"
    if isinstance(value, Sequence):
        return "".join(_element(tag, part) for part in value)
    return f"<{tag}>{value}</{tag}>"


def _cdata(text: str) -> str:
    return "<![CDATA[" + _FORBIDDEN.sub("", text).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def parse(document: bytes) -> Element:
    """The root element. Raises MarkupError for anything but UTF-8 without a document type and its entities."""
    root = Element("")
    open_elements = [root]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def text(data: str) -> None:
        open_elements[-1].text += data

    def refuse_doctype(*_: object) -> None:
        raise MarkupError("a document type is not allowed")

    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: open_elements.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse_doctype
    try:
        parser.Parse(document, True)
    except expat.ExpatError as fault:
        raise MarkupError(f"not well-formed: {fault}") from None
    return root.children[0]
