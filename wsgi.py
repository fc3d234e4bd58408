"""Entry for gunicorn (`wsgi:app`) and for `flask --app wsgi …`."""

import sys

from server import create_app
from server.cli import offline_app, wants_offline_command
from server.errors import ConfigurationError

try:
    app = offline_app() if wants_offline_command() else create_app()
except ConfigurationError as fault:
    sys.exit(str(fault))
