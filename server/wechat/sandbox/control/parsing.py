"""From a request to a checked input."""

from typing import Any, TypeVar

from flask import request

from server.wechat.sandbox.control.inputs import Input

Json = dict[str, Any]
_I = TypeVar("_I", bound=Input)


def parse(model: type[_I]) -> _I:
    """The JSON body as this model. pydantic's ValidationError and werkzeug's 400 and 415 go up to the blueprint."""
    return model.model_validate(request.get_json())


def error(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message}}
