"""One line of migrations for both databases; `head` equals the models. See env.py and alembic.ini's settings in code."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).resolve().parent


def alembic_config(database_url: str = "") -> Config:
    config = Config()
    # ConfigParser reads % as the start of a reference; passwords and folders may hold one.
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


@cache
def head_revision() -> str:
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head
