"""Numbers to call. Never limited, never behind a log-in, and no store is asked."""

from apiflask import APIBlueprint
from flask import Response

from server.blueprints.json_errors import lines_out
from server.blueprints.miniapp.caching import public
from server.blueprints.miniapp.marks import public_content
from server.blueprints.miniapp.schemas import HotlinesOut
from server.blueprints.requests import parts

bp = APIBlueprint("hotlines", __name__, tag="Hotlines", url_prefix="/hotlines")
EXAMPLE = {"hotlines": [{"name": "24h line", "number": "000", "hours": "00:00-24:00", "audience": "all"}]}


@bp.get("")
@bp.output(HotlinesOut, example=EXAMPLE)
@public_content
def list_hotlines() -> Response:
    """Numbers to call"""
    return public(HotlinesOut.model_validate({"hotlines": lines_out(parts().lines)}))
