"""Give colleagues a second factor with recovery codes, invitations, and resets by two persons."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
SEALED = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length)  # by byte, as every table is utf8mb4_bin


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("staff_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("secret_sealed", SEALED),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("next_sealed", SEALED),
        sa.Column("next_for", ascii_text(22)),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_second_factors_staff_id"),
        sa.PrimaryKeyConstraint("staff_id", name="pk_second_factors"),
        **TABLE,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", ascii_text(64), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_recovery_codes_staff_id"),
        sa.PrimaryKeyConstraint("code_hash", name="pk_recovery_codes"),
        **TABLE,
    )
    op.create_index("ix_recovery_codes_staff_id", "recovery_codes", ["staff_id"])
    op.create_table(
        "invitations",
        sa.Column("token_hash", ascii_text(64), nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_invitations_staff_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_invitations"),
        sa.UniqueConstraint("public_id", name="uq_invitations_public_id"),
        **TABLE,
    )
    op.create_index("ix_invitations_staff_id", "invitations", ["staff_id"])
    op.create_table(
        "factor_resets",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("public_id", ascii_text(22), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("asked_by", BIG_ID, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("reason_sealed", SEALED, nullable=False),
        sa.Column("state", ascii_text(32), nullable=False),
        sa.Column("open_for", BIG_ID),
        sa.Column("decided_by", BIG_ID),
        sa.Column("decided_at", INSTANT),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name="fk_factor_resets_staff_id"),
        sa.ForeignKeyConstraint(["asked_by"], ["staff_members.id"], name="fk_factor_resets_asked_by"),
        sa.ForeignKeyConstraint(["decided_by"], ["staff_members.id"], name="fk_factor_resets_decided_by"),
        sa.PrimaryKeyConstraint("id", name="pk_factor_resets"),
        sa.UniqueConstraint("public_id", name="uq_factor_resets_public_id"),
        sa.UniqueConstraint("open_for", name="uq_factor_resets_open_for"),
        **TABLE,
    )
    op.create_index("ix_factor_resets_staff_id", "factor_resets", ["staff_id"])
    op.create_index("ix_factor_resets_state", "factor_resets", ["state", "id"])


def downgrade() -> None:
    for name in ("factor_resets", "invitations", "recovery_codes", "second_factors"):
        op.drop_table(name)
