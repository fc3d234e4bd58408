"""JSON in and out. Refusals are 4xx with {"error": {"code", "message"}}, the messages for those who build."""

from flask import Blueprint, request
from pydantic import ValidationError
from werkzeug.exceptions import Forbidden, HTTPException

from server.wechat.sandbox import markup, phone
from server.wechat.sandbox.control import acts, reads, world
from server.wechat.sandbox.control.parsing import Json, error
from server.wechat.sandbox.core import Sandbox

STATUS = {"unknown_resident": 404, "unknown_code": 404}


def control_blueprint(box: Sandbox) -> Blueprint:
    """What residents do, what a test arranges, and what there is to see."""
    blueprint = Blueprint("control", __name__, url_prefix="/sandbox")
    for part in (acts, world, reads):
        part.add_routes(blueprint, box)

    @blueprint.before_request
    def refuse_foreign_pages() -> None:
        """The sandbox has no log-in: another site open in the developer's browser must not drive it, nor may the H5
        site itself, which sits in the phone's frame. Programs send no such header."""
        if request.method != "GET" and request.headers.get("Sec-Fetch-Site", "same-origin") not in (
            "same-origin",
            "none",
        ):
            raise Forbidden("Only the sandbox's own page may do this.")

    @blueprint.errorhandler(phone.PhoneError)
    def phone_refuses(fault: phone.PhoneError) -> tuple[Json, int]:
        return error(fault.code, str(fault)), STATUS.get(fault.code, 409)

    @blueprint.errorhandler(ValidationError)
    def bad_input(fault: ValidationError) -> tuple[Json, int]:
        said = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in fault.errors())
        return error("invalid", said), 422

    @blueprint.errorhandler(markup.MarkupError)
    def bad_fields(fault: markup.MarkupError) -> tuple[Json, int]:
        return error("invalid", str(fault)), 422

    @blueprint.errorhandler(HTTPException)
    def http_fault(fault: HTTPException) -> tuple[Json, int]:
        return error("not_found" if fault.code == 404 else "invalid", fault.description or ""), fault.code or 500

    return blueprint
