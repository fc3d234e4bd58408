"""The residents' pages: server-rendered, complete without script, numbers on every page."""

from flask import Flask

from server.blueprints.h5 import assessment, contact, entry, pages
from server.blueprints.h5.me import register_me


def register_h5(app: Flask) -> None:
    for blueprint in (pages.bp, entry.bp, assessment.bp, contact.bp):
        app.register_blueprint(blueprint)
    register_me(app)
