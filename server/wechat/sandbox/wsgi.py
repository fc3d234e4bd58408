"""The entry point for gunicorn: one process, many threads, development only."""

import os
import sys

from flask import Flask

from server.wechat.sandbox.app import create_sandbox
from server.wechat.sandbox.settings import read_settings

# gunicorn's APP_LOAD_ERROR: with any other exit code its master would start worker after worker.
APP_LOAD_ERROR = 4


def make_app() -> Flask:
    """The app, or the end of the process with the sentence that says why."""
    try:
        return create_sandbox(read_settings(os.environ))
    except ValueError as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(APP_LOAD_ERROR)


app = make_app()
