"""Public content may be kept for a while and is asked about by its ETag; everything else is `no-store`."""

from typing import Any

from flask import Response, jsonify, make_response, request
from pydantic import BaseModel

KEEP_SECONDS = 300


def public(body: BaseModel | dict[str, Any]) -> Response:
    """The same for everybody: 304 for whoever has it already."""
    said = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
    response = make_response(jsonify(said))
    response.headers["Cache-Control"] = f"public, max-age={KEEP_SECONDS}"
    response.add_etag()
    response.make_conditional(request)
    return response
