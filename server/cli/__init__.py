"""The command line of operators, by topic. `instruments` and `risk` need neither secrets nor database."""

import sys

from flask import Flask

from server.cli.instruments import instruments_group
from server.cli.risk import risk_group

# Commands on data that is handed to them: they run before anything is set up.
OFFLINE = {instruments_group.name, risk_group.name}


def register_commands(app: Flask) -> None:
    from server.cli.audit import audit_group
    from server.cli.database import db_group
    from server.cli.demo import demo_group
    from server.cli.duty import duty_group
    from server.cli.organisations import organisations_group
    from server.cli.qr import qr_group
    from server.cli.staff import staff_group
    from server.cli.wechat import wechat_group
    from server.cli.worker import worker_command

    for command in (
        instruments_group, risk_group, audit_group, db_group, demo_group, duty_group, organisations_group, qr_group,
        staff_group, wechat_group, worker_command,
    ):  # fmt: skip
        app.cli.add_command(command)


def wants_offline_command(arguments: list[str] | None = None) -> bool:
    """Whether `flask … instruments …` or `flask … risk …` is running: the first word that is no option decides."""
    words = iter(sys.argv if arguments is None else arguments)
    if not next(words, "").endswith(("flask", "flask/__main__.py")):
        return False
    for word in words:
        if word in {"--app", "-A", "--env-file", "-e"}:
            next(words, None)
        elif not word.startswith("-"):
            return word in OFFLINE
    return False


def offline_app() -> Flask:
    """An app that has the offline commands and nothing else."""
    app = Flask("server", static_folder=None)
    app.cli.add_command(instruments_group)
    app.cli.add_command(risk_group)
    return app
