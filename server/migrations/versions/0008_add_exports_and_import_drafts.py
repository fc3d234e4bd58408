"""Add exports with their purpose, and sealed uploads between preview and consent; find acts of the trail by their day."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
SEALED = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("words", sa.String(100), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("decided_by", BIG_ID),
        sa.Column("decided_at", INSTANT),
        sa.Column("ready_at", INSTANT),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exports"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_exports_staff_id"),
        sa.ForeignKeyConstraint(["decided_by"], ["staff_members.id"], name="fk_exports_decided_by"),
        sa.UniqueConstraint("public_id", name="uq_exports_public_id"),
        **TABLE,
    )
    op.create_index("ix_exports_own", "exports", ["staff_id", "id"])
    op.create_index("ix_exports_waiting", "exports", ["state", "requested_at", "id"])
    op.create_table(
        "import_drafts",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("content_sealed", SEALED, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_import_drafts"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_import_drafts_staff_id"),
        sa.UniqueConstraint("public_id", name="uq_import_drafts_public_id"),
        **TABLE,
    )
    op.create_index("ix_import_drafts_staff_id", "import_drafts", ["staff_id"])
    op.create_index("ix_import_drafts_created_at", "import_drafts", ["created_at"])


def downgrade() -> None:
    op.drop_table("import_drafts")
    op.drop_table("exports")
