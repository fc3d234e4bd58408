"""The staff's pages. Every handler stands behind `guarded(...)`; forms are under CSRF."""

from collections.abc import Iterable

from flask import Flask
from flask_wtf import CSRFProtect

from server.blueprints import wechat
from server.blueprints.console import (
    alerts,
    departments,
    duty,
    entry_points,
    flashes,
    home,
    navigation,
    organisations,
    posters,
    service_points,
    sign_in,
    trail,
)
from server.blueprints.h5 import assessment, contact
from server.texts import text

# Switched off by name only. These forms carry a token of their own, or belong to nobody: a form token that expires must
# never stand in front of a cry for help. The callback is signed by WeChat.
WITHOUT_CSRF = (assessment.bp, contact.bp, wechat.bp)


def register_console(app: Flask) -> None:
    csrf = CSRFProtect(app)
    for blueprint in WITHOUT_CSRF:
        csrf.exempt(blueprint)
    app.jinja_env.globals.update(menu=navigation.menu, address_with=navigation.address_with, take_flashes=flashes.take)
    app.jinja_env.filters["map_words"] = _map_words
    app.register_blueprint(sign_in.bp)
    app.register_blueprint(home.bp)
    app.register_blueprint(duty.bp)
    app.register_blueprint(alerts.bp)
    app.register_blueprint(trail.bp)
    for pages in (organisations, departments, service_points, entry_points, posters):
        app.register_blueprint(pages.bp)


def _map_words(codes: Iterable[str], prefix: str) -> list[tuple[str, str]]:
    """Codes with their words, for a choice."""
    return [(str(code), text(prefix + str(code))) for code in codes]
