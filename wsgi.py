"""Entry for gunicorn (`wsgi:app`) and for `flask --app wsgi …`."""

import gc
import os
import sys

from server import create_app
from server.cli import offline_app, wants_offline_command
from server.errors import ConfigurationError

# gunicorn's own code for "the application cannot be loaded": with any other it starts workers again and again.
_CANNOT_LOAD = 4

try:
    app = offline_app() if wants_offline_command() else create_app()
    # Flask's own mark of its command line: a command loads what it needs, when it needs it.
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        app.extensions["xinqiao"].warm_up()
        # What is loaded now stays: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
except ConfigurationError as fault:
    print(fault, file=sys.stderr)
    sys.exit(_CANNOT_LOAD)
