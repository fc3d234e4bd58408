"""One line of migrations that goes up, down and up again on both databases, and ends where the models stand."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError

from server import create_app
from server.config import Settings
from server.db import CodeEnum, UtcDateTime, make_engine
from server.migrations import FOLDER, alembic_config, head_revision
from server.migrations.models import METADATA
from tests.conftest import SERVER_URL

NOW = datetime(2026, 11, 23, 4, 5, 6, 789012, tzinfo=UTC)


def tables_of(url: str) -> set[str]:
    engine = make_engine(url)
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return names


def with_connection(url: str, work: Callable[[sa.Connection], Any]) -> Any:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


# --- a row in every table -----------------------------------------------------------------------------------------


def value_for(column: sa.Column[Any]) -> Any:
    if column.foreign_keys:
        return None if column.nullable else value_for(next(iter(column.foreign_keys)).column)
    match column.type:
        case CodeEnum() as codes:
            return next(iter(codes.kind))
        case UtcDateTime():
            return NOW
        case sa.Date():
            return date(2026, 11, 23)
        case sa.Boolean():
            return True
        case sa.Integer():
            return 7
        case sa.LargeBinary() as binary:
            return bytes(range(binary.length or 40))
        case sa.JSON():
            return {"total": 9}
        case sa.String() as text:
            return f"{column.table.name}.{column.name}"[: text.length]
    raise AssertionError(f"no value for {column}")


def fill(connection: sa.Connection) -> None:
    for table in METADATA.sorted_tables:
        connection.execute(table.insert().values({column.name: value_for(column) for column in table.columns}))


def rows_of(connection: sa.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table.name: [tuple(row) for row in connection.execute(table.select())] for table in METADATA.sorted_tables}


# --- the line -----------------------------------------------------------------------------------------------------


def test_there_is_one_line_with_one_head() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())

    assert scripts.get_heads() == [head_revision()]
    assert len(scripts.get_bases()) == 1


def test_files_are_numbered_in_the_order_in_which_they_run() -> None:
    in_order = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]
    files = sorted(file.name for file in (FOLDER / "versions").glob("*.py"))

    assert in_order == [f"{number:04}" for number in range(1, len(files) + 1)]
    assert [name[:4] for name in files] == in_order
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in files)


def test_migrations_repeat_their_types_instead_of_importing_them() -> None:
    """A migration must mean tomorrow what it means today."""
    importing = [
        file.name
        for file in (FOLDER / "versions").glob("*.py")
        if re.search(r"^(from|import) server", file.read_text(), re.M)
    ]

    assert importing == []


@pytest.mark.parametrize("url", ["mysql://u:50%25@h/d", "mysql://u:%(here)s@h/d", "sqlite:////tmp/a%20b.sqlite3"])
def test_an_address_may_hold_what_config_files_take_for_a_reference(url: str) -> None:
    assert alembic_config(url).get_main_option("sqlalchemy.url") == url


# --- up, down, up -------------------------------------------------------------------------------------------------


def test_up_down_and_up_again_with_a_row_in_every_table(empty_url: str) -> None:
    config = alembic_config(empty_url)

    command.upgrade(config, "head")
    with_connection(empty_url, fill)
    assert tables_of(empty_url) == {*METADATA.tables, "alembic_version"}

    command.downgrade(config, "base")
    assert tables_of(empty_url) == {"alembic_version"}

    command.upgrade(config, "head")
    with_connection(empty_url, fill)
    assert all(with_connection(empty_url, rows_of).values())


def test_every_step_can_be_taken_back_and_taken_again(empty_url: str) -> None:
    config = alembic_config(empty_url)
    steps = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]

    for step in steps:
        command.upgrade(config, step)
        command.downgrade(config, "-1")
        command.upgrade(config, step)

    command.check(config)


def test_a_second_upgrade_changes_nothing(empty_url: str, tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "xinqiao_env": "development",
            "xinqiao_instance": tmp_path,
            "database_url": empty_url,
            "secret_key": "s" * 32,
            "data_keys": "k1:" + "A" * 43 + "=",
            "public_base_url": "http://127.0.0.1:8000",
            "wechat_oa_app_id": "wx0",
            "wechat_oa_secret": "s",
            "wechat_oa_token": "t",
            "wechat_oa_aes_key": "A" * 43,
        }
    )
    runner = create_app(settings).test_cli_runner()

    first = runner.invoke(args=["db", "upgrade"])
    with_connection(empty_url, fill)
    rows = with_connection(empty_url, rows_of)
    second = runner.invoke(args=["db", "upgrade"])

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert first.output == second.output == f"The database is at {head_revision()}.\n"
    assert with_connection(empty_url, rows_of) == rows


# --- head is what the models say ----------------------------------------------------------------------------------


def test_alembic_finds_no_difference_between_head_and_the_models(migrated_url: str) -> None:
    command.check(alembic_config(migrated_url))


def test_alembic_would_find_one(empty_url: str) -> None:
    config = alembic_config(empty_url)
    command.upgrade(config, "head")
    with_connection(empty_url, lambda connection: connection.exec_driver_sql("DROP TABLE heartbeats"))

    with pytest.raises(CommandError, match="heartbeats"):
        command.check(config)


def definition(connection: sa.Connection, table: str) -> set[str]:
    """The table as the database describes it, by line, with its indexes: collations, lengths and options included."""
    if connection.dialect.name == "sqlite":
        created = connection.execute(
            sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :t AND sql > ''"), {"t": table}
        )
        text = "\n".join(created.scalars())
    else:
        text = connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1]
    text = re.sub(r" AUTO_INCREMENT=\d+", "", text)
    return {re.sub(r"[\"`]", "", line).strip().rstrip(",") for line in re.sub(r"\s*\n\s*", "\n", text).splitlines()}


def test_every_table_is_to_the_letter_what_the_models_would_create(migrated_url: str, empty_url: str) -> None:
    """Alembic compares no collations and no options; the databases' own descriptions show them."""
    with_connection(empty_url, METADATA.create_all)

    def describe(connection: sa.Connection) -> dict[str, set[str]]:
        return {name: definition(connection, name) for name in METADATA.tables}

    assert with_connection(migrated_url, describe) == with_connection(empty_url, describe)


@pytest.mark.sqlite
def test_tables_whose_order_would_tell_whose_is_whose_keep_none(migrated_url: str) -> None:
    without = with_connection(
        migrated_url,
        lambda connection: {row.name for row in connection.exec_driver_sql("PRAGMA table_list") if row.wr},
    )

    assert without == {
        name for name, table in METADATA.tables.items() if table.kwargs.get("sqlite_with_rowid") is False
    }
    assert without >= {"responses", "answers", "inbound_messages"}


@pytest.mark.mariadb
def test_every_table_can_roll_back_and_holds_every_sign(migrated_url: str) -> None:
    query = sa.text(
        "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    found = with_connection(migrated_url, lambda connection: connection.execute(query).all())

    kinds = {name: (engine, collation) for name, engine, collation in found if name != "alembic_version"}
    assert set(kinds) == set(METADATA.tables)
    assert set(kinds.values()) == {("InnoDB", "utf8mb4_bin")}


# --- what later migrations may rely on ----------------------------------------------------------------------------

LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None


def upgrade():
{upgrade}


def downgrade():
    pass
"""


def config_with(folder: Path, url: str, upgrade: str) -> Config:
    """The line of migrations with one more at its end."""
    body = "\n".join(f"    {line}" for line in upgrade.strip().splitlines())
    (folder / "9999_next.py").write_text(LATER.format(head=head_revision(), upgrade=body), encoding="utf-8")
    config = alembic_config(url)
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{FOLDER / 'versions'}\n{folder}")
    return config


ALTERED = """
with op.batch_alter_table("{table}", recreate="always" if {is_sqlite} else "never") as table:
    table.add_column(sa.Column("later", sa.Integer(), nullable=False, server_default="3"))
"""


@pytest.mark.parametrize("table", ["responses", "organisations", "staff_members", "alerts"])
def test_a_table_is_altered_without_losing_what_points_at_it(empty_url: str, tmp_path: Path, table: str) -> None:
    """SQLite drops the old table, and its rows would take along every answer that belongs to them."""
    command.upgrade(alembic_config(empty_url), "head")
    with_connection(empty_url, fill)
    before = with_connection(empty_url, rows_of)

    command.upgrade(config_with(tmp_path, empty_url, ALTERED.format(table=table, is_sqlite=not SERVER_URL)), "head")

    assert with_connection(empty_url, rows_of) == before
    added = with_connection(
        empty_url, lambda connection: connection.execute(sa.text(f"SELECT later FROM {table}")).scalars().all()
    )
    assert added == [3]


@pytest.mark.sqlite
def test_a_migration_that_fails_midway_leaves_the_database_as_it_was(empty_url: str, tmp_path: Path) -> None:
    command.upgrade(alembic_config(empty_url), "head")
    with_connection(empty_url, fill)
    before = with_connection(empty_url, rows_of)
    broken = config_with(tmp_path, empty_url, 'op.drop_table("heartbeats")\nop.execute("SELECT no_such_column")')

    with pytest.raises(DatabaseError, match="no_such_column"):
        command.upgrade(broken, "head")

    assert with_connection(empty_url, rows_of) == before
    command.check(alembic_config(empty_url))


@pytest.mark.sqlite
def test_a_migration_that_orphans_rows_is_taken_back(empty_url: str, tmp_path: Path) -> None:
    command.upgrade(alembic_config(empty_url), "head")
    with_connection(empty_url, fill)

    with pytest.raises(RuntimeError, match="rows of answers"):
        command.upgrade(config_with(tmp_path, empty_url, 'op.execute("DELETE FROM responses")'), "head")

    assert all(with_connection(empty_url, rows_of).values())
