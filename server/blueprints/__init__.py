"""HTTP only, by audience. A handler parses, calls one service function, renders; the edge owns transaction and clock."""

from pathlib import Path

from flask import Flask
from whitenoise import WhiteNoise

from server.blueprints import cookie_names, errors, headers, health, requests, wechat
from server.blueprints.console import register_console
from server.blueprints.h5 import register_h5
from server.blueprints.miniapp import register_miniapp
from server.blueprints.proxies import TrustedProxies
from server.blueprints.requests import parts_of

STATIC = Path(__file__).resolve().parent.parent / "static"


def register_blueprints(app: Flask) -> None:
    requests.prepare(app)
    errors.prepare(app)
    app.register_blueprint(health.bp)
    app.register_blueprint(wechat.bp)
    register_h5(app)
    register_console(app)
    register_miniapp(app)
    # WhiteNoise serves the .gz that scripts/setup writes beside each file; a missing asset leaves pages usable.
    development = parts_of(app).settings.is_development
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(STATIC),
        prefix="static/",
        autorefresh=development,
        max_age=0 if development else 31536000,
        allow_all_origins=False,
    )
    app.wsgi_app = wechat.Pushes(app, app.wsgi_app)  # type: ignore[method-assign]
    if parts_of(app).settings.public_base_url.startswith("https://"):
        app.wsgi_app = cookie_names.GuardedCookies(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = headers.SafeHeaders(app.wsgi_app, parts_of(app))  # type: ignore[method-assign]
    app.wsgi_app = TrustedProxies(app.wsgi_app, parts_of(app).settings.trusted_proxies)  # type: ignore[method-assign]
