"""The mini program's door: JSON under /api/v1, one module a topic. No cookies, so no CSRF; no other site may call it."""

from apiflask import APIBlueprint, APIFlask
from flask import Flask

from server.blueprints.miniapp import (
    access,
    auth,
    contacts,
    docs,
    document,
    hotlines,
    instruments,
    limits,
    places,
    profile,
    responses,
    walls,
)

TOPICS = (hotlines.bp, instruments.bp, responses.bp, contacts.bp, places.bp, auth.bp, profile.bp, docs.bp)


def register_miniapp(app: Flask) -> None:
    assert isinstance(app, APIFlask)
    document.configure(app)
    limits.prepare(app)
    access.prepare(app)
    api = APIBlueprint("api", __name__, url_prefix=document.PREFIX)
    api.before_request(walls.refuse_what_is_no_json)
    for topic in TOPICS:
        api.register_blueprint(topic)
        app.extensions["csrf"].exempt(topic)  # no cookie is read here: a header is all there is
    app.register_blueprint(api)
