"""Forms of the console: one model, and a Chinese sentence beside each field that is not right."""

from datetime import date
from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import MultiDict

from server.accounts.staff import BadLoginName
from server.blueprints.console.forms import FormModel, blank_form, read_form


class Colour(StrEnum):
    PINE = "pine"


class Wanted(FormModel):
    name: Annotated[str, StringConstraints(min_length=2, max_length=5)]
    code: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")] = "x"
    colour: Colour = Colour.PINE
    day: date | None = None
    count: Annotated[int, Field(ge=1, le=9)] = 1
    tags: list[str] = Field(default_factory=list)
    is_open: bool = False

    @field_validator("code")
    @classmethod
    def _known(cls, code: str) -> str:
        if code == "taken":
            raise PydanticCustomError("pattern", "taken")
        return code


def read(**fields):
    return read_form(Wanted, MultiDict(fields))


def test_what_is_right_becomes_the_value_without_blanks_around_it():
    form = read(name=" 云岭 ", colour="pine", day="2026-11-23", count="3", csrf_token="x", is_open="true")

    assert form.faults == {}
    assert form.value == Wanted(name="云岭", day=date(2026, 11, 23), count=3, is_open=True)


def test_a_field_left_empty_is_not_given():
    assert read(name="云岭", day="", count=" ", colour="").value == Wanted(name="云岭")


def test_several_of_one_name_are_a_list():
    assert read_form(Wanted, MultiDict([("name", "云岭"), ("tags", "a"), ("tags", "b")])).value.tags == ["a", "b"]


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "", "这一项要填。"),
        ("name", "云", "至少 2 个字。"),
        ("name", "云岭街道新庄社区", "最多 5 个字。"),
        ("code", "A1", "这一项的写法不对，请再看一下。"),
        ("code", "taken", "这一项的写法不对，请再看一下。"),
        ("colour", "red", "请从列出的选项里选一个。"),
        ("day", "昨天", "请填一个日期，比如 2026-11-23。"),
        ("day", "2026-02-30", "请填一个日期，比如 2026-11-23。"),
        ("count", "三", "这里要填数字。"),
        ("count", "1.5", "这里要填数字。"),
        ("count", "0", "不能小于 1。"),
        ("count", "10", "不能大于 9。"),
        ("is_open", "perhaps", "请从列出的选项里选一个。"),
    ],
)
def test_what_is_not_right_gets_a_sentence_and_stays_as_it_was_typed(field, typed, sentence):
    form = read(**{"name": "云岭", field: typed})

    assert form.value is None
    assert form.faults == {field: sentence}
    assert form.typed.get(field, "") == typed


def test_what_the_service_refuses_stands_beside_its_field(app):
    form = read(name="云岭")

    assert form.refuse("name", BadLoginName()).value is None
    assert "小写字母" in form.faults["name"]


def test_a_page_that_is_opened_has_no_faults():
    form = blank_form(name="云岭")

    assert (form.value, form.typed, form.faults) == (None, {"name": "云岭"}, {})


def test_a_form_is_read_from_the_request(app):
    with app.test_request_context("/console/x", method="POST", data={"name": "云岭"}):
        assert read_form(Wanted).value == Wanted(name="云岭")
