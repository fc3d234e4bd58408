"""我的: what belongs to a resident, behind a log-in whose cookie is sent to these pages alone. The anonymous doors never see
it: that they take no note of a log-in is not left to their good will.
"""

from flask import Flask

from server.blueprints.h5.me import agreements, data, home, keep, sign_in

BLUEPRINTS = (sign_in.bp, home.bp, keep.bp, agreements.bp, data.bp)


def register_me(app: Flask) -> None:
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
