"""Give staff posts with lines and teams, and the tree departments and service points; let alerts end."""

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length)  # by byte, as every table is utf8mb4_bin


def upgrade() -> None:
    op.create_table(
        "departments",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("code", ascii_text(32), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_departments"),
        sa.UniqueConstraint("public_id", name="uq_departments_public_id"),
        sa.UniqueConstraint("code", name="uq_departments_code"),
        **TABLE,
    )
    op.create_table(
        "service_points",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("address", sa.String(120), nullable=False),
        sa.Column("phone", ascii_text(32), nullable=False),
        sa.Column("hours", sa.String(120), nullable=False),
        sa.Column("host_kind", ascii_text(32), nullable=False),
        sa.Column("accepts_minors", sa.Boolean(), nullable=False),
        sa.Column("is_barrier_free", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_service_points_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_service_points"),
        sa.UniqueConstraint("public_id", name="uq_service_points_public_id"),
        sa.UniqueConstraint("organisation_id", "name", name="uq_service_points_organisation_id_name"),
        **TABLE,
    )
    op.create_table(
        "teams",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_teams_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("public_id", name="uq_teams_public_id"),
        sa.UniqueConstraint("organisation_id", "name", name="uq_teams_organisation_id_name"),
        **TABLE,
    )
    with op.batch_alter_table("organisations") as table:
        table.add_column(sa.Column("is_root", sa.Boolean()))
        table.create_unique_constraint("uq_organisations_is_root", ["is_root"])
    op.execute("UPDATE organisations SET is_root = 1 WHERE parent_id IS NULL")
    # A column that is only added would stand in SQLite's text behind the one before it: the table is written anew.
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("staff_members", recreate="always" if is_sqlite else "never") as table:
        table.add_column(sa.Column("password_changed_at", INSTANT))
    _alter_posts()
    _alter_sessions()
    _alter_alerts()


def _alter_posts() -> None:
    with op.batch_alter_table("staff_posts") as table:
        table.add_column(sa.Column("public_id", ascii_text(22)))
        table.add_column(sa.Column("department_id", BIG_ID))
        table.add_column(sa.Column("team_id", BIG_ID))
        table.add_column(sa.Column("handed_over_at", INSTANT))
        table.create_foreign_key("fk_staff_posts_department_id", "departments", ["department_id"], ["id"])
        table.create_foreign_key("fk_staff_posts_team_id", "teams", ["team_id"], ["id"])
    posts = sa.table("staff_posts", sa.column("id"), sa.column("public_id"))
    for row in op.get_bind().execute(sa.select(posts.c.id)).all():
        op.execute(sa.update(posts).where(posts.c.id == row.id).values(public_id=secrets.token_urlsafe(16)))
    with op.batch_alter_table("staff_posts") as table:
        table.alter_column("public_id", existing_type=ascii_text(22), nullable=False)
        table.create_unique_constraint("uq_staff_posts_public_id", ["public_id"])
    op.create_index("ix_staff_posts_ends_on", "staff_posts", ["ends_on"])


def _alter_sessions() -> None:
    op.execute("DELETE FROM staff_sessions")  # a session is for a shift: everybody signs in again
    with op.batch_alter_table("staff_sessions") as table:
        table.add_column(sa.Column("public_id", ascii_text(22), nullable=False))
        table.add_column(sa.Column("second_factor_at", INSTANT))
        table.create_unique_constraint("uq_staff_sessions_public_id", ["public_id"])


def _alter_alerts() -> None:
    with op.batch_alter_table("alerts") as table:
        table.add_column(sa.Column("department_id", BIG_ID))
        table.add_column(sa.Column("team_id", BIG_ID))
        table.add_column(sa.Column("closed_at", INSTANT))
        table.add_column(sa.Column("closed_by", BIG_ID))
        table.add_column(sa.Column("outcome", ascii_text(32)))
        table.create_foreign_key("fk_alerts_department_id", "departments", ["department_id"], ["id"])
        table.create_foreign_key("fk_alerts_team_id", "teams", ["team_id"], ["id"])
        table.create_foreign_key("fk_alerts_closed_by", "staff_members", ["closed_by"], ["id"])
    op.create_index("ix_alerts_raised", "alerts", ["raised_at", "id"])
    op.create_index("ix_alerts_place", "alerts", ["organisation_id", "raised_at", "id"])
    op.create_index("ix_alerts_taken", "alerts", ["closed_at", "acknowledged_by"])
    op.drop_index("ix_alerts_organisation_id", "alerts")


def downgrade() -> None:
    op.create_index("ix_alerts_organisation_id", "alerts", ["organisation_id"])
    with op.batch_alter_table("alerts") as table:
        for name in ("closed_by", "team_id", "department_id"):
            table.drop_constraint(f"fk_alerts_{name}", type_="foreignkey")
        table.drop_index("ix_alerts_raised")
        table.drop_index("ix_alerts_place")
        table.drop_index("ix_alerts_taken")
        for name in ("outcome", "closed_by", "closed_at", "team_id", "department_id"):
            table.drop_column(name)
    with op.batch_alter_table("staff_sessions") as table:
        table.drop_constraint("uq_staff_sessions_public_id", type_="unique")
        table.drop_column("second_factor_at")
        table.drop_column("public_id")
    with op.batch_alter_table("staff_posts") as table:
        table.drop_constraint("fk_staff_posts_team_id", type_="foreignkey")
        table.drop_constraint("fk_staff_posts_department_id", type_="foreignkey")
        table.drop_constraint("uq_staff_posts_public_id", type_="unique")
        table.drop_index("ix_staff_posts_ends_on")
        for name in ("handed_over_at", "team_id", "department_id", "public_id"):
            table.drop_column(name)
    with op.batch_alter_table("staff_members") as table:
        table.drop_column("password_changed_at")
    with op.batch_alter_table("organisations") as table:
        table.drop_constraint("uq_organisations_is_root", type_="unique")
        table.drop_column("is_root")
    for name in ("teams", "service_points", "departments"):
        op.drop_table(name)
