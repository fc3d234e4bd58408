"""The staff's pages. Every handler stands behind `guarded(...)`; forms are under CSRF."""

from collections.abc import Iterable

from flask import Flask
from flask_wtf import CSRFProtect

from server.blueprints import wechat
from server.blueprints.console import (
    account,
    alerts,
    departments,
    duty,
    entry_points,
    exports,
    flashes,
    home,
    imports,
    invitation,
    navigation,
    organisations,
    people,
    posters,
    resets,
    roles,
    second_factor,
    service_points,
    sign_in,
    teams,
    trail,
)
from server.blueprints.h5 import assessment, contact
from server.blueprints.h5.me import BLUEPRINTS as ME
from server.texts import text

# Switched off by name only. These forms carry a token of their own, or belong to nobody: a form token that expires must
# never stand in front of a cry for help. The callback is signed by WeChat. 我的 has form
# keys of its own: the cookie that holds these tokens would go to every page.
WITHOUT_CSRF = (assessment.bp, contact.bp, wechat.bp, *ME)


def register_console(app: Flask) -> None:
    csrf = CSRFProtect(app)
    for blueprint in WITHOUT_CSRF:
        csrf.exempt(blueprint)
    app.jinja_env.globals.update(menu=navigation.menu, address_with=navigation.address_with, take_flashes=flashes.take)
    app.jinja_env.filters["map_words"] = _map_words
    app.register_blueprint(sign_in.bp)
    for blueprint in (home.bp, second_factor.bp, invitation.bp, account.bp, resets.bp, duty.bp, alerts.bp):
        app.register_blueprint(blueprint)
    for pages in (organisations, departments, service_points, entry_points, posters):
        app.register_blueprint(pages.bp)
    for blueprint in (people.bp, teams.bp, roles.bp, trail.bp, exports.bp, imports.bp):
        app.register_blueprint(blueprint)


def _map_words(codes: Iterable[str], prefix: str) -> list[tuple[str, str]]:
    """Codes with their words, for a choice."""
    return [(str(code), text(prefix + str(code))) for code in codes]
