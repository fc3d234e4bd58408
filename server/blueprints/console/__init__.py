"""The staff's pages. Every handler stands behind `guarded(...)`; forms are under CSRF."""

from flask import Flask
from flask_wtf import CSRFProtect

from server.blueprints import wechat
from server.blueprints.console import duty, sign_in
from server.blueprints.h5 import assessment, contact
from server.blueprints.h5.me import BLUEPRINTS as ME

# Switched off by name only. These forms carry a token of their own, or belong to nobody: a form token that expires must
# never stand in front of a cry for help. The callback is signed by WeChat. 我的 has form
# keys of its own: the cookie that holds these tokens would go to every page.
WITHOUT_CSRF = (assessment.bp, contact.bp, wechat.bp, *ME)


def register_console(app: Flask) -> None:
    csrf = CSRFProtect(app)
    for blueprint in WITHOUT_CSRF:
        csrf.exempt(blueprint)
    app.register_blueprint(sign_in.bp)
    app.register_blueprint(duty.bp)
