"""The sandbox as a Flask app."""

from flask import Flask, Response

from server.wechat.sandbox.control.blueprint import control_blueprint
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.oauth import oauth_blueprint
from server.wechat.sandbox.pages import content_security_policy, pages_blueprint
from server.wechat.sandbox.platform import platform_blueprint
from server.wechat.sandbox.settings import SandboxSettings

__all__ = ["SandboxSettings", "create_sandbox"]

# A photograph for the camera, or a raw push that is too large on purpose (base64 adds a third).
MAX_REQUEST_BYTES = 20_000_000


def create_sandbox(settings: SandboxSettings) -> Flask:
    """One process, any number of threads. `app.extensions["sandbox"].close()` writes what is not written yet.

    Raises ValueError with a sentence when the state file cannot be read.
    """
    box = Sandbox(settings)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # a property of Flask's default provider
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["sandbox"] = box
    app.register_blueprint(platform_blueprint(box))
    app.register_blueprint(control_blueprint(box))
    app.register_blueprint(pages_blueprint(box))
    app.register_blueprint(oauth_blueprint(box))
    policy = content_security_policy(box)

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return app
