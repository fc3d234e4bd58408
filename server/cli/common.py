"""What all commands share."""

from typing import NoReturn

import click
from flask import current_app

from server.parts import Parts


def parts() -> Parts:
    found = current_app.extensions["xinqiao"]
    assert isinstance(found, Parts)
    return found


def fail(sentence: str) -> NoReturn:
    """One sentence and exit code 1."""
    raise click.ClickException(sentence)
