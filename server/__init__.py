"""Xinqiao 心桥: the back end of a district's social-psychology service. create_app() joins the parts."""

from flask import Flask

from server.config import Settings, load_settings
from server.db import Database
from server.logs import configure_logs
from server.parts import build_parts


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Flask:
    """The web application. Raises ConfigurationError with one message that names everything wrong."""
    # Imported here, so that tools which import a single domain do not pull in every page.
    from apiflask import APIFlask

    from server.blueprints import register_blueprints
    from server.cli import register_commands

    configure_logs()
    settings = settings or load_settings()
    # Its own pages and its JSON for every fault are off: /api/v1 draws both itself, and pages stay pages.
    app = APIFlask(
        "server",
        title="Xinqiao",
        version="1",
        static_folder=None,  # type: ignore[arg-type]  # Flask's own None: WhiteNoise serves the files
        json_errors=False,
        spec_path=None,
        docs_path=None,
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        SESSION_COOKIE_NAME="xq_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_base_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,
        # The console's forms are the only ones under CSRF; its pages are never embedded.
        WTF_CSRF_SSL_STRICT=False,
    )
    # Otherwise two slashes in an address are answered with a redirect to whatever host the asker named.
    app.url_map.merge_slashes = False
    app.extensions["xinqiao"] = build_parts(settings, database=database)
    register_blueprints(app)
    register_commands(app)
    return app
