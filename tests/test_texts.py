"""Every sentence that the code asks for is there, can be filled, and says nothing that it must not say."""

import ast
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from jinja2 import Environment, nodes

import server
from server.accounts.policy import Role
from server.assessment.policy import AgeBand
from server.audit.actions import Action
from server.blueprints.console import navigation
from server.blueprints.console.duty import PURPOSES
from server.config import ROOT
from server.crisis.models import CallWhen, Outcome, SourceKind
from server.crisis.overview import AlertState
from server.errors import DomainError
from server.organisations.doors import DoorCode
from server.organisations.service import EntryPointState
from server.risk.grades import Grade
from server.texts import MissingText, all_keys, has_text, names_in, text
from server.texts.hotlines import Hotline, hotlines, spoken

SANDBOX = ROOT / "server" / "wechat" / "sandbox"  # speaks for itself, from texts of its own
FILES = sorted((ROOT / "server" / "texts").glob("zh_cn*.toml"))
LOCAL = "020-55550000|08:00-22:00"


TEXT_FUNCTIONS = {"text", "text_or", "has_text"}


class Use(NamedTuple):
    """One place where a text is asked for. `pattern` matches the keys that may be meant."""

    where: str
    pattern: str
    names: frozenset[str]
    has_more: bool  # further names come from a mapping, as `**facts` does


def python_files() -> list[Path]:
    return [file for file in sorted((ROOT / "server").rglob("*.py")) if not file.is_relative_to(SANDBOX)]


def templates() -> list[Path]:
    return sorted((ROOT / "server" / "templates").rglob("*.html"))


def uses_in_code() -> Iterator[Use]:
    for file in python_files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TEXT_FUNCTIONS:
                names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                has_more = any(keyword.arg is None for keyword in node.keywords)
                for pattern in patterns_of(node.args[0]):
                    yield Use(f"{file.relative_to(ROOT)}:{node.lineno}", pattern, names, has_more)


def patterns_of(key: ast.expr) -> Iterator[str]:
    match key:
        case ast.Constant(value=str() as literal):
            yield re.escape(literal)
        case ast.IfExp():
            yield from patterns_of(key.body)
            yield from patterns_of(key.orelse)
        case ast.JoinedStr():
            parts = (
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z0-9_.]+" for part in key.values
            )
            yield "".join(parts)


def uses_in_templates() -> Iterator[Use]:
    environment = Environment(autoescape=True)
    for file in templates():
        for call in environment.parse(file.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                names = frozenset(keyword.key for keyword in call.kwargs)
                pattern = pattern_of_template(call.args[0])
                yield Use(f"{file.relative_to(ROOT)}:{call.lineno}", pattern, names, call.dyn_kwargs is not None)


def prefixes_in_templates() -> Iterator[Use]:
    """`codes | map_words("prefix_")`: a text for each code."""
    environment = Environment(autoescape=True)
    for file in templates():
        for one in environment.parse(file.read_text(encoding="utf-8")).find_all(nodes.Filter):
            if one.name == "map_words":
                pattern = f"{re.escape(one.args[0].value)}[a-z0-9_.]+"
                yield Use(f"{file.relative_to(ROOT)}:{one.lineno}", pattern, frozenset(), False)


def pattern_of_template(key: nodes.Expr) -> str:
    match key:
        case nodes.Const():
            return re.escape(str(key.value))
        case nodes.Concat():
            return "".join(pattern_of_template(part) for part in key.nodes)
    return "[a-z0-9_.]+"


USES = [*uses_in_code(), *uses_in_templates(), *prefixes_in_templates()]


def keys_of(use: Use) -> list[str]:
    return [key for key in all_keys() if re.fullmatch(use.pattern, key)]


# --- what is asked for is there -----------------------------------------------------------------------------------


def test_the_scan_sees_literals_patterns_and_templates() -> None:
    assert len(USES) > 200
    assert sum(use.where.startswith("server/templates") for use in USES) > 100
    assert sum("[a-z0-9_.]+" in use.pattern for use in USES) > 10


def test_every_text_that_is_asked_for_is_there() -> None:
    assert [(use.where, use.pattern) for use in USES if not keys_of(use)] == []


def test_every_string_that_looks_like_the_key_of_a_page_or_a_chat_is_one() -> None:
    """Keys travel through variables too."""
    looks_like_one = re.compile(r"(h5|chat|when|errors|console)\.[a-z0-9_.]+[a-z0-9_]")
    unknown = [
        (str(file.relative_to(ROOT)), node.value)
        for file in python_files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and looks_like_one.fullmatch(node.value)
        and not has_text(node.value)
        and not any(key.startswith(node.value) for key in all_keys())
    ]

    assert unknown == []


def test_nothing_that_is_written_is_never_asked_for() -> None:
    used = {key for use in USES for key in keys_of(use)}
    literals = {
        node.value
        for file in python_files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert [key for key in all_keys() if key not in used | literals and not key.startswith("errors.")] == []


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("duty.grade_", Grade),
        ("duty.outcome_", Outcome),
        ("duty.source_", SourceKind),
        ("duty.purpose_", PURPOSES),
        ("console.role.", Role),
        ("console.action.", Action),
        ("console.alerts.state_", AlertState),
        ("console.menu.", [entry.key for entry in navigation.ENTRIES]),
        ("console.menu.group_", [entry.group for entry in navigation.ENTRIES]),
        ("h5.contact_when_", CallWhen),
        ("h5.age_", [band.removeprefix("age_") for band in AgeBand]),
        ("h5.entry_title_", set(EntryPointState) - {EntryPointState.OPEN}),
        ("h5.entry_lead_", set(EntryPointState) - {EntryPointState.OPEN}),
        ("chat.entry_", set(EntryPointState) - {EntryPointState.OPEN}),
        ("when.weekday_", "0123456"),
    ],
)
def test_every_code_that_people_see_has_its_word(prefix: str, codes: Iterable[str]) -> None:
    assert [code for code in codes if not has_text(f"{prefix}{code}")] == []


def test_every_door_has_an_answer_whether_it_is_open_or_not() -> None:
    for code in set(DoorCode) - {DoorCode.HOME}:
        assert has_text(f"chat.door_{code}") or has_text(f"chat.door_name_{code}"), code


# --- what is there can be filled ----------------------------------------------------------------------------------


def test_every_name_that_a_text_wants_is_given_where_it_is_asked_for() -> None:
    wanting = [
        (use.where, key, missing)
        for use in USES
        if not use.has_more
        for key in keys_of(use)
        if (missing := sorted(names_in(key) - use.names))
        # A pattern matches more than it means; a literal means what it says.
        and "[a-z0-9_.]+" not in use.pattern
    ]

    assert wanting == []


def filled(key: str) -> str:
    return text(key, **dict.fromkeys(names_in(key), "7"))


def test_every_text_can_be_filled_and_is_not_empty() -> None:
    assert [key for key in all_keys() if not filled(key).strip() or re.search(r"[{}]", filled(key))] == []


def test_a_text_without_its_name_is_a_bug_that_speaks() -> None:
    with pytest.raises(KeyError):
        text("when.minutes")
    with pytest.raises(MissingText):
        text("when.never_written")


# --- errors -------------------------------------------------------------------------------------------------------


def all_errors() -> list[type[DomainError]]:
    for module in pkgutil.walk_packages(server.__path__, "server."):
        if not module.name.startswith(("server.migrations.env", "server.migrations.versions", "server.wechat.sandbox")):
            importlib.import_module(module.name)
    found, waiting = set(), [DomainError]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting += kind.__subclasses__()
    return sorted((kind for kind in found if kind.__module__.startswith("server.")), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence(kind: type[DomainError]) -> None:
    assert has_text(f"errors.{kind.code}")


def test_no_two_errors_share_a_code_unless_one_is_a_kind_of_the_other() -> None:
    by_code: dict[str, list[type[DomainError]]] = {}
    for kind in all_errors():
        by_code.setdefault(kind.code, []).append(kind)

    for kinds in by_code.values():
        oldest = min(kinds, key=lambda kind: len(kind.__mro__))
        assert all(issubclass(kind, oldest) for kind in kinds), kinds


def test_every_error_is_raised_with_what_its_sentence_wants() -> None:
    wanted = {kind.__name__: names for kind in all_errors() if (names := names_in(f"errors.{kind.code}"))}
    raised = dict.fromkeys(wanted, 0)
    wanting = []
    for file in python_files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in wanted:
                wanting.append((file.name, node.lineno, node.exc.id))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in wanted:
                raised[node.func.id] += 1
                if wanted[node.func.id] - {keyword.arg for keyword in node.keywords}:
                    wanting.append((file.name, node.lineno, node.func.id))

    assert wanted
    assert wanting == []
    assert [name for name, times in raised.items() if not times] == []


def test_every_sentence_for_an_error_belongs_to_one() -> None:
    codes = {kind.code for kind in all_errors()}
    # Answers of the HTTP edge, which has no exceptions of its own for them.
    codes |= {"title", "request_id", "method", "too_large", "csrf"}

    assert [key for key in all_keys() if key.startswith("errors.") and key.removeprefix("errors.") not in codes] == []


# --- hotlines -----------------------------------------------------------------------------------------------------

NUMBERS = re.compile(r"(?<![\d.])(12356|12355|12320|12338|12345|110|119|120|400\d{7}|400-\d{3,4}-\d{3,4})(?![\d.])")


def test_numbers_to_call_stand_in_one_place_only() -> None:
    lists = re.compile(r"\[\[hotlines\]\].*?(?=\n\[(?!\[hotlines))", re.DOTALL)
    sources = {str(file.relative_to(ROOT)): lists.sub("", file.read_text(encoding="utf-8")) for file in FILES}
    sources |= {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in templates()}
    for file in python_files():
        constants = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        sources[str(file.relative_to(ROOT))] = "\n".join(
            node.value for node in constants if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )

    assert {name: found for name, source in sources.items() if (found := NUMBERS.findall(source))} == {}


def test_the_search_for_numbers_would_find_one() -> None:
    assert NUMBERS.findall("".join(file.read_text(encoding="utf-8") for file in FILES)) == [
        "12356",
        "12355",
        "110",
        "120",
    ]
    assert NUMBERS.findall("请拨12356，或400-161-9995") == ["12356", "400-161-9995"]
    assert NUMBERS.findall('width="1200" 3.120 12356.5') == []


def test_the_national_lines_the_local_one_and_the_emergency_numbers_are_shown() -> None:
    lines = hotlines(LOCAL)

    assert [line.number for line in lines] == ["12356", "020-55550000", "12355", "110", "120"]
    assert lines[1].hours == "08:00-22:00"
    assert all(line.name and line.hours for line in lines)


def test_without_a_local_line_none_is_made_up() -> None:
    assert [line.number for line in hotlines("")] == ["12356", "12355", "110", "120"]


def test_sentences_speak_the_numbers_of_the_list() -> None:
    assert spoken(hotlines(LOCAL)) == {"first": "12356", "young": "12355", "danger": "120 / 110"}


def test_who_a_number_is_for_is_one_of_three() -> None:
    rows = tomllib.loads(FILES[0].read_text(encoding="utf-8"))["hotlines"]

    assert {row["for"] for row in rows} == {"all", "young", "danger"}
    assert all(set(row) == {"name", "number", "hours", "for"} for row in rows)
    assert {line.audience for line in hotlines(LOCAL)} == {"all", "young", "danger"}
    assert isinstance(hotlines(LOCAL)[0], Hotline)


# --- the voice ----------------------------------------------------------------------------------------------------

IDEOGRAPHS = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
# Rules about words, not words to anybody.
MAY_NAME_WORDS = {"server/assessment/wording.py", "server/organisations/hours.py"}


def sentences_in(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
        and IDEOGRAPHS.search(node.value)
    ]


def test_no_chinese_stands_in_code() -> None:
    files = [file for file in (ROOT / "server").rglob("*.py") if str(file.relative_to(ROOT)) not in MAY_NAME_WORDS]

    assert {str(file): found for file in files if (found := sentences_in(file))} == {}


def test_no_chinese_stands_in_templates_and_scripts() -> None:
    scripts = [file for file in (ROOT / "server" / "static").rglob("*.js") if "vendor" not in file.parts]
    holding = [
        str(file)
        for file in [*templates(), *scripts]
        if IDEOGRAPHS.search(re.sub(r"\{#.*?#\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL))
    ]

    assert holding == []


def test_the_search_for_chinese_finds_a_sentence_but_passes_over_a_docstring(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text('"""心桥"""\n# 测评\nA = "“”，。"\nB = "您好"\n', encoding="utf-8")

    assert sentences_in(file) == ["您好"]


def test_no_text_diagnoses_cheers_or_shouts() -> None:
    refused = ("诊断", "患有", "确诊", "亲", "加油", "！", "!", "你")
    said = {key: filled(key).replace("不是诊断", "") for key in all_keys()}

    assert [(key, word) for key, words in said.items() for word in refused if word in words] == []
