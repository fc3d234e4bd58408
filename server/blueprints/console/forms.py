"""Forms of the console, checked by a pydantic model: the value, or a sentence beside each field that is not right.

    class PostForm(FormModel):
        role: Role
        ends_on: date | None = None

    form = read_form(PostForm)
    if form.value is None:
        return _page(form), 422

A field left empty counts as not given, so its default holds. What was typed comes back as it was typed. A validator names
its own sentence by raising PydanticCustomError with the rest of a `console.fault.…` key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_origin

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.datastructures import MultiDict

from server.blueprints.errors import sentence_of
from server.errors import DomainError
from server.texts import has_text, names_in, text

_MANY = {list, tuple, set, frozenset}
# Pydantic has a hundred kinds of fault; people need to hear of eight.
_KINDS = {
    "missing": "missing",
    "string_too_short": "too_short",
    "too_short": "missing",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "pattern",
    "enum": "choice",
    "literal_error": "choice",
    "bool_parsing": "choice",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
}


class FormModel(BaseModel):
    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True, frozen=True)


M = TypeVar("M", bound=FormModel)


@dataclass(slots=True)
class Form(Generic[M]):
    """`typed` and `faults` by field; `value` is there when no field has a fault."""

    value: M | None = None
    typed: Mapping[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def refuse(self, name: str, refusal: DomainError) -> "Form[M]":
        """What the service said, beside the field that it speaks of."""
        self.value = None
        self.faults[name] = sentence_of(refusal)
        return self


def blank_form(**typed: Any) -> Form[Any]:
    """For a page that is opened, perhaps with what is stored."""
    return Form(typed=typed)


def read_form(model: type[M], sent: MultiDict[str, str] | None = None) -> Form[M]:
    """The request's form, or `sent` (request.args, for filters)."""
    sent = request.form if sent is None else sent
    typed: dict[str, Any] = {}
    for name, known in model.model_fields.items():
        values = [value for value in sent.getlist(name) if value.strip()]
        if values:
            typed[name] = values if get_origin(known.annotation) in _MANY else values[0]
    try:
        return Form(value=model.model_validate(typed), typed=typed)
    except ValidationError as refusal:
        faults: dict[str, str] = {}
        for error in refusal.errors(include_url=False):
            faults.setdefault(str(error["loc"][0]) if error["loc"] else "form", _sentence(error))
        return Form(typed=typed, faults=faults)


def _sentence(error: ErrorDetails) -> str:
    kind = error["type"]
    if not has_text(f"console.fault.{kind}"):
        kind = _KINDS.get(kind) or ("day" if kind.startswith("date") else "number" if "int" in kind else "invalid")
    facts, key = error.get("ctx", {}), f"console.fault.{kind}"
    # The bound stands under another name for each kind of fault.
    bound = next((facts[name] for name in ("min_length", "max_length", "gt", "ge", "lt", "le") if name in facts), "")
    return text(key, **{name: facts.get(name, bound) for name in names_in(key)})
