"""The pages about a colleague under one roof, so that the menu marks one entry for all of them."""

from flask import Blueprint

from server.blueprints.console import staff, staff_accounts, staff_posts

bp = Blueprint("people", __name__)
for child in (staff.bp, staff_accounts.bp, staff_posts.bp):
    bp.register_blueprint(child)
