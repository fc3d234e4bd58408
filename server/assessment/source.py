"""YAML read twice over: as data, and as nodes that know the line from which each datum came."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# The way to a datum: keys, list indexes, or the id of a list's entry (or the entry itself, where it is a plain word).
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    line: int
    text: str


class UnreadableError(Exception):
    """The file holds no single YAML mapping; `fault` says why."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(line, text)


@dataclass(frozen=True)
class Document:
    path: Path
    content: bytes
    root: yaml.MappingNode
    data: dict[Any, Any]
    repeated_keys: tuple[Fault, ...]

    def line_of(self, location: Location) -> int:
        """The line, from 1, of the innermost part of `location` that is there: a missing one is told at its parent."""
        node: yaml.Node = self.root
        line = node.start_mark.line
        for part in location:
            found = _entry(node, part)
            if found is not None:
                line, node = found
        return line + 1

    def words(self) -> Iterator[tuple[Location, str, int]]:
        """Every scalar of the file as (where, text, line)."""
        for location, node in _walk(self.root, (), set()):
            if isinstance(node, yaml.ScalarNode):
                yield location, node.value, node.start_mark.line + 1


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: the field that wants one parses it, and a wrong one is told like any other fault."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_document(path: Path) -> Document:
    """Read and parse; raises UnreadableError. Repeated keys are no obstacle to reading and come with the document."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(1, f"cannot be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(content.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise UnreadableError(1, "must hold one YAML mapping")
        repeated = tuple(_repeated_keys(root))  # before construction, which rewrites merge keys in place
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(mark.line + 1 if mark else 1, str(error.problem or error.context)) from None
    except yaml.reader.ReaderError as error:
        raise UnreadableError(
            text.count("\n", 0, error.position) + 1, f"{error.reason}: #x{error.character:04x}"
        ) from None
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        # What PyYAML lets through when a tag does not fit its value, as in `!!bool maybe`.
        raise UnreadableError(1, f"cannot be read as YAML ({type(error).__name__})") from None
    return Document(path, content, root, data, repeated)


def _entry(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        # The last of several: that is the one whose value was read.
        for key, value in reversed(node.value):
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            if index == part or (isinstance(part, str) and part == _name_of(child)):
                return child.start_mark.line, child
    return None


def _name_of(node: yaml.Node) -> object:
    """An entry's id, or the entry itself when it is a plain word."""
    if isinstance(node, yaml.MappingNode):
        return next((value.value for key, value in node.value if key.value == "id"), None)
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _walk(node: yaml.Node, location: Location, seen: set[int]) -> Iterator[tuple[Location, yaml.Node]]:
    """Each node once, however many aliases lead to it."""
    if id(node) in seen:
        return
    seen.add(id(node))
    yield location, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*location, str(key.value)), seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _walk(child, (*location, index), seen)


def _repeated_keys(root: yaml.Node) -> Iterator[Fault]:
    """YAML lets the last of two equal keys win in silence; here that would be a lost rule."""
    for _, node in _walk(root, (), set()):
        if not isinstance(node, yaml.MappingNode):
            continue
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                yield Fault(key.start_mark.line + 1, f"{key.value}: the key stands twice")
            seen.add((key.tag, key.value))
