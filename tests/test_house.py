"""The rules of the house: who may import whom, how long a thing may be, and what stands in one place only."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from server.config import ROOT

SERVER = ROOT / "server"
DOMAINS = {"assessment", "crisis", "risk", "accounts", "organisations", "audit"}
LINE_LIMIT = 400
# Longer, for the reason beside it.
LONGER = {
    "server/assessment/service.py": "one journey from the first tap to the last, its refusals at its head",
    "tests/assessment/test_service.py": "the same journey",
    "tests/blueprints/test_console.py": "what one duty screen does",
    "tests/blueprints/test_h5_edges.py": "what goes wrong on real phones, each beside its like",
    "tests/blueprints/test_h5_flow.py": "one walk through all pages",
    "tests/wechat/helpers.py": "WeChat's side of the callback in one piece",
    "tests/wechat/test_callback.py": "what one address takes and refuses",
    "tests/wechat/test_router.py": "what the account says to whom",
}
STATEMENT_LIMIT = 10
# A handler parses, calls, renders. These have more to decide, each for the reason beside it.
BUSIER = {
    "blueprints/h5/assessment.py:answer": "nothing may stand between a danger sign and its alert",
    "blueprints/h5/entry.py:open_code": "a scanned code leads on though it cannot be counted",
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(SERVER.rglob("*.py")):
        yield str(file.relative_to(SERVER)), ast.parse(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("server", include_external_packages=True, cache_dir=None)


# --- who may import whom ------------------------------------------------------------------------------------------


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the linter switches off every logger that it finds."""
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    environ = {"PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environ, capture_output=True, text=True)


def test_every_import_keeps_the_contracts() -> None:
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("audit/service.py", "import server.accounts.models"),
        ("risk/service.py", "import server.accounts.models"),
        ("crisis/service.py", "import flask"),
        ("accounts/staff.py", "import server.config"),
        ("blueprints/wechat.py", "import wechatpy"),
        ("wechat/client.py", "import server.wechat.sandbox.crypto"),
        ("newcomer.py", '"""A module that nobody gave a place."""'),
    ],
)
def test_an_import_that_breaks_a_contract_is_found(tmp_path: Path, file: str, line: str) -> None:
    shutil.copytree(SERVER, tmp_path / "server", ignore=shutil.ignore_patterns("static", "templates", "__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    assert lint(tmp_path).returncode == 0
    with (tmp_path / "server" / file).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{line}\n")

    done = lint(tmp_path)

    assert done.returncode == 1
    assert "BROKEN" in done.stdout or "newcomer" in done.stdout


def test_the_sandbox_shares_no_code_with_the_server(graph: grimp.ImportGraph) -> None:
    """A fault that both had would be invisible."""
    sandbox = "server.wechat.sandbox"
    modules = {sandbox, *graph.find_descendants(sandbox)}
    shared = {
        (importer, imported)
        for importer in modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported not in modules and imported.partition(".")[0] in {"server", "wechatpy"}
    }

    assert len(modules) > 10
    assert shared == set()


def test_nothing_imports_the_package_that_joins_everything(graph: grimp.ImportGraph) -> None:
    """Or create_app's imports would count as its own."""
    assert graph.find_modules_that_directly_import("server") == set()


# --- what stands in one place only --------------------------------------------------------------------------------


def test_only_the_settings_read_the_environment() -> None:
    reading = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("os", "environ"), ("os", "getenv")}
    }

    # The second asks for a variable of the metrics library, the third is another program.
    assert reading == {"config.py", "blueprints/health.py", "wechat/sandbox/wsgi.py"}


def test_domains_are_told_what_time_it_is() -> None:
    """Who reads the clock cannot be tested at another time."""
    reading = [
        name
        for name, tree in trees()
        if name.partition("/")[0] in DOMAINS
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "utc_now")
        or (isinstance(node, ast.Attribute) and node.attr in {"utc_now", "utcnow", "now", "today", "monotonic"})
    ]

    assert reading == []


def test_domains_never_commit() -> None:
    """The edge owns the transaction."""
    committing = [
        (name, node.lineno)
        for name, tree in trees()
        if name.partition("/")[0] in DOMAINS
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback"}
    ]

    assert committing == []


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in trees() if not ast.get_docstring(tree)] == []


# --- how long a thing may be --------------------------------------------------------------------------------------


def test_no_file_is_too_long_to_be_read_in_one_go() -> None:
    files = [*SERVER.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    too_long = {name for name, length in lengths.items() if length > LINE_LIMIT}

    assert too_long - set(LONGER) == set()
    assert set(LONGER) <= set(lengths)


def handlers() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, tree in trees():
        for node in ast.walk(tree):
            if name.startswith("blueprints/") and isinstance(node, ast.FunctionDef) and is_routed(node):
                yield f"{name}:{node.name}", node


def is_routed(function: ast.FunctionDef) -> bool:
    """Decorated with @bp.get(...), @bp.post(...) or their like."""
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and isinstance(decorator.func.value, ast.Name)
        and decorator.func.value.id == "bp"
        for decorator in function.decorator_list
    )


def statements_in(function: ast.FunctionDef) -> int:
    inner = [node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.stmt)]
    return len(inner) - (ast.get_docstring(function) is not None)


# Before somebody is signed in there is nobody whose scope it could be.
UNNARROWED = {"guards.py", "invitation.py", "sign_in.py", "store.py"}


def test_console_pages_ask_the_store_only_as_whoever_is_asking() -> None:
    folder = SERVER / "blueprints" / "console"
    asking = {file.name for file in folder.glob("*.py") if ".database" in file.read_text(encoding="utf-8")}

    assert asking <= UNNARROWED


def test_a_handler_parses_calls_and_renders() -> None:
    lengths = {name: statements_in(function) for name, function in handlers()}

    assert len(lengths) > 20
    assert {name for name, length in lengths.items() if length > STATEMENT_LIMIT} == set(BUSIER)
