"""The catalogue of acts: whatever the code records stands in it, and whatever stands in it some test has seen."""

import ast

from server.audit.actions import Action
from server.config import ROOT


def recorded() -> dict[str, str]:
    """Where `action=` is given to a record: the code, or the name of what holds it."""
    found = {}
    for file in sorted((ROOT / "server").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "record":
                for keyword in node.keywords:
                    if keyword.arg == "action":
                        found[f"{file.relative_to(ROOT)}:{node.lineno}"] = ast.unparse(keyword.value)
    return found


def test_every_act_that_is_recorded_stands_in_the_catalogue() -> None:
    known = {f"Action.{action.name}" for action in Action} | {repr(str(action)) for action in Action}
    # A name: mypy holds it to the catalogue where it comes from.
    strange = {
        where: code
        for where, code in recorded().items()
        if not set(code.replace(" if ", " else ").split(" else ")) & known and not code.isidentifier()
    }

    assert len(recorded()) > 10
    assert strange == {}


def test_every_act_of_the_catalogue_is_looked_at_by_a_test() -> None:
    here = "test_actions.py"
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py") if file.name != here)

    assert [action for action in Action if f'"{action}"' not in tests] == []


def test_a_code_fits_its_column() -> None:
    assert all(len(action) <= 48 and action.isascii() for action in Action)
